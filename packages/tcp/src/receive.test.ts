import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '@tickwire/wire';
import { State } from './state.ts';
import { pattern, Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;

describe('delayed ACK (RFC 9293, 3.8.6.3)', () => {
  test('one small segment is acknowledged after the delay', () => {
    const s = new Script();
    s.accept();
    expect(s.send({ seq: 1, ack: 1, data: 100 })).toEqual([]);
    expect(s.advance(19 * MS)).toEqual([]);
    expect(s.advance(2 * MS)).toMatchObject([{ flags: '.', ack: 101, atNs: 1_020_000_000 }]);
    expect(s.advance(1000 * MS)).toEqual([]);
  });

  test('two full-sized segments are acknowledged at once', () => {
    const s = new Script();
    const tcb = s.accept();
    s.send({ seq: 1, ack: 1, data: 1460 });
    s.advance(100 * MS);
    expect(tcb.rcvMss).toBe(1460);
    expect(s.send({ seq: 1461, ack: 1, data: 1460 })).toEqual([]);
    expect(s.send({ seq: 2921, ack: 1, data: 1460 })).toMatchObject([{ ack: 4381 }]);
  });

  test('data that leaves carries the ACK, and no other follows', () => {
    const s = new Script();
    const tcb = s.accept();
    s.send({ seq: 1, ack: 1, data: 100 });
    s.write(tcb, 0, 50);
    expect(s.egress()).toMatchObject([{ length: 50, ack: 101 }]);
    expect(s.advance(100 * MS)).toEqual([]);
  });

  test('a burst is acknowledged once', () => {
    const s = new Script();
    s.accept();
    for (let i = 0; i < 16; i += 1) s.inject({ seq: 1 + 1460 * i, ack: 1, data: 1460 });
    expect(s.egress()).toMatchObject([{ ack: 1 + 16 * 1460 }]);
  });

  test('a peer without SACK gets a duplicate ACK for each segment (RFC 5681, 3.2)', () => {
    const s = new Script();
    s.accept();
    for (let i = 1; i < 5; i += 1) s.inject({ seq: 1 + 1460 * i, ack: 1, data: 1460 });
    expect(s.egress().map((c) => c.ack)).toEqual([1, 1, 1, 1]);
    expect(s.send({ seq: 1, ack: 1, data: 1460 }).map((c) => c.ack)).toEqual([7301]);
  });

  test('with delayedAckNs 0 everything is acknowledged at once', () => {
    const s = new Script({ config: { delayedAckNs: 0 } });
    s.accept();
    expect(s.send({ seq: 1, ack: 1, data: 1 })).toHaveLength(1);
  });
});

describe('SACK blocks (RFC 2018; RFC 2883)', () => {
  const syn = { mss: 1460, sackPermitted: true };

  test('the latest arrival comes first, the others follow', () => {
    const s = new Script();
    s.accept(syn);
    expect(s.send({ seq: 101, ack: 1, data: 100 })[0]!.sack).toEqual([[101, 201]]);
    expect(s.send({ seq: 301, ack: 1, data: 100 })[0]!.sack).toEqual([
      [301, 401],
      [101, 201],
    ]);
    expect(s.send({ seq: 201, ack: 1, data: 50 })[0]!.sack).toEqual([
      [101, 251],
      [301, 401],
    ]);
    expect(s.send({ seq: 1, ack: 1, data: 100 })[0]).toMatchObject({
      ack: 251,
      sack: [[301, 401]],
    });
  });

  test('a duplicate is reported before everything else', () => {
    const s = new Script();
    s.accept(syn);
    s.send({ seq: 1, ack: 1, data: 100 });
    s.advance(100 * MS);
    expect(s.send({ seq: 1, ack: 1, data: 100 })[0]).toMatchObject({ ack: 101, sack: [[1, 101]] });
    s.send({ seq: 201, ack: 1, data: 100 });
    expect(s.send({ seq: 201, ack: 1, data: 100 })[0]!.sack).toEqual([
      [201, 301],
      [201, 301],
    ]);
  });

  test('a partial duplicate reports the part that was known', () => {
    const s = new Script();
    s.accept(syn);
    s.send({ seq: 1, ack: 1, data: 100 });
    const [ack] = s.send({ seq: 51, ack: 1, data: 100 });
    expect(ack).toMatchObject({ ack: 151, sack: [[51, 101]] });
    expect(s.host.of(s.tcb()).bytes).toEqual([...pattern(0, 150)]);
  });

  test('nothing is reported to a peer that has not asked', () => {
    const s = new Script();
    s.accept();
    expect(s.send({ seq: 101, ack: 1, data: 100 })[0]!.sack).toEqual([]);
  });

  test('at most three blocks fit beside timestamps', () => {
    const s = new Script();
    s.accept({ ...syn, tsVal: 1 });
    let last = 0;
    for (let i = 1; i <= 6; i += 1) {
      last = s.send({ seq: 1 + i * 200, ack: 1, data: 100 })[0]!.sack.length;
    }
    expect(last).toBe(3);
  });
});

describe('receive window', () => {
  test('the right edge never moves back while data is kept (RFC 9293, 3.8.6)', () => {
    const s = new Script({ config: { receiveBufferBytes: 8192, receiveBufferBytesMax: 8192 } });
    const tcb = s.accept();
    s.host.tcp.pause(tcb);
    let edge = 0;
    for (let seq = 1; seq < 8000; seq += 100) {
      for (const ack of [...s.send({ seq, ack: 1, data: 100 }), ...s.advance(30 * MS)]) {
        expect(ack.ack + ack.window).toBeGreaterThanOrEqual(edge);
        edge = ack.ack + ack.window;
      }
    }
    expect(edge).toBe(8193);
  });

  test('gvisor SWS: single bytes close the window in the end', () => {
    const s = new Script({ config: { receiveBufferBytes: 4096, receiveBufferBytesMax: 2 ** 20 } });
    const tcb = s.accept({ mss: 1460, scale: 7 });
    expect(tcb.rcvShift).toBeGreaterThan(0);
    s.host.tcp.pause(tcb);
    let window = -1;
    for (let seq = 1; seq <= 5000; seq += 1) {
      for (const c of [...s.send({ seq, ack: 1, data: 1 }), ...s.advance(21 * MS)])
        window = c.window;
      if (window === 0) break;
    }
    expect(window).toBe(0);
    // Rounding of the window may go a sixteenth beyond the buffer, and no further.
    expect(tcb.rqBytes).toBeLessThanOrEqual(4096 + 256);
  });

  test('M2: single bytes do not pin a frame each', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.pause(tcb);
    for (let seq = 1; seq <= 3000; seq += 1) s.send({ seq, ack: 1, data: 1 });
    expect(tcb.rqBytes).toBe(3000);
    expect(tcb.rqFrames).toBeLessThan(4);
    s.take();
    expect(s.host.framesInUse()).toBe(tcb.rqFrames);
    s.host.tcp.resume(tcb);
    expect(s.host.of(tcb).bytes).toEqual([...pattern(0, 3000)]);
    expect(s.host.framesInUse()).toBe(0);
  });

  test('M2: a full reassembly still takes the segment at the left edge', () => {
    const s = new Script({ config: { receiveFramesMax: 8 } });
    const tcb = s.accept();
    for (let i = 2; i < 40; i += 2) s.send({ seq: 1 + i * 1000, ack: 1, data: 1000 });
    expect(tcb.ooFrames).toBeLessThan(8);
    expect(s.host.tcp.counters.outOfOrderDropped).toBeGreaterThan(0);
    s.send({ seq: 1, ack: 1, data: 1000 });
    expect(tcb.rcvNxt).toBe((tcb.irs + 1001) | 0);
    s.send({ seq: 1001, ack: 1, data: 1000 });
    expect(tcb.rcvNxt).toBe((tcb.irs + 3001) | 0);
  });

  test('smoltcp PR#935: resume() tells the window at once, no delayed ACK withholds it', () => {
    const s = new Script({ config: { receiveBufferBytes: 8192, receiveBufferBytesMax: 8192 } });
    const tcb = s.accept();
    s.host.tcp.pause(tcb);
    for (let seq = 1; seq < 8193; seq += 1024) s.send({ seq, ack: 1, data: 1024 });
    s.advance(100 * MS);
    expect(tcb.rqBytes).toBe(8192);
    s.host.tcp.resume(tcb);
    expect(s.egress()).toMatchObject([{ flags: '.', ack: 8193, window: 8192 }]);
  });

  test('a closed window still takes ACKs, and answers data by an ACK (RFC 9293, 3.10.7.4)', () => {
    const s = new Script({ config: { receiveBufferBytes: 1024, receiveBufferBytesMax: 1024 } });
    const tcb = s.accept();
    s.host.tcp.pause(tcb);
    s.send({ seq: 1, ack: 1, data: 1024 });
    s.write(tcb, 0, 100);
    expect(s.egress()).toMatchObject([{ length: 100, window: 0 }]);
    expect(s.send({ seq: 1025, ack: 101, data: 100 })).toMatchObject([{ ack: 1025, window: 0 }]);
    expect(tcb.sqHead).toBe(-1);
    expect(tcb.rqBytes).toBe(1024);
    // A FIN takes no buffer.
    s.send({ flags: TCP_FIN | TCP_ACK, seq: 1025, ack: 101 });
    expect(tcb.state).toBe(State.CloseWait);
    expect(s.host.log).not.toContain('ended');
    s.host.tcp.resume(tcb);
    expect(s.host.log.slice(-2)).toEqual(['data 1024', 'ended']);
  });

  test('data behind the window is cut off', () => {
    const s = new Script({ config: { receiveBufferBytes: 1024, receiveBufferBytesMax: 1024 } });
    const tcb = s.accept();
    s.host.tcp.pause(tcb);
    expect(s.send({ seq: 1, ack: 1, data: 1460 })).toMatchObject([{ ack: 1025, window: 0 }]);
    expect(tcb.rqBytes).toBe(1024);
  });
});

