import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '@tickwire/wire';
import { Congestion } from './config.ts';
import { layout } from './record/layout.ts';
import { State } from './state.ts';
import type { Tcb } from './tcb.ts';
import { flowOf } from './testing/lone-tcb.ts';
import { type Inject, pattern, Script } from './testing/scripted-peer.ts';

const SECOND = 1_000_000_000;
const FIN_ACK = TCP_FIN | TCP_ACK;

describe('orderly close', () => {
  test('active close goes through FIN-WAIT-1, FIN-WAIT-2 and TIME-WAIT (RFC 9293, 3.6)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.shutdown(tcb);
    expect(s.egress()).toMatchObject([{ flags: 'F.', seq: 1, ack: 1 }]);
    expect(tcb.state).toBe(State.FinWait1);
    s.send({ seq: 1, ack: 2 });
    expect(tcb.state).toBe(State.FinWait2);
    expect(s.send({ flags: FIN_ACK, seq: 1, ack: 2 })).toMatchObject([{ flags: '.', ack: 2 }]);
    expect(tcb.state).toBe(State.TimeWait);
    expect(s.host.log).toEqual(['opened', 'ended', 'closed finished']);
    expect(s.host.tcp.connectionCount).toBe(1);
    s.advance(61 * SECOND);
    s.assertClean();
  });

  test('passive close goes through CLOSE-WAIT and LAST-ACK (RFC 9293, 3.6)', () => {
    const s = new Script();
    const tcb = s.accept();
    expect(s.send({ flags: FIN_ACK, seq: 1, ack: 1 })).toMatchObject([{ flags: '.', ack: 2 }]);
    expect(tcb.state).toBe(State.CloseWait);
    s.host.tcp.close(tcb, s.nowNs);
    expect(s.egress()).toMatchObject([{ flags: 'F.', seq: 1, ack: 2 }]);
    expect(tcb.state).toBe(State.LastAck);
    s.send({ seq: 2, ack: 2 });
    expect(s.host.log).toEqual(['opened', 'ended', 'closed finished']);
    s.assertClean();
  });

  test('simultaneous close goes through CLOSING (RFC 9293, 3.6, figure 13)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.shutdown(tcb);
    s.egress();
    expect(s.send({ flags: FIN_ACK, seq: 1, ack: 1 })).toMatchObject([{ flags: '.', ack: 2 }]);
    expect(tcb.state).toBe(State.Closing);
    s.send({ seq: 2, ack: 2 });
    expect(tcb.state).toBe(State.TimeWait);
    s.advance(61 * SECOND);
    s.assertClean();
  });

  test('FIN with the ACK of our FIN goes straight to TIME-WAIT', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.close(tcb, s.nowNs);
    s.egress();
    s.send({ flags: FIN_ACK, seq: 1, ack: 2 });
    expect(tcb.state).toBe(State.TimeWait);
  });

  test('half-close: data flows towards the side that has sent its FIN (RFC 9293, 3.6)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.shutdown(tcb);
    s.egress();
    s.send({ seq: 1, ack: 2 });
    s.send({ seq: 1, ack: 2, data: 100 });
    s.send({ flags: FIN_ACK, seq: 101, ack: 2, data: 50 });
    expect(s.host.log).toEqual(['opened', 'data 100', 'data 50', 'ended', 'closed finished']);
  });

  test('half-close: data flows from the side that has received a FIN', () => {
    const s = new Script();
    const tcb = s.accept();
    s.send({ flags: FIN_ACK, seq: 1, ack: 1 });
    expect(s.write(tcb, 0, 100)).toBe(100);
    expect(s.egress()).toMatchObject([{ length: 100, seq: 1 }]);
  });

  test('shutdown() sends queued data first, the FIN rides on the last segment', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 100 });
    s.write(tcb, 0, 250);
    s.host.tcp.shutdown(tcb);
    expect(s.write(tcb, 250, 10)).toBeLessThan(0);
    expect(s.egress().map((c) => [c.flags, c.length])).toEqual([
      ['.', 100],
      ['.', 100],
      ['FP.', 50],
    ]);
  });

  test('shutdown() before the handshake is complete sends the FIN behind it', () => {
    const s = new Script();
    const tcb = s.connect();
    s.egress();
    s.write(tcb, 0, 10);
    s.host.tcp.shutdown(tcb);
    const sent = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1460 });
    expect(sent.map((c) => [c.flags, c.length])).toEqual([['FP.', 10]]);
    expect(tcb.state).toBe(State.FinWait1);
  });

  test('a lost FIN is sent again by the retransmission timer', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.shutdown(tcb);
    s.egress();
    const again = s.advance(1.1 * SECOND);
    expect(again.filter((c) => c.flags === 'F.').length).toBeGreaterThan(0);
  });

  test('a FIN is delivered once, whatever comes again behind it', () => {
    const s = new Script();
    s.accept();
    s.send({ flags: FIN_ACK, seq: 1, ack: 1, data: 5 });
    s.send({ flags: FIN_ACK, seq: 1, ack: 1, data: 5 });
    s.send({ flags: FIN_ACK, seq: 6, ack: 1 });
    expect(s.host.log).toEqual(['opened', 'data 5', 'ended']);
  });

  test('an out-of-order FIN waits for the data before it', () => {
    const s = new Script();
    const tcb = s.accept();
    s.send({ flags: FIN_ACK, seq: 11, ack: 1, data: 5 });
    expect(tcb.state).toBe(State.Established);
    s.send({ seq: 1, ack: 1, data: 10 });
    expect(s.host.log).toEqual(['opened', 'data 10', 'data 5', 'ended']);
    expect(tcb.state).toBe(State.CloseWait);
  });
});

