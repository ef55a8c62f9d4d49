import { describe, expect, test } from 'bun:test';
import { Congestion } from './config.ts';
import type { InFlight } from './testing/in-flight.ts';
import { inFlight } from './testing/in-flight.ts';

const MS = 1_000_000;
const MSS = 1000;
const NAMES = [
  ['reno', Congestion.NewReno],
  ['cubic', Congestion.Cubic],
] as const;

/** Acknowledges `segments` two at a time, all in one burst: no egress in between. */
function ackBurst({ s, tcb }: InFlight, segments: number): void {
  let ack = tcb.sndUna - tcb.iss;
  for (let left = segments; left > 0; left -= 2) {
    ack += Math.min(left, 2) * MSS;
    s.inject({ seq: 1, ack });
  }
}

/** Writes so many segments, which leave as far as they may. */
function write({ s, tcb }: InFlight, segments: number): void {
  s.write(tcb, tcb.sndEnd - tcb.iss - 1, segments * MSS);
  s.egress();
  s.nowNs += 20 * MS;
}

for (const [name, congestion] of NAMES) {
  describe(`${name}: the flight of a round trip`, () => {
    test('ACKs that come in one burst double the window in slow start (RFC 5681, 3.1)', () => {
      const flow = inFlight(10, { config: { congestion } });
      flow.s.write(flow.tcb, 10 * MSS, 100 * MSS);
      ackBurst(flow, 10);
      expect(flow.tcb.cwnd).toBe(20 * MSS);
      flow.s.advance(20 * MS);
      ackBurst(flow, 20);
      expect(flow.tcb.cwnd).toBe(40 * MSS);
    });

    test('half of a window is enough in slow start, for twice as much (RFC 7661, 4.3)', () => {
      const flow = inFlight(6, { cwnd: 10, config: { congestion } });
      ackBurst(flow, 6);
      expect(flow.tcb.cwnd).toBe(12 * MSS);
    });

    test('less does not let it grow, burst or not (RFC 7661, 4.2; RFC 9293, 3.8.2)', () => {
      const flow = inFlight(5, { cwnd: 10, config: { congestion } });
      ackBurst(flow, 5);
      expect(flow.tcb.cwnd).toBe(10 * MSS);
    });

    test('a full window of the round trip before says nothing (RFC 7661, 4.2)', () => {
      const flow = inFlight(10, { config: { congestion } });
      ackBurst(flow, 10);
      expect(flow.tcb.cwnd).toBe(20 * MSS);
      for (const segments of [10, 4, 1, 10]) {
        write(flow, segments);
        ackBurst(flow, segments);
        expect(flow.tcb.cwnd).toBe(20 * MSS);
      }
      write(flow, 11);
      ackBurst(flow, 11);
      expect(flow.tcb.cwnd).toBeLessThanOrEqual(22 * MSS);
      expect(flow.tcb.cwnd).toBeGreaterThan(20 * MSS);
    });

    test('congestion avoidance: a full window counts in one burst, too (RFC 5681, 3.1)', () => {
      const grown = [true, false].map((isBurst) => {
        const flow = inFlight(10, { config: { congestion } });
        flow.tcb.ssthresh = flow.tcb.cwnd;
        flow.s.write(flow.tcb, 10 * MSS, 100 * MSS);
        for (let i = 0; i < 5; i += 1) {
          if (isBurst) ackBurst(flow, 10);
          else flow.s.send({ seq: 1, ack: 1 + (i + 1) * 10 * MSS });
          flow.s.advance(20 * MS);
        }
        return flow.tcb.cwnd;
      });
      expect(grown[0]).toBeGreaterThan(10 * MSS);
      expect(Math.abs(grown[0]! - grown[1]!)).toBeLessThan(MSS);
    });

    test('congestion avoidance: a window that is not full stays (RFC 7661, 4.2)', () => {
      const flow = inFlight(8, { cwnd: 10, config: { congestion } });
      flow.tcb.ssthresh = flow.tcb.cwnd;
      // The first round trip is still one of slow start.
      ackBurst(flow, 8);
      const { cwnd } = flow.tcb;
      for (let i = 0; i < 20; i += 1) {
        write(flow, 8);
        ackBurst(flow, 8);
      }
      expect(flow.tcb.cwnd).toBe(cwnd);
    });
  });
}
