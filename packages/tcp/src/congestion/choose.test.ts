import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_ECE } from '@tickwire/wire';
import { Congestion } from '../config.ts';
import { Recovery } from '../recovery.ts';
import type { Tcb } from '../tcb.ts';
import { type InFlight, inFlight } from '../testing/in-flight.ts';
import type { Inject } from '../testing/scripted-peer.ts';
import { FIXED_WINDOW } from './congestion.ts';
import { CONTROLLERS } from './registry.ts';

const MS = 1_000_000;
const MSS = 1000;
const FLIGHT = 20;
const INITIAL = 10 * MSS;
const ALL = [Congestion.NewReno, Congestion.Cubic, Congestion.Bbr, Congestion.None] as const;
const END = 1 + FLIGHT * MSS;
const FINAL: Inject = { seq: 1, ack: END };

/** To the first timeout, and no further: F-RTO asks about no other (RFC 5682, 2.1). */
function timeout({ s, tcb }: InFlight): void {
  while (tcb.recovery !== Recovery.Loss) s.advance(10 * MS);
}

/** Ways into a phase of recovery, with 20 segments in flight. */
const PHASES: readonly (readonly [string, number, (all: InFlight) => void])[] = [
  ['Fast', Recovery.Fast, ({ s }) => void s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] })],
  ['Loss', Recovery.Loss, timeout],
  [
    'Reduced',
    Recovery.Reduced,
    ({ s }) => void s.send({ flags: TCP_ACK | TCP_ECE, seq: 1, ack: 1001 }),
  ],
];

/** Ways out of it. */
const ENDS: readonly (readonly [string, number, readonly Inject[]])[] = [
  ['its end', 60 * MS, [FINAL]],
  ['its end by parts', 60 * MS, [{ seq: 1, ack: 2001 }, { seq: 1, ack: 6001 }, FINAL]],
  ['another loss', 60 * MS, [{ seq: 1, ack: 1001, sack: [[2001, 8001]] }, FINAL]],
  // Sooner than any answer to a retransmission could come (RFC 3522), or F-RTO (RFC 5682).
  ['an undo', MS, [{ seq: 1, ack: 1001 }, { seq: 1, ack: 4001 }, FINAL]],
  // The retransmission is reported as a duplicate when all is over (RFC 3708).
  ['a late duplicate', 60 * MS, [FINAL, { seq: 1, ack: END, sack: [[1, 1001]] }]],
];

/** What a window may be after the switch, whoever chose it: what was in flight, and its growth. */
function expectBounded(tcb: Tcb, from: Congestion, to: Congestion, growth: number): void {
  if (to === Congestion.None) {
    expect(tcb.ssthresh).toBe(FIXED_WINDOW);
    return;
  }
  const most = from === Congestion.None ? INITIAL : FLIGHT * MSS;
  expect(tcb.cwnd).toBeLessThanOrEqual(most + growth);
  expect(tcb.cwnd).toBeGreaterThanOrEqual(MSS);
}

describe('a controller that follows another', () => {
  test('in the middle of a recovery has a window of its own (RFC 5681, 3.1)', () => {
    for (const [phase, recovery, enter] of PHASES) {
      for (const [end, delayNs, answers] of ENDS) {
        for (const from of ALL) {
          for (const to of ALL) {
            if (from === to) continue;
            const all = inFlight(FLIGHT, { config: { congestion: Congestion.NewReno }, ecn: true });
            const { s, tcb } = all;
            s.host.tcp.setCongestion(tcb, from, s.nowNs);
            enter(all);
            const what = `${phase}, ${end}: ${CONTROLLERS[from]!.name} -> ${CONTROLLERS[to]!.name}`;
            expect([what, tcb.recovery]).toEqual([what, recovery]);
            s.host.tcp.setCongestion(tcb, to, s.nowNs);
            // What the way into the phase has delivered may have opened the window by that much.
            expectBounded(tcb, from, to, from === Congestion.None ? 0 : 4 * MSS);
            s.nowNs += delayNs;
            for (const answer of answers) {
              s.send(answer);
              expectBounded(tcb, from, to, FLIGHT * MSS);
            }
            expect([what, tcb.recovery]).toEqual([what, Recovery.Open]);
            // The next window, and the next loss, are as ever.
            s.write(tcb, FLIGHT * MSS, 5 * MSS);
            s.advance(20 * MS);
            s.send({ seq: 1, ack: END, sack: [[END + MSS, END + 5 * MSS]] });
            s.advance(20 * MS);
            s.send({ seq: 1, ack: END + 5 * MSS });
            expectBounded(tcb, from, to, (FLIGHT + 5) * MSS);
          }
        }
      }
    }
  });

  test('an undo was seen, and what was not lost is not sent again (RFC 3522, 3.2)', () => {
    for (const [phase, , enter] of PHASES.slice(0, 2)) {
      for (const to of ALL.slice(0, 3)) {
        const all = inFlight(FLIGHT, { config: { congestion: Congestion.None } });
        all.tcb.cwnd = FIXED_WINDOW;
        enter(all);
        const { s, tcb } = all;
        s.host.tcp.setCongestion(tcb, to, s.nowNs);
        // F-RTO asks with new data.
        s.write(tcb, FLIGHT * MSS, 5 * MSS);
        s.nowNs += MS;
        s.send({ seq: 1, ack: 1001 });
        s.send({ seq: 1, ack: 6001 });
        expect([phase, s.host.tcp.counters.spuriousUndone]).toEqual([phase, 1]);
        expect([phase, tcb.lostBytes, tcb.recovery]).toEqual([phase, 0, Recovery.Open]);
        expect(tcb.cwnd).toBeLessThanOrEqual(INITIAL + 6 * MSS);
      }
    }
  });

  test('in fast recovery sends in proportion from where it begins (RFC 6937, 3.1)', () => {
    const { s, tcb } = inFlight(40, { config: { congestion: Congestion.None } });
    tcb.cwnd = FIXED_WINDOW;
    s.write(tcb, 40 * MSS, 20 * MSS);
    s.send({ seq: 1, ack: 1, sack: [[1001, 4001]] });
    expect(tcb.recovery).toBe(Recovery.Fast);
    s.host.tcp.setCongestion(tcb, Congestion.NewReno, s.nowNs);
    expect(tcb.ssthresh).toBe(INITIAL / 2);
    s.write(tcb, 60 * MSS, 30 * MSS);
    let sent = s.egress().length;
    for (let to = 5001; to <= 40_001; to += MSS) {
      s.nowNs += MS / 2;
      sent += s.send({ seq: 1, ack: 1, sack: [[1001, to]] }).length;
    }
    // 36 segments are delivered out of 57 in flight: the same part of the new window.
    expect(sent).toBeGreaterThanOrEqual(2);
    expect(sent).toBeLessThanOrEqual(5);
  });
});