describe('TIME-WAIT', () => {
  function timeWait(options: { tsVal?: number } = {}): { s: Script; tcb: Tcb } {
    const s = new Script();
    const tcb = s.accept(
      options.tsVal === undefined ? { mss: 1460 } : { mss: 1460, tsVal: options.tsVal },
    );
    s.host.tcp.close(tcb, s.nowNs);
    s.egress();
    s.send({ flags: FIN_ACK, seq: 1, ack: 2 });
    expect(tcb.state).toBe(State.TimeWait);
    return { s, tcb };
  }

  test('answers a repeated FIN and starts again (RFC 9293, 3.10.7.4)', () => {
    const { s, tcb } = timeWait();
    s.advance(50 * SECOND);
    expect(s.send({ flags: FIN_ACK, seq: 1, ack: 2 })).toMatchObject([{ flags: '.', ack: 2 }]);
    s.advance(50 * SECOND);
    expect(tcb.state).toBe(State.TimeWait);
    s.advance(11 * SECOND);
    s.assertClean();
  });

  test('is not ended by a reset (RFC 1337)', () => {
    const { s, tcb } = timeWait();
    s.send({ flags: TCP_RST, seq: 2 });
    expect(tcb.state).toBe(State.TimeWait);
  });

  test('gives way to a SYN with a newer timestamp (RFC 6191)', () => {
    const { s } = timeWait({ tsVal: 1000 });
    s.timestamps = false;
    s.nowNs += SECOND;
    expect(s.send({ flags: TCP_SYN, seq: -5000, mss: 1460, tsVal: 1001 })).toMatchObject([
      { flags: 'S.' },
    ]);
  });

  test('does not give way to a SYN with an older timestamp', () => {
    const { s, tcb } = timeWait({ tsVal: 1000 });
    s.timestamps = false;
    s.send({ flags: TCP_SYN, seq: 5000, mss: 1460, tsVal: 999 });
    expect(tcb.state).toBe(State.TimeWait);
  });

  test('gives way to a SYN with a higher sequence number (RFC 9293, 3.6.1)', () => {
    const { s, tcb } = timeWait();
    s.send({ flags: TCP_SYN, seq: 1, mss: 1460 });
    expect(tcb.state).toBe(State.TimeWait);
    expect(s.send({ flags: TCP_SYN, seq: 5000, mss: 1460 })).toMatchObject([{ flags: 'S.' }]);
  });

  test('of no length still acknowledges the FIN', () => {
    const s = new Script({ config: { timeWaitNs: 0 } });
    s.accept();
    s.host.tcp.close(s.tcb(), s.nowNs);
    s.egress();
    s.inject({ flags: FIN_ACK, seq: 1, ack: 2 });
    s.host.tcp.timers(s.nowNs);
    expect(s.egress()).toMatchObject([{ flags: '.', ack: 2 }]);
    s.assertClean();
  });

  test('does not end before the owner has read everything', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setPull(tcb);
    s.host.tcp.shutdown(tcb);
    s.egress();
    s.send({ flags: FIN_ACK, seq: 1, ack: 2, data: 10 });
    expect(tcb.state).toBe(State.TimeWait);
    s.advance(200 * SECOND);
    expect(s.host.tcp.connectionCount).toBe(1);
    const into = new Uint8Array(20);
    expect(s.host.tcp.read(tcb, into, 0, 20)).toBe(10);
    expect(s.host.log.at(-1)).toBe('closed finished');
    s.advance(60 * SECOND);
    s.assertClean();
  });

  test('does not give way to a SYN while data is unread (RFC 9293, 3.6.1)', () => {
    for (const rfc5961 of [true, false]) {
      for (const isStamped of [true, false]) {
        const s = new Script({ config: { rfc5961 } });
        const syn = (seq: number, tsVal: number): Inject => {
          return { flags: TCP_SYN, seq, mss: 1460, ...(isStamped ? { tsVal } : {}) };
        };
        const tcb = s.accept(syn(0, 1000));
        s.host.tcp.setPull(tcb);
        s.host.tcp.shutdown(tcb);
        s.egress();
        s.send({ seq: 1, ack: 2 });
        expect(tcb.state).toBe(State.FinWait2);
        s.send({ flags: FIN_ACK, seq: 1, ack: 2, data: 100 });
        expect(tcb.state).toBe(State.TimeWait);
        for (const seq of [102, 5000, 1_000_000]) {
          s.nowNs += SECOND;
          const answer = s.send(syn(seq, 1000 + seq));
          expect(answer).toMatchObject([{ flags: '.', seq: 2, ack: 102 }]);
        }
        const into = new Uint8Array(200);
        expect(s.host.tcp.read(tcb, into, 0, 200)).toBe(100);
        expect([...into.subarray(0, 100)]).toEqual([...pattern(0, 100)]);
        expect(s.host.log.at(-1)).toBe('closed finished');
        // The owner is done: now it does.
        const [synAck] = s.send(syn(2_000_000, 2_000_000));
        expect(synAck!.flags).toBe('S.');
      }
    }
  });

  test('the oldest gives way when every connection is taken', () => {
    const s = new Script({ config: { connectionsMax: 1 } });
    s.accept();
    s.host.tcp.close(s.tcb(), s.nowNs);
    s.egress();
    s.send({ flags: FIN_ACK, seq: 1, ack: 2 });
    expect(s.tcb().state).toBe(State.TimeWait);
    s.connect(4000);
    expect(s.host.tcp.counters.timeWaitRecycled).toBe(1);
    expect(s.host.tcp.connectionCount).toBe(1);
  });
});

