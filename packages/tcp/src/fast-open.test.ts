import { describe, expect, test } from 'bun:test';
import { IpFlow, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '@tickwire/wire';
import * as fc from 'fast-check';
import { FastOpenCache, FastOpenCookie, FastOpenKeys } from './fast-open.ts';
import { KeySource } from './isn.ts';
import { FAST_OPEN_KEY_NS, FAST_OPEN_RESET_HOLD_NS } from './limits.ts';
import { State } from './state.ts';
import { Link } from './testing/link.ts';
import { pattern, Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;
const SECOND = 1000 * MS;
const ASK = new Uint8Array(0);

/** A listener with fast open, and the cookie that it gives to the script's peer. */
function server(fastOpen = 4): { s: Script; cookie: Uint8Array } {
  const s = new Script();
  s.listener = s.host.tcp.listen(0, 0, 0, 0, 80, { fastOpen });
  const [synAck] = s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: ASK, port: 1 });
  s.send({ flags: TCP_RST, seq: 1, port: 1 });
  expect(s.host.tcp.halfOpenCount).toBe(0);
  return { s, cookie: synAck!.fastOpen! };
}

const echo = (s: Script): void => {
  s.host.onData = (tcb, _frame, at, length) => {
    s.host.tcp.write(tcb, s.host.arena.bytes.slice(at, at + length), 0, length);
  };
};

describe('server (RFC 7413, 4.2)', () => {
  test('a SYN that asks gets a cookie, and nothing else changes (RFC 7413, 4.2.1)', () => {
    const { s, cookie } = server();
    expect(cookie).toHaveLength(8);
    expect(s.host.log).toEqual([]);
    expect(s.host.tcp.counters.fastOpenCookieRequests).toBe(1);
  });

  test('data beside a good cookie is delivered and answered at once (RFC 7413, 4.2.2)', () => {
    const { s, cookie } = server();
    echo(s);
    const sent = s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: cookie, data: 100 });
    expect(s.host.log).toEqual(['opened', 'data 100']);
    expect(sent).toMatchObject([
      { flags: 'S.', seq: 0, ack: 101, fastOpen: undefined },
      { flags: 'P.', seq: 1, ack: 101, length: 100 },
    ]);
    expect(s.tcb().state).toBe(State.SynReceived);
    expect(s.listener!.fastOpenPending).toBe(1);
    s.nowNs += 10 * MS;
    s.send({ flags: TCP_ACK, seq: 101, ack: 101 });
    expect(s.tcb().state).toBe(State.Established);
    expect(s.host.log).toEqual(['opened', 'data 100']);
    expect(s.tcb().sqFrames).toBe(0);
    expect(s.listener).toMatchObject({ fastOpenPending: 0, embryonic: 0, accepted: 1 });
    s.host.tcp.abort(s.tcb(), s.nowNs);
    s.assertClean();
  });

  test('an ACK of the SYN-ACK alone leaves the answer in flight, under a timer', () => {
    const { s, cookie } = server();
    echo(s);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: cookie, data: 100 });
    s.nowNs += 10 * MS;
    s.send({ flags: TCP_ACK, seq: 101, ack: 1 });
    expect(s.tcb().state).toBe(State.Established);
    const again = s.advance(4 * SECOND);
    expect(again[0]).toMatchObject({ seq: 1, length: 100 });
  });

  test('a lost SYN-ACK goes again, and so does the answer', () => {
    const { s, cookie } = server();
    echo(s);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: cookie, data: 100 });
    const again = s.advance(1500 * MS);
    expect(again[0]).toMatchObject({ flags: 'S.', ack: 101 });
    const repeated = s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(repeated[0]).toMatchObject({ flags: 'S.', ack: 101 });
    s.send({ flags: TCP_ACK, seq: 101, ack: 101 });
    expect(s.host.log).toEqual(['opened', 'data 100']);
    expect(s.tcb().sqFrames).toBe(0);
  });

  test('a bad cookie falls back to the handshake, with a new cookie and no data', () => {
    const { s, cookie } = server();
    const bad = Uint8Array.from(cookie, (byte) => byte ^ 1);
    const [synAck] = s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: bad, data: 100 });
    expect(synAck).toMatchObject({ flags: 'S.', ack: 1, fastOpen: cookie });
    expect(s.host.log).toEqual([]);
    expect(s.host.tcp.counters.fastOpenPassiveFails).toBe(1);
    s.send({ flags: TCP_ACK, seq: 1, ack: 1, data: 100 });
    expect(s.host.log).toEqual(['opened', 'data 100']);
  });

  test('too many pending ones fall back to the handshake (RFC 7413, 5.1)', () => {
    const { s, cookie } = server(1);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: cookie, data: 5, port: 7 });
    const [synAck] = s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: cookie, data: 5 });
    expect(synAck).toMatchObject({ flags: 'S.', ack: 1 });
    expect(s.host.tcp.counters.fastOpenListenOverflows).toBe(1);
  });

  test('a reset does not free its place at once (RFC 7413, 5.1)', () => {
    const { s, cookie } = server(1);
    const syn = { flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: cookie, data: 5 };
    s.send(syn);
    s.send({ flags: TCP_RST, seq: 6 });
    expect(s.host.log).toEqual(['opened', 'data 5', 'closed reset']);
    expect(s.host.tcp.connectionCount).toBe(0);
    expect(s.send({ ...syn, port: 7 })).toMatchObject([{ ack: 1 }]);
    s.send({ flags: TCP_RST, seq: 1, port: 7 });
    s.nowNs += FAST_OPEN_RESET_HOLD_NS;
    expect(s.send({ ...syn, port: 8 })).toMatchObject([{ ack: 6 }]);
    s.host.tcp.abort(s.tcb(), s.nowNs);
    expect(s.listener).toMatchObject({ fastOpenPending: 0, fastOpenHeld: 0, embryonic: 0 });
  });

  test('off by default: cookies are neither given nor taken', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    const [synAck] = s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: ASK });
    expect(synAck!.fastOpen).toBeUndefined();
  });

  test('close() before the handshake is complete sends FIN after it', () => {
    const { s, cookie } = server();
    echo(s);
    s.host.onOpened = undefined;
    const inner = s.host.onData!;
    s.host.onData = (tcb, frame, at, length) => {
      inner(tcb, frame, at, length);
      s.host.tcp.close(tcb, s.nowNs);
    };
    const sent = s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: cookie, data: 10 });
    expect(sent.map(({ flags }) => flags)).toEqual(['S.', 'P.']);
    const [fin] = s.send({ flags: TCP_ACK, seq: 11, ack: 11 });
    expect(fin).toMatchObject({ seq: 11, length: 0 });
    expect(fin!.flags).toContain('F');
    s.send({ flags: TCP_ACK | TCP_FIN, seq: 11, ack: 12 });
    expect(s.tcb().state).toBe(State.TimeWait);
  });

  test('unlisten() and abort() of a pending one tell its owner', () => {
    const { s, cookie } = server();
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460, fastOpen: cookie, data: 5 });
    s.host.tcp.unlisten(s.listener!, s.nowNs);
    expect(s.host.log).toEqual(['opened', 'data 5', 'closed aborted']);
    s.assertClean();
  });
});

