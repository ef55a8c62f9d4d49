import { describe, expect, test } from 'bun:test';
import { Congestion } from '../config.ts';
import { Recovery } from '../recovery.ts';
import type { Tcb } from '../tcb.ts';
import { Link } from '../testing/link.ts';
import { loneTcbs } from '../testing/lone-tcb.ts';
import type { CongestionControl } from './congestion.ts';
import { cubic } from './cubic.ts';
import { newReno } from './new-reno.ts';
import { none } from './none.ts';
import { controllerOf } from './registry.ts';

const MS = 1_000_000;
const MSS = 1000;
const RTT = 20 * MS;

/** An open connection with a window of `segments` and a round trip of 20 ms. */
function connection(control: CongestionControl, segments: number): Tcb {
  const tcb = loneTcbs(1)[0]!;
  tcb.mss = MSS;
  tcb.cwnd = segments * MSS;
  tcb.ssthresh = 2 ** 30;
  tcb.srttNs = RTT;
  tcb.minRttNs = RTT;
  control.open(tcb, 0);
  return tcb;
}

/** Acknowledges one window of data, segment by segment. */
function oneRound(control: CongestionControl, tcb: Tcb, nowNs: number): void {
  const segments = Math.floor(tcb.cwnd / MSS);
  for (let i = 0; i < segments; i += 1) control.acked(tcb, MSS, nowNs + (i * RTT) / segments);
}

/** Those that reduce their window by a factor. */
const REDUCING: readonly (readonly [CongestionControl, number])[] = [
  [newReno, 0.5],
  [cubic, 0.7],
];
/** With the send buffer of the bottleneck test: the whole window of `none` has to fit the queue. */
const CONTROLLERS: readonly (readonly [CongestionControl, Congestion, number])[] = [
  [newReno, Congestion.NewReno, 1 << 20],
  [cubic, Congestion.Cubic, 1 << 20],
  [none, Congestion.None, 118_000],
];

for (const [control, factor] of REDUCING) {
  describe(`congestion controller ${control.name}`, () => {
    test('slow start doubles the window in a round trip (RFC 5681, 3.1)', () => {
      const tcb = connection(control, 10);
      oneRound(control, tcb, 0);
      expect(tcb.cwnd).toBe(20 * MSS);
    });

    test('slow start stops at ssthresh', () => {
      const tcb = connection(control, 10);
      tcb.ssthresh = 15 * MSS;
      oneRound(control, tcb, 0);
      expect(tcb.cwnd).toBeGreaterThanOrEqual(15 * MSS);
      expect(tcb.cwnd).toBeLessThan(17 * MSS);
    });

    test('an ACK of a whole window does not double it after a loss (RFC 3465, 2.3)', () => {
      const tcb = connection(control, 20);
      tcb.recovery = Recovery.Loss;
      control.acked(tcb, 20 * MSS, 0);
      expect(tcb.cwnd).toBeLessThan(30 * MSS);
      expect(tcb.cwnd).toBeGreaterThan(20 * MSS);
    });

    test(`a loss reduces the threshold to ${factor} of the flight`, () => {
      const tcb = connection(control, 100);
      control.congestion(tcb, 100 * MSS, 0);
      expect(tcb.ssthresh).toBe(Math.round(100 * factor) * MSS);
    });

    test('the threshold falls to two segments (RFC 5681, equation 4)', () => {
      const tcb = connection(control, 1);
      control.congestion(tcb, 1, 0);
      expect(tcb.ssthresh).toBe(2 * MSS);
      control.timeout(tcb, 0, 0);
      expect(tcb.ssthresh).toBe(2 * MSS);
    });

    test('congestion avoidance grows, slower than slow start, and never shrinks', () => {
      const tcb = connection(control, 50);
      control.congestion(tcb, 50 * MSS, 0);
      tcb.cwnd = tcb.ssthresh;
      let nowNs = 0;
      for (let round = 0; round < 300; round += 1) {
        const before = tcb.cwnd;
        oneRound(control, tcb, nowNs);
        expect(tcb.cwnd).toBeGreaterThanOrEqual(before);
        expect(tcb.cwnd).toBeLessThanOrEqual(before * 1.6);
        nowNs += RTT;
      }
      expect(tcb.cwnd).toBeGreaterThan(60 * MSS);
    });

    test('an undone reduction lets the window go on from where it was', () => {
      const tcb = connection(control, 50);
      control.congestion(tcb, 50 * MSS, 0);
      tcb.cwnd = 50 * MSS;
      tcb.ssthresh = 50 * MSS;
      control.undone(tcb);
      oneRound(control, tcb, MS);
      expect(tcb.cwnd).toBeGreaterThanOrEqual(50 * MSS);
      expect(tcb.cwnd).toBeLessThan(56 * MSS);
    });
  });
}