/** The peer's part of connection `at` of a full pool: a port of its own. */
function waiting(s: Script, at: number, unread: number): Tcb {
  const port = 5000 + at;
  s.listener ??= s.host.tcp.listen(0, 0, 0, 0, s.localPort);
  s.send({ flags: TCP_SYN, seq: 0, mss: 1460, port });
  s.send({ flags: TCP_ACK, seq: 1, ack: 1, port });
  const tcb = [...s.host.seen.keys()].findLast((each) => each.remotePort === port)!;
  s.host.tcp.setPull(tcb);
  s.host.tcp.shutdown(tcb);
  s.egress();
  s.send({ flags: FIN_ACK, seq: 1, ack: 2, data: unread, port });
  expect(tcb.state).toBe(State.TimeWait);
  return tcb;
}

describe('a full pool', () => {
  const ports = (s: Script): number[] => {
    const list: number[] = [];
    const { tcp } = s.host;
    for (let slot = tcp.firstConnection(); slot >= 0; slot = tcp.nextConnection(slot)) {
      list.push(tcp.connection(slot).remotePort);
    }
    return list.toSorted((a, b) => a - b);
  };

  test('takes the oldest TIME-WAIT first, for SYN-ACKs answered and for connect()', () => {
    const s = new Script({ config: { connectionsMax: 4 } });
    for (let i = 0; i < 4; i += 1) {
      waiting(s, i, 0);
      s.nowNs += SECOND;
    }
    waiting(s, 4, 0);
    expect(ports(s)).toEqual([5001, 5002, 5003, 5004]);
    s.connect(4000);
    expect(ports(s)).toEqual([5000, 5002, 5003, 5004]);
    expect(s.host.tcp.counters.timeWaitRecycled).toBe(2);
  });

  test('is not held by a TIME-WAIT whose owner does not read', () => {
    const s = new Script({ config: { connectionsMax: 4 } });
    for (let i = 0; i < 2; i += 1) waiting(s, i, 10);
    for (let i = 2; i < 4; i += 1) waiting(s, i, 0);
    s.connect(4000);
    s.connect(4001);
    expect(ports(s)).toEqual([5000, 5000, 5000, 5001]);
    // Nobody is left who may give way: what is not read stays.
    const flow = flowOf(s.tcb());
    expect(s.host.tcp.connect(flow, 9, 4002, s.nowNs)).toBe(Status.LimitReached);
    expect(s.host.tcp.counters.timeWaitRecycled).toBe(2);
  });
});

