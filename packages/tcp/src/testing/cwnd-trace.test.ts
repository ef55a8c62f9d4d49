import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { BbrMode } from '../congestion/bbr-state.ts';
import { trace, TRACE_DEFAULTS, traceCsv, traceSvg } from './cwnd-trace.ts';

// Minutes of virtual time; a loaded machine is no reason to fail.
setDefaultTimeout(60_000);

const SHORT = { ...TRACE_DEFAULTS, seconds: 6, mbps: 20, queueKb: 100 };

describe('cwnd-trace', () => {
  test('the same options give the same chart', () => {
    const first = traceSvg(SHORT, trace(SHORT));
    expect(traceSvg(SHORT, trace(SHORT))).toBe(first);
    const other = { ...SHORT, seed: 2, loss: 0.01 };
    expect(traceSvg(other, trace(other))).not.toBe(first);
  });

  test('the chart shows window, flight, rates and PROBE_RTT; every element is closed', () => {
    const rows = trace(SHORT);
    expect(rows.some(({ mode }) => mode === BbrMode.ProbeRtt)).toBe(true);
    const svg = traceSvg(SHORT, rows);
    for (const name of ['congestion window', 'in flight', 'pacing rate', 'goodput', 'PROBE_RTT']) {
      expect(svg).toContain(`>${name}</text>`);
    }
    expect(svg.match(/<text /g)!.length).toBe(svg.match(/<\/text>/g)!.length);
    for (const element of svg.match(/<(path|rect)[^>]*>/g)!) expect(element).toEndWith('/>');
    expect(svg).not.toContain('NaN');
    expect(traceSvg({ ...SHORT, log: true }, rows)).not.toContain('NaN');
  });

  test('CSV has a header and a row per sample', () => {
    const rows = trace({ ...SHORT, congestion: 'cubic' });
    const lines = traceCsv(rows).trimEnd().split('\n');
    expect(lines.length).toBe(rows.length + 1);
    expect(new Set(lines.map((line) => line.split(',').length))).toEqual(new Set([8]));
    expect(rows.at(-1)!.pacingMbps).toBe(0);
    expect(rows.at(-1)!.goodputMbps).toBeGreaterThan(10);
  });
});