for (const [control, number, sendBufferBytes] of CONTROLLERS) {
  describe(`congestion controller ${control.name}`, () => {
    test('is found by its number', () => {
      const tcb = connection(control, 10);
      tcb.congestion = number;
      expect(controllerOf(tcb)).toBe(control);
    });

    test('the threshold never falls below two segments (RFC 5681, equation 4)', () => {
      const tcb = connection(control, 1);
      control.congestion(tcb, 1, 0);
      expect(tcb.ssthresh).toBeGreaterThanOrEqual(2 * MSS);
      control.timeout(tcb, 0, 0);
      expect(tcb.ssthresh).toBeGreaterThanOrEqual(2 * MSS);
    });

    test('after a timeout the first answers let the window grow (RFC 5681, 3.1)', () => {
      const tcb = connection(control, 10);
      control.timeout(tcb, 10 * MSS, 0);
      tcb.cwnd = MSS;
      control.acked(tcb, MSS, MS);
      expect(tcb.cwnd).toBeGreaterThanOrEqual(2 * MSS);
    });

    test('the window is a whole number of bytes', () => {
      const tcb = connection(control, 33);
      control.congestion(tcb, 33_333, 0);
      tcb.cwnd = tcb.ssthresh;
      for (let i = 0; i < 1000; i += 1) {
        control.acked(tcb, 777, i * MS);
        expect(Number.isInteger(tcb.cwnd)).toBe(true);
      }
    });

    test('a bottleneck is used, and its queue is not flooded', () => {
      const config = { congestion: number, sendBufferBytes };
      const link = new Link({
        seed: 5,
        delayNs: 10 * MS,
        bitsPerSecond: 50e6,
        queueBytes: 125_000,
        a: { record: false, frames: 8192, config },
        b: { record: false, frames: 8192, config },
      });
      const { client } = link.connect();
      const chunk = new Uint8Array(65_536);
      const fill = (): void => {
        while (link.a.tcp.write(client, chunk, 0, chunk.length) === chunk.length);
      };
      link.a.onDrained = fill;
      let received = 0;
      link.b.onData = (_tcb, _frame, _at, length): void => {
        received += length;
      };
      fill();
      link.runFor(10e9);
      // 50 Mbit/s for ten seconds are 62.5 MB on the line, headers included.
      expect(received).toBeGreaterThan(0.85 * 62.5e6 * (1448 / 1500));
      expect(link.dropped / link.packets).toBeLessThan(0.01);
      expect(link.a.tcp.counters.timeouts).toBe(0);
    });
  });
}

describe('NewReno (RFC 5681)', () => {
  test('one ACK opens the window by two segments at most (RFC 3465, 2.2)', () => {
    const tcb = connection(newReno, 20);
    newReno.acked(tcb, 20 * MSS, 0);
    expect(tcb.cwnd).toBe(22 * MSS);
  });
});