describe('PAWS (RFC 7323, 5)', () => {
  test('an old duplicate is dropped and answered', () => {
    const s = new Script();
    s.accept({ mss: 1460, tsVal: 1000 });
    s.send({ seq: 1, ack: 1, data: 10, tsVal: 1005 });
    s.advance(100 * MS);
    expect(s.send({ seq: 11, ack: 1, data: 10, tsVal: 1004 })).toMatchObject([{ ack: 11 }]);
    expect(s.host.tcp.counters.pawsRejected).toBe(1);
    expect(s.host.of(s.tcb()).bytes).toHaveLength(10);
    s.send({ seq: 11, ack: 1, data: 10, tsVal: 1005 });
    expect(s.host.of(s.tcb()).bytes).toHaveLength(20);
  });

  test('timestamps wrap', () => {
    const s = new Script();
    s.accept({ mss: 1460, tsVal: 0x7fffffff | 0 });
    s.send({ seq: 1, ack: 1, data: 10, tsVal: 0x80000001 | 0 });
    expect(s.host.of(s.tcb()).bytes).toHaveLength(10);
    expect(s.tcb().tsRecent).toBe(0x80000001 | 0);
  });

  test('a segment behind a hole does not move TS.Recent (RFC 7323, 4.3)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1460, tsVal: 1000 });
    s.send({ seq: 101, ack: 1, data: 10, tsVal: 1010 });
    expect(tcb.tsRecent).toBe(1000);
  });

  describe('segments without what was agreed on (RFC 7323, 3.2)', () => {
    /** A connection with timestamps, whose peer forgets them from now on. */
    function forgetful(required: boolean): Script {
      const s = new Script({ config: { timestampsRequired: required } });
      s.accept({ mss: 1460, tsVal: 1000 });
      s.timestamps = false;
      return s;
    }

    test('are dropped without an answer', () => {
      const s = forgetful(true);
      expect(s.send({ seq: 1, ack: 1, data: 10 })).toEqual([]);
      expect(s.advance(100 * MS)).toEqual([]);
      expect(s.host.of(s.tcb()).bytes).toHaveLength(0);
      expect(s.host.tcp.counters.timestampsMissing).toBe(1);
    });

    test('a RST counts all the same', () => {
      const s = forgetful(true);
      const tcb = s.tcb();
      s.send({ flags: TCP_RST, seq: 1 });
      expect(s.host.of(tcb).closed).toBe('reset');
    });

    test('a SYN is challenged all the same: its sender may have restarted (RFC 5961, 4.2)', () => {
      const s = forgetful(true);
      expect(s.send({ flags: TCP_SYN, seq: 77, mss: 1460 })).toMatchObject([
        { flags: '.', ack: 1 },
      ]);
    });

    test('the ACK of a SYN-ACK opens nothing', () => {
      const s = new Script();
      s.host.tcp.listen(0, 0, 0, 0, 80);
      s.send({ flags: TCP_SYN, seq: 0, mss: 1460, tsVal: 1000 });
      s.send({ seq: 1, ack: 1 });
      expect(s.host.tcp.connectionCount).toBe(0);
      expect(s.host.tcp.counters.timestampsMissing).toBe(1);
      s.send({ seq: 1, ack: 1, tsVal: 1001 });
      expect(s.host.tcp.connectionCount).toBe(1);
    });

    test('are taken when the configuration says so', () => {
      const s = forgetful(false);
      s.send({ seq: 1, ack: 1, data: 10 });
      expect(s.host.of(s.tcb()).bytes).toHaveLength(10);
    });
  });

  test('after 24 days of silence an old timestamp is believed (RFC 7323, 5.5)', () => {
    const s = new Script();
    s.accept({ mss: 1460, tsVal: 1000 });
    s.nowNs += 25 * 86_400e9;
    s.send({ seq: 1, ack: 1, data: 10, tsVal: 5 });
    expect(s.host.of(s.tcb()).bytes).toHaveLength(10);
  });
});

