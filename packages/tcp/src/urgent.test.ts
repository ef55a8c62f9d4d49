import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_FIN, TCP_SYN, TCP_URG } from '@tickwire/wire';
import { State } from './state.ts';
import { type Inject, Script } from './testing/scripted-peer.ts';

const URG = TCP_URG | TCP_ACK;

/** A segment of ten bytes at `seq` with an urgent pointer. */
function marked(seq: number, urgent: number, more: Inject = {}): Inject {
  return { flags: URG, seq, ack: 1, data: 10, urgent, ...more };
}

describe('urgent() tells of a pointer', () => {
  test('urgent() comes before the bytes of its segment, all in line (RFC 9293, 3.8.5)', () => {
    const s = new Script();
    s.accept();
    s.send(marked(1, 4));
    expect(s.host.log).toEqual(['opened', 'urgent 4', 'data 10']);
  });

  test('urgent() comes again when the mark advances, not when repeated (RFC 9293, 3.8.5)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.send(marked(11, 10));
    s.send(marked(11, 10));
    s.send(marked(1, 15));
    expect(s.host.of(tcb).urgent).toEqual([20]);
    s.send(marked(21, 15));
    expect(s.host.tcp.urgentBytes(tcb)).toBe(5);
    s.send(marked(31, 6));
    expect(s.host.tcp.urgentBytes(tcb)).toBe(0);
    s.send(marked(41, 1));
    expect(s.host.of(tcb).urgent).toEqual([20, 15, 6, 1]);
  });

  test('urgentBytes() counts down with each delivery (RFC 9293, 3.8.5)', () => {
    const s = new Script();
    const tcb = s.accept();
    const left: number[] = [];
    s.host.onData = () => void left.push(s.host.tcp.urgentBytes(tcb));
    s.send(marked(1, 25));
    s.send({ seq: 11, ack: 1, data: 10 });
    s.send({ seq: 21, ack: 1, data: 10 });
    expect(left).toEqual([15, 5, 0]);
  });

  test('urgent() comes at once to an owner that has paused; the bytes wait', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.pause(tcb);
    s.send({ seq: 1, ack: 1, data: 10 });
    s.send(marked(11, 10));
    expect(s.host.of(tcb).urgent).toEqual([20]);
    expect(s.host.tcp.urgentBytes(tcb)).toBe(20);
    s.host.tcp.resume(tcb);
    expect(s.host.tcp.urgentBytes(tcb)).toBe(0);
  });

  test('urgentBytes() counts down with each read of an owner that pulls, not with a peek', () => {
    const s = new Script();
    const tcb = s.accept();
    const { tcp } = s.host;
    tcp.setPull(tcb);
    s.send(marked(1, 8));
    const into = new Uint8Array(10);
    tcp.peek(tcb, into, 0, 10);
    expect(tcp.urgentBytes(tcb)).toBe(8);
    tcp.read(tcb, into, 0, 3);
    expect(tcp.urgentBytes(tcb)).toBe(5);
    tcp.read(tcb, into, 0, 6);
    expect(tcp.urgentBytes(tcb)).toBe(0);
  });

  test('urgentBytes() is 0 at the end of the stream, wherever the mark is', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setPull(tcb);
    s.send(marked(1, 5000, { flags: URG | TCP_FIN }));
    expect(s.host.of(tcb).urgent).toEqual([5000]);
    expect(s.host.tcp.urgentBytes(tcb)).toBe(10);
    s.host.tcp.read(tcb, new Uint8Array(10), 0, 10);
    expect(s.host.tcp.urgentBytes(tcb)).toBe(0);
  });

  test('an urgent pointer is ignored after the FIN of the peer (RFC 9293, 3.10.7.4)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.send({ flags: TCP_ACK | TCP_FIN, seq: 1, ack: 1 });
    expect(tcb.state).toBe(State.CloseWait);
    s.send({ flags: URG, seq: 2, ack: 1, urgent: 100 });
    expect(s.host.of(tcb).urgent).toEqual([]);
    expect(s.host.tcp.urgentBytes(tcb)).toBe(0);
  });

  test('urgent() comes in FIN-WAIT-1 and FIN-WAIT-2, after shutdown() (RFC 9293, 3.10.7.4)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.shutdown(tcb);
    s.egress();
    s.send(marked(1, 10));
    expect(tcb.state).toBe(State.FinWait1);
    s.send(marked(11, 10, { ack: 2 }));
    expect(tcb.state).toBe(State.FinWait2);
    expect(s.host.of(tcb).urgent).toEqual([10, 10]);
  });

  test('urgent() does not come to an owner that has closed', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.close(tcb, s.nowNs);
    s.egress();
    s.send({ flags: URG, seq: 1, ack: 1, urgent: 10 });
    expect(s.host.of(tcb).urgent).toEqual([]);
  });

  test('an urgent pointer is ignored in an unacceptable segment (RFC 9293, 3.10.7.4)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.send({ seq: 1, ack: 1, data: 100 });
    // Old; far beyond the window; of an ACK that acknowledges what was never sent.
    s.send(marked(1, 60_000));
    s.send(marked(1_000_000, 10));
    s.send(marked(101, 10, { ack: 5000 }));
    expect(s.host.of(tcb).urgent).toEqual([]);
    expect(s.host.tcp.urgentBytes(tcb)).toBe(0);
  });

  test('the urgent pointer of a SYN-ACK counts from its SYN (RFC 9293, 3.10.7.3)', () => {
    for (const [urgent, told] of [
      [1, []],
      [6, [5]],
    ] as const) {
      const s = new Script();
      const tcb = s.connect();
      s.egress();
      s.send({ flags: TCP_SYN | URG, seq: 0, ack: 1, mss: 1460, urgent });
      expect(tcb.state).toBe(State.Established);
      expect(s.host.of(tcb).urgent).toEqual([...told]);
    }
  });

  test('the urgent pointer of a SYN is ignored, of the last ACK told (RFC 9293, 3.10.7)', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, s.localPort);
    s.send({ flags: TCP_SYN | TCP_URG, seq: 0, mss: 1460, urgent: 50 });
    s.send(marked(1, 7));
    expect(s.host.log).toEqual(['opened', 'urgent 7', 'data 10']);
  });
});