describe('CUBIC (RFC 9438)', () => {
  test('an ACK of a run counts in full, and begins to pace slow start (RFC 9406, 4.2)', () => {
    const tcb = connection(cubic, 20);
    cubic.acked(tcb, 8 * MSS, 0);
    expect([tcb.cwnd, tcb.stretched]).toEqual([28 * MSS, 0]);
    cubic.acked(tcb, 20 * MSS, 0);
    expect([tcb.cwnd, tcb.stretched]).toEqual([48 * MSS, 1]);
    tcb.ssthresh = 50 * MSS;
    cubic.acked(tcb, 40 * MSS, 0);
    expect(tcb.cwnd).toBe(50 * MSS);
  });

  test('returns to the old maximum after K seconds, slowly around it, then faster', () => {
    const tcb = connection(cubic, 100);
    cubic.congestion(tcb, 100 * MSS, 0);
    tcb.cwnd = tcb.ssthresh;
    // K = cbrt((100 - 70) / 0.4) = 4.2 s
    const window: number[] = [];
    for (let nowNs = MS; nowNs < 9e9; nowNs += RTT) {
      // A round trip of one second's share, so that the Reno estimate does not lead.
      for (let i = 0; i < 10; i += 1) cubic.acked(tcb, MSS, nowNs);
      window.push(tcb.cwnd / MSS);
    }
    const at = (seconds: number): number => window[Math.floor((seconds * 1e9) / RTT)]!;
    expect(tcb.cubicK).toBeCloseTo(4.217, 2);
    expect(at(4.2)).toBeGreaterThan(93);
    expect(at(4.2)).toBeLessThan(103);
    expect(at(5) - at(4)).toBeLessThan(at(1) - at(0.02));
    expect(at(8.5) - at(7.5)).toBeGreaterThan(at(5) - at(4));
  });

  test('gives way faster when it loses below the old maximum (4.7)', () => {
    const tcb = connection(cubic, 100);
    cubic.congestion(tcb, 100 * MSS, 0);
    tcb.cwnd = 80 * MSS;
    cubic.congestion(tcb, 80 * MSS, 0);
    expect(tcb.cubicWMax).toBeCloseTo(68 * MSS, 0);
  });

  test('HyStart++ leaves slow start when the delay grows (RFC 9406)', () => {
    const tcb = connection(cubic, 10);
    const round = (rttNs: number): void => {
      tcb.sndUna = tcb.sndNxt;
      tcb.sndNxt = (tcb.sndNxt + 10_000) | 0;
      for (let i = 0; i < 10; i += 1) {
        cubic.rttSample(tcb, rttNs, 0);
        tcb.sndUna = (tcb.sndUna + 1) | 0;
        cubic.acked(tcb, MSS, 0);
      }
    };
    round(RTT);
    round(RTT);
    expect(tcb.hyCssRounds).toBe(0);
    round(RTT + 5 * MS);
    expect(tcb.hyCssRounds).toBe(1);
    const { cwnd } = tcb;
    round(RTT + 5 * MS);
    // A quarter of the growth of slow start.
    expect(tcb.cwnd - cwnd).toBeLessThanOrEqual(3 * MSS);
    for (let i = 0; i < 5; i += 1) round(RTT + 5 * MS);
    expect(tcb.ssthresh).toBeLessThan(2 ** 30);
  });

  test('HyStart++ goes on with slow start when the delay was jitter (RFC 9406, 4.2)', () => {
    const tcb = connection(cubic, 10);
    const round = (rttNs: number): void => {
      tcb.sndUna = tcb.sndNxt;
      tcb.sndNxt = (tcb.sndNxt + 10_000) | 0;
      for (let i = 0; i < 10; i += 1) {
        cubic.rttSample(tcb, rttNs, 0);
        tcb.sndUna = (tcb.sndUna + 1) | 0;
      }
    };
    round(RTT);
    round(RTT);
    round(RTT + 5 * MS);
    expect(tcb.hyCssRounds).toBe(1);
    round(RTT);
    expect(tcb.hyCssRounds).toBe(0);
  });
});