describe('client (RFC 7413, 4.1.3)', () => {
  const cookie = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

  /** A script that has got a cookie from its peer. */
  function client(): Script {
    const s = new Script();
    const tcb = s.connect(s.localPort, true);
    const [syn] = s.egress();
    expect(syn!.fastOpen).toEqual(ASK);
    s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1400, fastOpen: cookie });
    s.host.tcp.abort(tcb, s.nowNs);
    s.take();
    s.host.log.length = 0;
    return s;
  }

  /** Connects with `length` bytes written before the SYN goes; returns the SYN. */
  function connect(s: Script, length: number) {
    const tcb = s.connect(s.localPort, true);
    s.write(tcb, 0, length);
    const [syn, ...more] = s.egress();
    expect(more).toEqual([]);
    return { tcb, syn: syn! };
  }

  test('data rides on the SYN with the cookie, up to the known MSS', () => {
    const s = client();
    const { tcb, syn } = connect(s, 3000);
    expect(syn).toMatchObject({ flags: 'S', seq: 0, fastOpen: cookie });
    expect(syn.length).toBe(1388);
    expect(syn.payload).toEqual(pattern(0, 1388));
    const rest = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1389, mss: 1400 });
    expect(rest[0]).toMatchObject({ seq: 1389 });
    expect(rest.reduce((sum, { length }) => sum + length, 0)).toBe(3000 - 1388);
    expect(tcb.bytesAcked).toBe(1388);
    expect(s.host.tcp.counters.fastOpenActive).toBe(1);
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test('a SYN-ACK of the SYN alone: the data goes at once as usual', () => {
    const s = client();
    const { syn } = connect(s, 200);
    expect(syn.length).toBe(200);
    const sent = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1400 });
    expect(sent[0]).toMatchObject({ seq: 1, length: 200 });
    expect(s.host.tcp.counters.fastOpenActiveFails).toBe(1);
  });

  test('a SYN-ACK of part of the data: the rest goes', () => {
    const s = client();
    connect(s, 200);
    const sent = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 51, mss: 1400 });
    expect(sent[0]).toMatchObject({ seq: 51, length: 150 });
    expect(sent[0]!.payload).toEqual(pattern(50, 150));
  });

  test('an ACK of more than was sent is reset', () => {
    const s = client();
    connect(s, 200);
    const [reset] = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 202, mss: 1400 });
    expect(reset).toMatchObject({ flags: 'R', seq: 202 });
  });

  test('a repeated SYN has neither cookie nor data, and the server is avoided then', () => {
    const s = client();
    const { tcb } = connect(s, 200);
    const [again] = s.advance(1100 * MS);
    expect(again).toMatchObject({ flags: 'S', length: 0, fastOpen: undefined });
    s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1400 });
    s.host.tcp.abort(tcb, s.nowNs);
    s.take();
    const { syn } = connect(s, 200);
    expect(syn).toMatchObject({ length: 0, fastOpen: undefined });
  });

  test('data written after a SYN without cookie waits for the handshake', () => {
    const s = new Script();
    const tcb = s.connect(s.localPort, true);
    s.write(tcb, 0, 100);
    const [syn] = s.egress();
    expect(syn).toMatchObject({ length: 0, fastOpen: ASK });
    const sent = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1400 });
    expect(sent[0]).toMatchObject({ seq: 1, length: 100 });
  });

  test('a repeated SYN does not ask again (RFC 7413, 4.1.3.1)', () => {
    const s = new Script();
    s.connect(s.localPort, true);
    expect(s.egress()[0]!.fastOpen).toEqual(ASK);
    expect(s.advance(1100 * MS)[0]!.fastOpen).toBeUndefined();
  });

  test('without the option connect() asks for nothing', () => {
    const s = client();
    s.connect();
    expect(s.egress()[0]!.fastOpen).toBeUndefined();
  });
});