describe('pull mode', () => {
  test('read() and peek() take from the queue, readable() announces', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setPull(tcb);
    s.send({ seq: 1, ack: 1, data: 600 });
    s.send({ seq: 601, ack: 1, data: 30 });
    expect(s.host.of(tcb).readable).toBe(2);
    expect(s.host.tcp.receiveQueueBytes(tcb)).toBe(630);
    const into = new Uint8Array(700);
    expect(s.host.tcp.peek(tcb, into, 0, 700)).toBe(630);
    expect(into.slice(0, 630)).toEqual(new Uint8Array(pattern(0, 630)));
    expect(s.host.tcp.read(tcb, into, 0, 100)).toBe(100);
    expect(s.host.tcp.read(tcb, into, 100, 600)).toBe(530);
    expect(into.slice(0, 630)).toEqual(new Uint8Array(pattern(0, 630)));
    expect(s.host.tcp.read(tcb, into, 0, 1)).toBe(0);
    expect(s.host.tcp.receiveEnded(tcb)).toBe(false);
    s.send({ flags: TCP_FIN | TCP_ACK, seq: 631, ack: 1 });
    expect(s.host.of(tcb).readable).toBe(3);
    expect(s.host.tcp.receiveEnded(tcb)).toBe(true);
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });
});

test('sequence numbers wrap at 2^31 and 2^32 on both sides', () => {
  for (const peerIsn of [0x7ffffff0, -16, -1, 0x7fffffff]) {
    const s = new Script({ peerIsn, startNs: 5_000_000_000 });
    const tcb = s.accept({ mss: 1460, sackPermitted: true });
    // Our side as well: the ISN cannot be chosen, but the queue can be moved before first use.
    for (let i = 4; i >= 0; i -= 1) s.send({ seq: 1 + i * 10, ack: 1, data: 10 });
    expect(s.host.of(tcb).bytes).toEqual([...pattern(0, 50)]);
  }
});
