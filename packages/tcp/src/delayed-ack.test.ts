import { describe, expect, test } from 'bun:test';
import { TCP_SYN } from '@tickwire/wire';
import { ACK_DELAY_MIN_NS, ACK_DELAY_PARTS, QUICK_ACKS } from './limits.ts';
import { Script, type ScriptOptions } from './testing/scripted-peer.ts';

const MS = 1_000_000;
const MSS = 1000;

/** An open connection whose handshake took `rttNs`. */
function opened(rttNs: number, options: ScriptOptions = {}): Script {
  const s = new Script(options);
  s.host.tcp.listen(0, 0, 0, 0, 80);
  s.send({ flags: TCP_SYN, seq: 0, mss: MSS, sackPermitted: true });
  s.nowNs += rttNs;
  s.send({ seq: 1, ack: 1 });
  expect(s.tcb().srttNs).toBe(rttNs);
  return s;
}

/** One full-sized segment; how long its ACK takes. */
function ackDelayNs(s: Script, seq: number): number {
  const fromNs = s.nowNs;
  const acks = [...s.send({ seq, ack: 1, data: MSS }), ...s.advance(100 * MS)];
  expect(acks.map(({ ack }) => ack)).toEqual([seq + MSS]);
  return acks[0]!.atNs - fromNs;
}

describe('an ACK that waits', () => {
  test('waits a part of the round trip once nothing came to ride on it (RFC 9293, 3.8.6.3)', () => {
    for (const rttMs of [0.5, 16, 40, 1000]) {
      const s = opened(rttMs * MS);
      const part = (rttMs * MS) / ACK_DELAY_PARTS;
      const short = Math.min(20 * MS, Math.max(ACK_DELAY_MIN_NS, part));
      expect(ackDelayNs(s, 1)).toBe(20 * MS);
      expect(ackDelayNs(s, 1 + MSS)).toBe(short);
      expect(ackDelayNs(s, 1 + 2 * MSS)).toBe(short);
    }
  });

  test('small windows wait little: 100 lone segments take 120 ms (RFC 9293, 3.8.6.3)', () => {
    const s = opened(0.5 * MS);
    let ns = 0;
    for (let i = 0; i < 100; i += 1) ns += ackDelayNs(s, 1 + i * MSS);
    expect(ns).toBeLessThanOrEqual(120 * MS);
  });

  test('every second full-sized segment is acknowledged within the wait (RFC 5681, 4.2)', () => {
    const s = opened(40 * MS);
    ackDelayNs(s, 1);
    expect(s.send({ seq: 1 + MSS, ack: 1, data: MSS })).toHaveLength(0);
    s.nowNs += 4 * MS;
    expect(s.send({ seq: 1 + 2 * MSS, ack: 1, data: MSS })).toHaveLength(1);
  });

  test('is never longer than the configuration says (RFC 9293, 3.8.6.3)', () => {
    const s = opened(400 * MS, { config: { delayedAckNs: 3 * MS } });
    expect(ackDelayNs(s, 1)).toBe(3 * MS);
    expect(ackDelayNs(s, 1 + MSS)).toBe(3 * MS);
  });

  for (const thinkMs of [0, 0.2, 5, 19]) {
    test(`a request answered after ${thinkMs} ms has no ACK of its own (RFC 9293, 3.8.6.3)`, () => {
      const s = opened(0.5 * MS);
      let seq = 1;
      let ack = 1;
      // A lone segment before: the wait was in vain once.
      ackDelayNs(s, seq);
      seq += MSS;
      let alone = 0;
      for (let i = 0; i < 20; i += 1) {
        const sent = s.send({ seq, ack, data: 100 });
        seq += 100;
        sent.push(...s.advance(thinkMs * MS));
        s.write(s.tcb(), ack - 1, 50);
        sent.push(...s.egress());
        ack += 50;
        expect(sent.at(-1)).toMatchObject({ ack: seq, length: 50 });
        alone += sent.length - 1;
        s.nowNs += MS;
      }
      expect(alone).toBeLessThanOrEqual(1);
    });
  }
});

describe('quick ACKs', () => {
  /** How many lone segments in order are acknowledged at once. */
  function countQuick(s: Script, from: number): number {
    for (let i = 0; ; i += 1) {
      if (s.send({ seq: from + i * MSS, ack: 1, data: MSS }).length === 0) return i;
      s.nowNs += MS;
    }
  }

  test('follow a hole and its repair (RFC 5681, 4.2)', () => {
    const s = opened(0.5 * MS);
    expect(s.send({ seq: 1 + MSS, ack: 1, data: MSS })).toHaveLength(1);
    expect(s.tcb().quickAcks).toBe(QUICK_ACKS);
    expect(s.send({ seq: 1, ack: 1, data: MSS })).toHaveLength(1);
    expect(countQuick(s, 1 + 2 * MSS)).toBe(QUICK_ACKS);
  });

  test('follow a duplicate, whole or in part (RFC 5681, 4.2)', () => {
    for (const data of [MSS, 2 * MSS]) {
      const s = opened(0.5 * MS);
      s.send({ seq: 1, ack: 1, data: MSS });
      expect(s.send({ seq: 1, ack: 1, data })).toHaveLength(1);
      expect(countQuick(s, 1 + data)).toBe(QUICK_ACKS);
    }
  });

  test('are one per run, and a run takes one of them (RFC 9293, 3.8.6.3)', () => {
    const s = opened(0.5 * MS);
    s.send({ seq: 1, ack: 1, data: MSS });
    s.send({ seq: 1, ack: 1, data: MSS });
    for (let i = 0; i < 16; i += 1) s.inject({ seq: 1 + (i + 1) * MSS, ack: 1, data: MSS });
    expect(s.egress()).toHaveLength(1);
    expect(s.tcb().quickAcks).toBe(QUICK_ACKS - 1);
  });

  test('ride on data when there is some (RFC 9293, 3.8.6.3)', () => {
    const s = opened(0.5 * MS);
    s.send({ seq: 1, ack: 1, data: MSS });
    s.send({ seq: 1, ack: 1, data: MSS });
    s.inject({ seq: 1 + MSS, ack: 1, data: 100 });
    s.write(s.tcb(), 0, 50);
    expect(s.egress()).toMatchObject([{ ack: 1 + MSS + 100, length: 50 }]);
  });
});
