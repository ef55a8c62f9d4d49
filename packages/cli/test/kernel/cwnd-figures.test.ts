import { describe, expect, test } from 'bun:test';
import { figures, goodputs, type Sample } from './cwnd-figures.ts';
import { parseLook } from './kernel-sender.ts';

const QUIET: Sample = {
  seconds: 0,
  cwndBytes: 1000,
  ssthreshBytes: Infinity,
  srttMs: 40,
  flightBytes: 1000,
  ackedBytes: 0,
  retransmits: 0,
  caState: 0,
  inStartup: false,
};

/** One sample a second, 125 kB apart. */
function run(changes: readonly Partial<Sample>[]): Sample[] {
  return changes.map((change, i) => ({
    ...QUIET,
    seconds: i,
    ackedBytes: i * 125_000,
    ...change,
  }));
}

describe('figures()', () => {
  test('takes goodput from the first to the last look, percentiles by rank', () => {
    const { goodputMbps, cwndP50, cwndP95, srttP99 } = figures(
      run([1, 2, 3, 4, 5].map((n) => ({ cwndBytes: n * 100, srttMs: 10 * n }))),
      false,
    );
    expect(goodputMbps).toBe(1);
    expect([cwndP50, cwndP95, srttP99]).toEqual([300, 500, 50]);
  });

  test('counts how often the sender went into recovery, not how long it stayed', () => {
    const states = [0, 1, 3, 3, 0, 2, 0, 4, 3, 0, 3];
    const samples = run(states.map((caState) => ({ caState })));
    expect(figures(samples, false).recoveries).toBe(3);
  });

  test('CUBIC leaves slow start where the window meets the threshold', () => {
    const samples = run([
      { cwndBytes: 900 },
      { cwndBytes: 1200 },
      { cwndBytes: 800, ssthreshBytes: 800 },
    ]);
    expect(figures(samples, false).slowStartSeconds).toBe(2);
    expect(figures(samples.slice(0, 2), false).slowStartSeconds).toBeUndefined();
  });

  test('BBR leaves STARTUP after it was in it, whatever it said before the first ACK', () => {
    const phases = [false, true, true, false, true];
    const samples = run(phases.map((inStartup) => ({ inStartup })));
    expect(figures(samples, true).slowStartSeconds).toBe(3);
  });

  test('refuses a run in which nobody looked', () => {
    expect(() => figures([], false)).toThrow(RangeError);
  });
});

describe('goodputs()', () => {
  test('looks back for a window, as far as there are samples', () => {
    const samples = run([{}, {}, {}, { ackedBytes: 1_000_000 }]);
    expect(goodputs(samples, 2)).toEqual([0, 1, 1, 3.5]);
  });
});

describe('parseLook()', () => {
  test('reads what kernel-sender.pl prints', () => {
    const look = parseLook('1.500000 1448 10 2147483647 40123 7 123456 5 3 739');
    expect(look).toEqual({
      seconds: 1.5,
      cwndBytes: 14_480,
      ssthreshBytes: Infinity,
      srttMs: 40.123,
      flightBytes: 7 * 1448,
      ackedBytes: 123_456,
      retransmits: 5,
      caState: 3,
      inStartup: true,
    });
    expect(parseLook('1 1448 10 7 1 0 1 0 0 320').ssthreshBytes).toBe(7 * 1448);
    expect(parseLook('1 1448 10 7 1 0 1 0 0 320').inStartup).toBe(false);
  });

  test('refuses anything else', () => {
    expect(() => parseLook('1.5 1448 10')).toThrow(SyntaxError);
    expect(() => parseLook('a b c d e f g h i j')).toThrow(SyntaxError);
  });
});