describe('an owner that is told of urgent data', () => {
  test('may abort the connection', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.onUrgent = () => void s.host.tcp.abort(tcb, s.nowNs);
    expect(s.send(marked(1, 10))).toMatchObject([{ flags: 'R.' }]);
    expect(s.host.log).toEqual(['opened', 'urgent 10', 'closed aborted']);
    s.assertClean();
  });

  test('may close the connection: the data of the segment resets it', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.onUrgent = () => void s.host.tcp.close(tcb, s.nowNs);
    s.send(marked(1, 10));
    expect(s.host.tcp.counters.dataAfterClose).toBe(1);
    expect(s.host.log).toEqual(['opened', 'urgent 10', 'closed aborted']);
    s.assertClean();
  });

  test('may resume and read what waits', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.pause(tcb);
    s.send({ seq: 1, ack: 1, data: 10 });
    s.host.onUrgent = () => s.host.tcp.resume(tcb);
    s.send(marked(11, 10));
    expect(s.host.log).toEqual(['opened', 'urgent 20', 'data 10', 'data 10']);
  });
});

test('a connection without urgent data has no record for it', () => {
  const s = new Script();
  const tcb = s.accept();
  s.send({ seq: 1, ack: 1, data: 10 });
  expect(s.host.tcp.urgentBytes(tcb)).toBe(0);
  // What is said of data that was delivered is not kept either.
  s.send(marked(11, 0));
  expect(Reflect.get(tcb, 'rareAt')).toBe(0);
  s.send(marked(21, 1));
  expect(Reflect.get(tcb, 'rareAt')).not.toBe(0);
});
