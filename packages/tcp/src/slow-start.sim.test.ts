import { describe, expect, test } from 'bun:test';
import { Congestion } from './config.ts';
import { SLOW_START_SEGMENTS } from './limits.ts';
import { Flows } from './testing/flows.ts';
import { inFlight } from './testing/in-flight.ts';

const MS = 1_000_000;
const MSS = 1000;

/** Round trips that 3 MB and 30 MB take, and segments that were sent again for them. */
function transfer(mbps: number, rttMs: number, run: number, queueBdp: number): number[] {
  const flows = new Flows({
    seed: 1,
    delayNs: (rttMs * MS) / 2,
    bitsPerSecond: mbps * 1e6,
    queueBytes: queueBdp * mbps * rttMs * 125,
    gatherNs: Math.round((run * 1500 * 8000) / mbps),
  });
  const flow = flows.open(Congestion.Cubic);
  const { link } = flows;
  const startNs = link.nowNs;
  const result: number[] = [];
  for (const bytes of [3e6, 30e6]) {
    link.run(() => flow.received >= bytes, 3000e9);
    result.push(Math.round((link.nowNs - startNs) / MS / rttMs), flow.client.retransmits);
  }
  expect(link.a.tcp.counters.timeouts).toBe(0);
  return result;
}

describe('slow start towards a receiver that acknowledges runs', () => {
  test('an ACK of a run sends off L segments at once, the others paced (RFC 9406, 4.2)', () => {
    const { s, tcb } = inFlight(20);
    s.write(tcb, 20 * MSS, 60 * MSS);
    const first = s.send({ seq: 1, ack: 1 + 20 * MSS });
    expect(tcb.cwnd).toBe(40 * MSS);
    expect(first).toHaveLength(SLOW_START_SEGMENTS);
    const startNs = s.nowNs;
    const rest = s.advance(tcb.srttNs);
    expect(rest).toHaveLength(40 - SLOW_START_SEGMENTS);
    const count = new Map<number, number>();
    for (const { atNs } of rest) count.set(atNs, (count.get(atNs) ?? 0) + 1);
    expect(Math.max(...count.values())).toBeLessThanOrEqual(SLOW_START_SEGMENTS);
    // Twice the window in a round trip, so that pacing is not what limits growth.
    expect(rest.at(-1)!.atNs - startNs).toBeLessThan(0.6 * tcb.srttNs);
    expect(rest.at(-1)!.atNs - startNs).toBeGreaterThan(0.3 * tcb.srttNs);
  });

  test('ACKs of up to L segments leave it as it is: nothing is paced (RFC 9406, 4.3)', () => {
    const { s, tcb } = inFlight(16);
    s.write(tcb, 16 * MSS, 60 * MSS);
    expect(s.send({ seq: 1, ack: 1 + 8 * MSS })).toHaveLength(16);
    expect(s.send({ seq: 1, ack: 1 + 16 * MSS })).toHaveLength(16);
    expect([tcb.cwnd, tcb.stretched]).toEqual([32 * MSS, 0]);
  });

  test('congestion avoidance is not paced for it', () => {
    const { s, tcb } = inFlight(20);
    tcb.ssthresh = 24 * MSS;
    s.write(tcb, 20 * MSS, 60 * MSS);
    expect(s.send({ seq: 1, ack: 1 + 20 * MSS })).toHaveLength(24);
    expect(tcb.stretched).toBe(1);
  });

  /** The figures are exact, and those of the README; accept a change with `bun test -u`. */
  test('is exponential whatever the queue is (RFC 9406, 4.2)', () => {
    let table = '\nMbit/s, ms, run: RTTs of 3 MB (sent again), of 30 MB (sent again), by queue\n';
    const queues = [0.1, 0.5, 1, 8] as const;
    for (const [mbps, rttMs] of [
      [1000, 10],
      [100, 40],
    ] as const) {
      for (const run of [1, 32]) {
        table += `${mbps}, ${rttMs}, ${run}:`.padEnd(14);
        for (const queue of queues) {
          const [small, lostSmall, large, lost] = transfer(mbps, rttMs, run, queue);
          table += `${small} (${lostSmall}), ${large} (${lost})`.padStart(20);
        }
        table += '\n';
      }
    }
    expect(table).toMatchInlineSnapshot(`
      "
      Mbit/s, ms, run: RTTs of 3 MB (sent again), of 30 MB (sent again), by queue
      1000, 10, 1:    12 (144), 68 (144)  10 (363), 31 (881)    9 (0), 31 (1622)       9 (0), 31 (0)
      1000, 10, 32:   10 (522), 41 (607)    9 (0), 33 (1207)    9 (0), 32 (2182)       9 (0), 32 (0)
      100, 40, 1:      23 (35), 148 (35)  12 (531), 67 (533)  14 (554), 67 (554)      11 (0), 67 (0)
      100, 40, 32:   15 (443), 116 (451)  13 (421), 69 (566)  13 (411), 68 (432)      12 (0), 68 (0)
      "
    `);
  }, 60_000);
});