test('both sides together: the answer is there after one round trip', () => {
  const link = new Link({ seed: 3, delayNs: 10 * MS });
  link.b.onData = (tcb, _frame, at, length) => {
    link.b.tcp.write(tcb, link.b.arena.bytes.slice(at, at + length), 0, length);
  };
  link.b.tcp.listen(0, 0, 0, 0, 80, { fastOpen: 8 });
  let answer: number[] = [];
  link.a.onData = (_tcb, _frame, at, length) => {
    answer.push(...link.a.arena.bytes.slice(at, at + length));
  };
  const took: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const flow = new IpFlow();
    flow.remote2 = 0xffff;
    flow.remote3 = link.b.address;
    const tcb = link.a.tcp.connect(flow, 80, 0, link.nowNs, 0, true);
    if (typeof tcb === 'number') throw new TypeError('no connection');
    link.a.tcp.write(tcb, pattern(0, 500), 0, 500);
    const beganNs = link.nowNs;
    answer = [];
    link.run(() => answer.length === 500, SECOND);
    took.push(Math.round((link.nowNs - beganNs) / MS));
    expect(answer).toEqual([...pattern(0, 500)]);
    link.a.tcp.abort(tcb, link.nowNs);
    link.runFor(SECOND);
  }
  expect(took).toEqual([40, 20, 20]);
});

describe('cookies', () => {
  const flowOf = (remote: number): IpFlow => {
    const flow = new IpFlow();
    flow.remote3 = remote;
    return flow;
  };

  test('FastOpenKeys takes its own for one to two periods, then a new one is due', () => {
    const keys = new FastOpenKeys(new KeySource([1, 2, 3, 4]));
    const view = new DataView(new ArrayBuffer(8));
    keys.write(flowOf(5), view, 0, 0);
    const check = (remote: number, nowNs: number): number =>
      keys.check(flowOf(remote), view, 0, 8, nowNs);
    expect(check(5, 1)).toBe(FastOpenCookie.Good);
    expect(check(6, 1)).toBe(FastOpenCookie.Bad);
    expect(keys.check(flowOf(5), view, 0, 7, 1)).toBe(FastOpenCookie.Bad);
    expect(check(5, FAST_OPEN_KEY_NS)).toBe(FastOpenCookie.Old);
    expect(check(5, 2 * FAST_OPEN_KEY_NS)).toBe(FastOpenCookie.Bad);
    // Also when nobody looked in between.
    keys.write(flowOf(5), view, 0, 3 * FAST_OPEN_KEY_NS);
    expect(check(5, 5 * FAST_OPEN_KEY_NS)).toBe(FastOpenCookie.Bad);
  });

  test('FastOpenCache keeps what it was told until newer servers take the place', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 200 }), (servers) => {
        const cache = new FastOpenCache(8, new KeySource([1, 2, 3, 4]));
        const view = new DataView(new ArrayBuffer(16));
        const told = new Map<number, number>();
        for (const [i, remote] of servers.entries()) {
          view.setUint32(0, i);
          cache.store(flowOf(remote), 1000 + i, view, 0, 16);
          told.set(remote, i);
          expect(cache.lookup(flowOf(remote), 0)).toBe(true);
          expect([cache.length, cache.mss, cache.cookie.getUint32(0)]).toEqual([16, 1000 + i, i]);
        }
        let known = 0;
        for (const [remote, i] of told) {
          cache.lookup(flowOf(remote), 0);
          if (cache.length === 0) continue;
          known += 1;
          expect(cache.cookie.getUint32(0)).toBe(i);
        }
        expect(known).toBeLessThanOrEqual(8);
      }),
    );
  });
});