describe('close() and abort()', () => {
  test('abort() resets and tells the owner during the call (RFC 9293, 3.10.5)', () => {
    const s = new Script();
    const tcb = s.accept();
    const { generation } = tcb;
    s.write(tcb, 0, 100);
    s.host.tcp.abort(tcb, s.nowNs);
    expect(s.host.log.at(-1)).toBe('closed aborted');
    expect(s.take()).toMatchObject([{ flags: 'R.', seq: 1 }]);
    expect(tcb.generation).not.toBe(generation);
    s.assertClean();
  });

  test('a connection that is over is set no more, and leaves no timer (RFC 9293, 3.9.1)', () => {
    const setters: readonly (readonly [string, (s: Script, tcb: Tcb) => number])[] = [
      ['setUserTimeout', (s, tcb) => s.host.tcp.setUserTimeout(tcb, SECOND, s.nowNs)],
      ['setKeepalive', (s, tcb) => s.host.tcp.setKeepalive(tcb, SECOND, SECOND, 3, s.nowNs)],
      ['setNagle', (s, tcb) => s.host.tcp.setNagle(tcb, false)],
      ['setCork', (s, tcb) => s.host.tcp.setCork(tcb, true)],
      ['setHopLimit', (s, tcb) => s.host.tcp.setHopLimit(tcb, 3)],
      ['setTrafficClass', (s, tcb) => s.host.tcp.setTrafficClass(tcb, 0x10)],
      ['setCongestion', (s, tcb) => s.host.tcp.setCongestion(tcb, Congestion.None, s.nowNs)],
      ['setMssMax', (s, tcb) => s.host.tcp.setMssMax(tcb, 600)],
      ['setSendBuffer', (s, tcb) => s.host.tcp.setSendBuffer(tcb, 1000)],
      ['setReceiveBuffer', (s, tcb) => s.host.tcp.setReceiveBuffer(tcb, 1000)],
      ['setPull', (s, tcb) => s.host.tcp.setPull(tcb)],
      ['pause', (s, tcb) => s.host.tcp.pause(tcb)],
      ['resume', (s, tcb) => s.host.tcp.resume(tcb)],
    ];
    const { fields, own } = layout();
    const valuesOf = (tcb: Tcb): unknown[] => {
      return [...own, ...fields].map((field): unknown => Reflect.get(tcb, field.name));
    };
    for (const [name, set] of setters) {
      const s = new Script();
      const tcb = s.accept();
      expect([name, set(s, tcb)]).toEqual([name, Status.Ok]);
      s.host.tcp.abort(tcb, s.nowNs);
      s.egress();
      const before = valuesOf(tcb);
      expect([name, set(s, tcb)]).toEqual([name, Status.BadState]);
      expect(valuesOf(tcb)).toEqual(before);
      expect([name, s.host.tcp.wantsEgress()]).toEqual([name, false]);
      expect([name, s.host.tcp.nextDeadlineNs()]).toEqual([name, Number.POSITIVE_INFINITY]);
      s.assertClean();
    }
  });

  test('close() with unread data resets (RFC 2525, 2.17)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setPull(tcb);
    s.send({ seq: 1, ack: 1, data: 10 });
    s.host.tcp.close(tcb, s.nowNs);
    expect(s.take()).toMatchObject([{ flags: 'R.' }]);
    s.assertClean();
  });

  test('data after close() is answered by a reset (RFC 9293, 3.6.1)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.close(tcb, s.nowNs);
    s.egress();
    s.send({ seq: 1, ack: 2 });
    expect(s.send({ seq: 1, ack: 2, data: 10 })).toMatchObject([{ flags: 'R.' }]);
    expect(s.host.tcp.counters.dataAfterClose).toBe(1);
    s.assertClean();
  });

  test('FIN-WAIT-2 after close() does not wait for ever', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.close(tcb, s.nowNs);
    s.egress();
    s.send({ seq: 1, ack: 2 });
    s.advance(61 * SECOND);
    expect(s.host.log.at(-1)).toBe('closed timeout');
    s.assertClean();
  });

  test('FIN-WAIT-2 after shutdown() waits as long as the peer likes', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.shutdown(tcb);
    s.egress();
    s.send({ seq: 1, ack: 2 });
    s.advance(1000 * SECOND);
    expect(tcb.state).toBe(State.FinWait2);
    expect(s.host.tcp.timersArmed).toBe(0);
  });

  test('close() in SYN-SENT is silent', () => {
    const s = new Script();
    const tcb = s.connect();
    s.egress();
    s.host.tcp.close(tcb, s.nowNs);
    expect(s.take()).toEqual([]);
    s.assertClean();
  });

  test('a peer that vanishes is given up after the retry limit', () => {
    const s = new Script({ config: { retriesMax: 3 } });
    const tcb = s.accept();
    s.write(tcb, 0, 10);
    s.egress();
    const sent = s.advance(100 * SECOND);
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expect(s.host.log.at(-1)).toBe('closed timeout');
    s.assertClean();
  });

  test('unread data survives the end of the connection in pull mode', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setPull(tcb);
    s.send({ flags: FIN_ACK, seq: 1, ack: 1, data: 10 });
    s.host.tcp.shutdown(tcb);
    s.egress();
    s.send({ seq: 12, ack: 2 });
    expect(s.host.log).toEqual(['opened']);
    const into = new Uint8Array(20);
    expect(s.host.tcp.peek(tcb, into, 0, 4)).toBe(4);
    expect(s.host.tcp.read(tcb, into, 0, 20)).toBe(10);
    expect(s.host.log).toEqual(['opened', 'ended', 'closed finished']);
    s.assertClean();
  });

  test('everything may happen inside a callback', () => {
    for (const verb of ['abort', 'close', 'shutdown', 'reopen'] as const) {
      const s = new Script();
      const tcb = s.accept();
      s.host.onData = (): void => {
        if (verb === 'abort') s.host.tcp.abort(tcb, s.nowNs);
        else if (verb === 'close') s.host.tcp.close(tcb, s.nowNs);
        else if (verb === 'shutdown') s.host.tcp.shutdown(tcb);
        else {
          s.host.tcp.abort(tcb, s.nowNs);
          s.connect();
        }
      };
      s.send({ flags: FIN_ACK, seq: 1, ack: 1, data: 10 });
      s.host.onData = undefined;
      if (s.host.tcp.connectionCount > 0) s.host.tcp.abort(s.tcb(), s.nowNs);
      s.assertClean();
    }
  });
});
