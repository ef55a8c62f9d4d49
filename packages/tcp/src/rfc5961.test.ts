import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '@tickwire/wire';
import { State, stateName } from './state.ts';
import type { Tcb } from './tcb.ts';
import { Script, type ScriptOptions } from './testing/scripted-peer.ts';

const FIN_ACK = TCP_FIN | TCP_ACK;

/** Brings a connection into `state`; returns the sequence numbers that the peer uses next. */
function inState(
  state: number,
  options: ScriptOptions = {},
): { s: Script; tcb: Tcb; seq: number; ack: number } {
  const s = new Script(options);
  const tcb = s.accept();
  const tcp = s.host.tcp;
  const fin = (seq: number, ack: number): void => {
    s.send({ flags: FIN_ACK, seq, ack });
  };
  switch (state) {
    case State.FinWait1:
      tcp.shutdown(tcb);
      s.egress();
      return { s, tcb, seq: 1, ack: 1 };
    case State.FinWait2:
      tcp.shutdown(tcb);
      s.egress();
      s.send({ seq: 1, ack: 2 });
      return { s, tcb, seq: 1, ack: 2 };
    case State.CloseWait:
      fin(1, 1);
      return { s, tcb, seq: 2, ack: 1 };
    case State.Closing:
      tcp.shutdown(tcb);
      s.egress();
      fin(1, 1);
      return { s, tcb, seq: 2, ack: 1 };
    case State.LastAck:
      fin(1, 1);
      tcp.shutdown(tcb);
      s.egress();
      return { s, tcb, seq: 2, ack: 1 };
    default:
      return { s, tcb, seq: 1, ack: 1 };
  }
}

const STATES = [
  State.Established,
  State.FinWait1,
  State.FinWait2,
  State.CloseWait,
  State.Closing,
  State.LastAck,
];

for (const state of STATES) {
  describe(`in ${stateName(state)}`, () => {
    test('RST at RCV.NXT resets (RFC 5961, 3.2)', () => {
      const { s, tcb, seq } = inState(state);
      expect(tcb.state).toBe(state);
      expect(s.send({ flags: TCP_RST, seq })).toEqual([]);
      expect(s.host.log.at(-1)).toBe('closed reset');
      s.assertClean();
    });

    test('RST elsewhere in the window is challenged (RFC 5961, 3.2)', () => {
      const { s, tcb, seq } = inState(state);
      expect(s.send({ flags: TCP_RST, seq: seq + 1 })).toMatchObject([{ flags: '.', ack: seq }]);
      expect(tcb.state).toBe(state);
      expect(s.host.tcp.counters.challengeAcks).toBe(1);
    });

    test('RST outside the window is dropped (RFC 5961, 3.2)', () => {
      const { s, tcb, seq } = inState(state);
      expect(s.send({ flags: TCP_RST, seq: seq - 1 })).toEqual([]);
      expect(s.send({ flags: TCP_RST, seq: seq + 10_000_000 })).toEqual([]);
      expect(tcb.state).toBe(state);
    });

    test('SYN in the window is challenged (RFC 5961, 4.2)', () => {
      const { s, tcb, seq } = inState(state);
      expect(s.send({ flags: TCP_SYN, seq })).toMatchObject([{ flags: '.', ack: seq }]);
      expect(s.send({ flags: TCP_SYN | TCP_ACK, seq: seq + 5, ack: 1 })).toHaveLength(1);
      expect(tcb.state).toBe(state);
    });

    test('SYN outside the window is answered by an ACK (RFC 9293, 3.10.7.4)', () => {
      const { s, tcb, seq } = inState(state);
      expect(s.send({ flags: TCP_SYN, seq: seq - 100 })).toMatchObject([{ flags: '.', ack: seq }]);
      expect(tcb.state).toBe(state);
    });

    test('an ACK of data never sent is challenged and dropped (RFC 5961, 5.2)', () => {
      const { s, tcb, seq, ack } = inState(state);
      const log = s.host.log.length;
      expect(s.send({ seq, ack: ack + 1000, data: 10 })).toHaveLength(1);
      expect(s.host.log.length).toBe(log);
      expect(tcb.state).toBe(state);
    });

    test('a very old ACK is challenged and dropped (RFC 5961, 5.2)', () => {
      const { s, tcb, seq, ack } = inState(state);
      const log = s.host.log.length;
      expect(s.send({ seq, ack: ack - 1_000_000, data: 10 })).toHaveLength(1);
      expect(s.host.log.length).toBe(log);
      expect(tcb.state).toBe(state);
    });

    test('a segment without ACK is dropped (RFC 9293, 3.10.7.4)', () => {
      const { s, tcb, seq } = inState(state);
      const log = s.host.log.length;
      expect(s.send({ flags: 0, seq, data: 10 })).toEqual([]);
      expect(s.host.log.length).toBe(log);
      expect(tcb.state).toBe(state);
    });
  });
}

test('challenge ACKs are limited, and nobody knows the limit (RFC 5961, 7)', () => {
  const { s, seq } = inState(State.Established, { config: { challengeAcksPerSecond: 10 } });
  let answers = 0;
  for (let i = 0; i < 100; i += 1) answers += s.send({ flags: TCP_RST, seq: seq + 1 }).length;
  expect(answers).toBeGreaterThanOrEqual(5);
  expect(answers).toBeLessThanOrEqual(15);
  expect(s.host.tcp.counters.challengeAcksLimited).toBe(100 - answers);
});

test('two confused ends do not answer one another for ever', () => {
  const { s, seq } = inState(State.Established);
  let answers = 0;
  for (let i = 0; i < 50; i += 1) answers += s.send({ seq: seq - 5, ack: 1 }).length;
  expect(answers).toBe(1);
});

test('with rfc5961 off a SYN in the window resets (RFC 793)', () => {
  const { s, seq } = inState(State.Established, { config: { rfc5961: false } });
  expect(s.send({ flags: TCP_SYN, seq })).toMatchObject([{ flags: 'R.' }]);
  s.assertClean();
});
