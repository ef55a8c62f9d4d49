import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_ECE, TCP_SYN } from '@tickwire/wire';
import { IcmpKind } from './icmp-error.ts';
import { Retransmit } from './retransmit.ts';
import { State } from './state.ts';
import { flowOf } from './testing/lone-tcb.ts';
import { type Captured, pattern, Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;
const SECOND = 1000 * MS;

const shapes = (sent: Captured[]): [number, number][] => sent.map((c) => [c.seq, c.length]);

describe('write() and reserve()', () => {
  test('small writes share a frame until it leaves', () => {
    const s = new Script();
    const tcb = s.accept();
    for (let i = 0; i < 10; i += 1) s.write(tcb, i * 100, 100);
    const sent = s.egress();
    expect(shapes(sent)).toEqual([[1, 1000]]);
    expect(Buffer.from(sent[0]!.payload)).toEqual(Buffer.from(pattern(0, 1000)));
  });

  test('a large write becomes full-sized segments, the last one pushes', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    s.write(tcb, 0, 2500);
    expect(s.egress().map((c) => [c.length, c.flags])).toEqual([
      [1000, '.'],
      [1000, '.'],
      [500, 'P.'],
    ]);
  });

  test('reserve() and commit() send without a copy, contiguous and at most one segment', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    const at = s.host.tcp.reserve(tcb, 48);
    expect(tcb.reservedBytes).toBe(1000);
    s.host.arena.bytes.set(pattern(0, 48), at);
    expect(s.host.tcp.commit(tcb, 48)).toBe(48);
    // The next message goes behind it into the same frame.
    expect(s.host.tcp.reserve(tcb, 48)).toBe(at + 48);
    s.host.arena.bytes.set(pattern(48, 48), at + 48);
    s.host.tcp.commit(tcb, 48);
    const sent = s.egress();
    expect(shapes(sent)).toEqual([[1, 96]]);
    expect(Buffer.from(sent[0]!.payload)).toEqual(Buffer.from(pattern(0, 96)));
    expect(s.host.tcp.reserve(tcb, 1001)).toBeLessThan(0);
    expect(s.host.tcp.commit(tcb, 1)).toBeLessThan(0);
  });

  test('a reservation that is never committed costs nothing in the end', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.reserve(tcb);
    s.host.tcp.reserve(tcb);
    expect(s.host.framesInUse()).toBe(1);
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test('a full buffer takes part, and drained() follows when a third of it is free', () => {
    const s = new Script({ config: { sendBufferBytes: 6000 } });
    const tcb = s.accept({ mss: 1000 });
    tcb.cwnd = 3000;
    expect(s.write(tcb, 0, 7000)).toBe(6000);
    expect(s.host.tcp.sendRoom(tcb)).toBe(0);
    s.egress();
    s.send({ seq: 1, ack: 1001 });
    expect(s.host.of(tcb).drained).toBe(0);
    s.send({ seq: 1, ack: 2001 });
    expect(s.host.of(tcb).drained).toBe(1);
    expect(s.write(tcb, 6000, 1000)).toBe(1000);
    expect(s.host.tcp.sendQueueBytes(tcb)).toBe(5000);
  });

  test('drained() follows the first ACK that has no more data to bring out', () => {
    const s = new Script({ config: { sendBufferBytes: 8000 } });
    const tcb = s.accept({ mss: 1000 });
    expect(s.write(tcb, 0, 9000)).toBe(8000);
    // All of it is in flight: the buffer is what limits, and each ACK empties the pipe.
    expect(s.egress()).toHaveLength(8);
    s.send({ seq: 1, ack: 501 });
    expect(s.host.of(tcb).drained).toBe(0);
    s.send({ seq: 1, ack: 1001 });
    expect(s.host.of(tcb).drained).toBe(1);
    expect(s.write(tcb, 8000, 2000)).toBe(1000);
    expect(shapes(s.egress())).toEqual([[8001, 1000]]);
  });

  test('gvisor#5984: a send buffer that shrinks loses no drained()', () => {
    const s = new Script({ config: { sendBufferBytes: 8000 } });
    const tcb = s.accept({ mss: 1000 });
    expect(s.write(tcb, 0, 9000)).toBe(8000);
    s.egress();
    s.host.tcp.setSendBuffer(tcb, 1000);
    for (let ack = 1001; ack <= 7001; ack += 1000) s.send({ seq: 1, ack });
    expect(s.host.of(tcb).drained).toBe(0);
    s.send({ seq: 1, ack: 8001 });
    expect(s.host.of(tcb).drained).toBe(1);
    expect(s.write(tcb, 8000, 2000)).toBe(1000);
  });

  test('drained() comes even when the pool was empty and nothing was in flight', () => {
    const s = new Script({ frames: 16 });
    const tcb = s.accept();
    const held: number[] = [];
    for (let f = s.host.arena.alloc(); f >= 0; f = s.host.arena.alloc()) held.push(f);
    expect(s.write(tcb, 0, 100)).toBe(0);
    s.egress();
    expect(s.host.of(tcb).drained).toBeGreaterThanOrEqual(0);
    for (const f of held) s.host.arena.free(f);
    s.advance(5 * MS);
    expect(s.host.of(tcb).drained).toBeGreaterThan(0);
    expect(s.write(tcb, 0, 100)).toBe(100);
  });

  test('data written before the handshake is complete leaves with its end', () => {
    const s = new Script();
    const tcb = s.connect();
    s.write(tcb, 0, 2000);
    expect(s.egress().map((c) => c.flags)).toEqual(['S']);
    const sent = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 800 });
    expect(shapes(sent)).toEqual([
      [1, 800],
      [801, 648],
      [1449, 552],
    ]);
    expect(Buffer.concat(sent.map((c) => c.payload))).toEqual(Buffer.from(pattern(0, 2000)));
  });
});

describe('Nagle and cork', () => {
  test('by default a small segment waits for nothing', () => {
    const s = new Script();
    const tcb = s.accept();
    s.write(tcb, 0, 10);
    expect(s.egress()).toHaveLength(1);
    s.write(tcb, 10, 10);
    expect(s.egress()).toHaveLength(1);
  });

  test('with Nagle a small segment waits while another is unacknowledged (RFC 9293, 3.7.4)', () => {
    const s = new Script({ config: { nagle: true } });
    const tcb = s.accept();
    s.write(tcb, 0, 10);
    expect(s.egress()).toHaveLength(1);
    s.write(tcb, 10, 10);
    s.write(tcb, 20, 10);
    expect(s.egress()).toEqual([]);
    expect(shapes(s.send({ seq: 1, ack: 11 }))).toEqual([[11, 20]]);
    s.write(tcb, 30, 10);
    s.host.tcp.setNagle(tcb, false);
    expect(shapes(s.egress())).toEqual([[31, 10]]);
  });

  test('corked, only full-sized segments leave; uncorked, the rest', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    s.host.tcp.setCork(tcb, true);
    s.write(tcb, 0, 1500);
    expect(shapes(s.egress())).toEqual([[1, 1000]]);
    s.host.tcp.setCork(tcb, false);
    expect(shapes(s.egress())).toEqual([[1001, 500]]);
  });

  test('a FIN uncorks (the data before it is the last)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    s.host.tcp.setCork(tcb, true);
    s.write(tcb, 0, 500);
    s.host.tcp.shutdown(tcb);
    expect(s.egress()).toMatchObject([{ flags: 'FP.', length: 500 }]);
  });
});

describe('the peer`s window', () => {
  test('a closed window is probed, with back-off and without end (RFC 9293, 3.8.6.1)', () => {
    const s = new Script({ config: { retriesMax: 5 } });
    const tcb = s.accept({ mss: 1000 });
    s.send({ seq: 1, ack: 1, window: 0 });
    s.write(tcb, 0, 100);
    expect(s.egress()).toEqual([]);
    let probes = 0;
    let last = s.nowNs;
    const gaps: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      while (s.take().length === 0 && probes <= i) {
        const sent = s.advance(100 * MS);
        for (const probe of sent) {
          expect(probe).toMatchObject({ seq: 0, length: 0 });
          gaps.push(Math.round((probe.atNs - last) / (200 * MS)));
          last = probe.atNs;
          probes += 1;
          s.send({ seq: 1, ack: 1, window: 0 });
        }
      }
    }
    expect(gaps.slice(0, 6)).toEqual([1, 2, 4, 8, 16, 32]);
    expect(tcb.state).toBe(State.Established);
    expect(shapes(s.send({ seq: 1, ack: 1, window: 5000 }))).toEqual([[1, 100]]);
  });

  test('a peer that does not answer probes is given up', () => {
    const s = new Script({ config: { retriesMax: 3 } });
    const tcb = s.accept({ mss: 1000 });
    s.send({ seq: 1, ack: 1, window: 0 });
    s.write(tcb, 0, 100);
    s.advance(60 * SECOND);
    expect(s.host.of(tcb).closed).toBe('timeout');
    s.assertClean();
  });

  test('a window that takes half of what it ever took is used (RFC 9293, 3.8.6.2.1)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, window: 800 });
    s.write(tcb, 0, 2000);
    expect(shapes(s.egress())).toEqual([[1, 800]]);
    // The rest of what was cut takes along what is queued behind it.
    expect(shapes(s.send({ seq: 1, ack: 801, window: 400 }))).toEqual([[801, 400]]);
    expect(shapes(s.send({ seq: 1, ack: 1201, window: 400 }))).toEqual([[1201, 400]]);
    // Less than half waits for more, or for the override timer.
    expect(s.send({ seq: 1, ack: 1601, window: 100 })).toEqual([]);
    expect(shapes(s.advance(300 * MS))).toEqual([[1601, 100]]);
  });

  test('the rest of a cut segment waits for a window worth it (RFC 9293, 3.8.6.2.1)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, window: 800 });
    s.write(tcb, 0, 3000);
    s.host.tcp.shutdown(tcb);
    expect(shapes(s.egress())).toEqual([[1, 800]]);
    // It would fit, but more than that is queued, and this is less than half.
    expect(s.send({ seq: 1, ack: 801, window: 300 })).toEqual([]);
    const sent = s.send({ seq: 1, ack: 801, window: 2300 });
    expect(sent.map((c) => [c.seq, c.length, c.flags])).toEqual([
      [801, 1000, '.'],
      [1801, 1000, '.'],
      [2801, 200, 'FP.'],
    ]);
    const bytes = Buffer.concat(sent.map((c) => c.payload));
    expect(bytes.equals(Buffer.from(pattern(800, 2200)))).toBe(true);
    s.send({ seq: 1, ack: 3002 });
    expect(tcb.sqFrames).toBe(0);
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test('fillFrame() leaves alone what the owner has reserved room behind', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, window: 800 });
    s.write(tcb, 0, 1500);
    const at = s.host.tcp.reserve(tcb, 100);
    expect(shapes(s.egress())).toEqual([[1, 800]]);
    s.host.arena.bytes.set(pattern(1500, 100), at);
    expect(s.host.tcp.commit(tcb, 100)).toBe(100);
    const sent = s.send({ seq: 1, ack: 801, window: 5000 });
    expect(shapes(sent)).toEqual([[801, 800]]);
    expect(Buffer.from(sent[0]!.payload).equals(Buffer.from(pattern(800, 800)))).toBe(true);
  });

  test('segments that a smaller MSS cuts are filled again (RFC 9293, 3.7.1)', () => {
    const s = new Script();
    const tcb = s.connect();
    s.write(tcb, 0, 4380);
    s.egress();
    const sent = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1000 });
    const lengths = sent.filter((c) => c.length > 0).map((c) => c.length);
    expect(lengths).toEqual([1000, 1000, 896, 1000, 484]);
  });

  test('smoltcp#1048: a peer that shrinks its window', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    s.write(tcb, 0, 4000);
    expect(s.egress()).toHaveLength(4);
    s.write(tcb, 4000, 4000);
    // The edge moves back behind what is in flight: nothing new, and nothing breaks.
    expect(s.send({ seq: 1, ack: 1001, window: 500 })).toEqual([]);
    expect(s.send({ seq: 1, ack: 1001, window: 0 })).toEqual([]);
    // What is out is sent again by the timer all the same.
    const again = s.advance(2 * SECOND).filter((c) => c.length > 0);
    expect(again[0]).toMatchObject({ seq: 1001 });
    expect(tcb.state).toBe(State.Established);
    const sent = s.send({ seq: 1, ack: 4001, window: 60_000 });
    expect(sent[0]).toMatchObject({ seq: 4001 });
  });

  test('a window update from an older segment is not believed (RFC 9293, 3.10.7.4)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.send({ seq: 1, ack: 1, data: 10, window: 3000 });
    expect(tcb.sndWnd).toBe(3000);
    s.send({ seq: 1, ack: 1, data: 10, window: 9000 });
    expect(tcb.sndWnd).toBe(3000);
  });

  test('a scaled window is scaled, but not that of a SYN (RFC 7323, 2.2)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, scale: 3, window: 1000 });
    expect(tcb.sndWnd).toBe(8000);
  });
});

describe('path MTU (RFC 1191, RFC 5927)', () => {
  test('what was sent too large goes again in pieces, without a reduction', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1460 });
    s.write(tcb, 0, 2920);
    s.egress();
    const { cwnd } = tcb;
    s.write(tcb, 2920, 1000);
    const flow = flowOf(tcb);
    expect(s.host.tcp.icmpError(flow, 80, 5000, tcb.iss + 1, 2, 1000)).toBe(0);
    const sent = s.egress();
    expect(shapes(sent)).toEqual([
      [1, 960],
      [961, 500],
      [1461, 960],
      [2421, 500],
      [2921, 960],
      [3881, 40],
    ]);
    expect(Buffer.concat(sent.map((c) => c.payload))).toEqual(Buffer.from(pattern(0, 3920)));
    expect(tcb.cwnd).toBe(cwnd);
  });

  test('an error about data that is not in flight is ignored (RFC 5927, 4.1)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1460 });
    s.write(tcb, 0, 1000);
    s.egress();
    expect(s.host.tcp.icmpError(flowOf(tcb), 80, 5000, tcb.iss + 5000, 2, 1000)).toBeLessThan(0);
    expect(s.host.tcp.icmpError(flowOf(tcb), 80, 5000, tcb.iss - 1, 2, 1000)).toBeLessThan(0);
    expect(s.host.tcp.icmpError(flowOf(tcb), 80, 9, tcb.iss + 1, 2, 1000)).toBeLessThan(0);
    expect(tcb.mss).toBe(1460);
    expect(s.host.tcp.counters.icmpIgnored).toBe(3);
  });

  test('IP may have lowered the MTU of the flow before TCP hears of it', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1460 });
    s.write(tcb, 0, 1460);
    s.egress();
    tcb.ipMtu = 1000;
    expect(s.host.tcp.icmpError(flowOf(tcb), 80, 5000, tcb.iss + 1, 2, 1000)).toBe(0);
    expect(shapes(s.egress())).toEqual([
      [1, 960],
      [961, 500],
    ]);
    // The same news again is none.
    expect(s.host.tcp.icmpError(flowOf(tcb), 80, 5000, tcb.iss + 1, 2, 1000)).toBeLessThan(0);
  });

  test('an absurd MTU is bounded', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1460 });
    s.write(tcb, 0, 1000);
    s.egress();
    s.host.tcp.icmpError(flowOf(tcb), 80, 5000, tcb.iss + 1, 2, 0);
    expect(tcb.mss).toBe(512);
  });

  test('hard errors end only what is being opened (RFC 5927, 5.2)', () => {
    const s = new Script();
    const opening = s.connect();
    s.egress();
    expect(s.host.tcp.icmpError(flowOf(opening), 80, 5000, opening.iss, 1, 0)).toBe(0);
    expect(s.host.of(opening).closed).toBe('refused');
    const t = new Script();
    const open = t.accept();
    t.write(open, 0, 10);
    t.egress();
    t.host.tcp.icmpError(flowOf(open), 80, 5000, open.iss + 1, 1, 0);
    expect(open.state).toBe(State.Established);
  });
});

describe('soft errors and loose ends', () => {
  test('a peer that ICMP called unreachable ends as unreachable (RFC 9293, 3.9.2.2)', () => {
    const s = new Script({ config: { synRetriesMax: 2 } });
    const tcb = s.connect();
    s.egress();
    expect(s.host.tcp.icmpError(flowOf(tcb), 80, 5000, tcb.iss, 0, 0)).toBe(0);
    expect(tcb.state).toBe(State.SynSent);
    s.advance(60 * SECOND);
    expect(s.host.of(tcb).closed).toBe('unreachable');
  });

  test('connect() ends at once when the neighbour does not answer (RFC 1122, 4.2.3.9)', () => {
    const s = new Script();
    const tcb = s.connect();
    s.egress();
    const { iss } = tcb;
    const flow = flowOf(tcb);
    // Not ours: nothing of it is in flight.
    expect(s.host.tcp.icmpError(flow, 80, 5000, iss + 5, IcmpKind.Local, 0)).toBeLessThan(0);
    expect(tcb.state).toBe(State.SynSent);
    expect(s.host.tcp.icmpError(flow, 80, 5000, iss, IcmpKind.Local, 0)).toBe(0);
    expect(s.host.of(tcb).closed).toBe('unreachable');
    s.assertClean();
  });

  test('an open connection outlives a neighbour that is away (RFC 1122, 4.2.3.9)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    s.write(tcb, 0, 100);
    s.egress();
    s.host.tcp.icmpError(flowOf(tcb), 80, 5000, tcb.sndUna, IcmpKind.Local, 0);
    expect(tcb.state).toBe(State.Established);
    s.advance(5 * SECOND);
    s.send({ seq: 1, ack: 101 });
    expect(tcb.sqHead).toBe(-1);
  });

  test('shutdown() after a write that came up short leaves no timer behind', () => {
    const s = new Script({ config: { sendBufferBytes: 2000 } });
    const tcb = s.accept({ mss: 1000 });
    expect(s.write(tcb, 0, 3000)).toBe(2000);
    s.host.tcp.shutdown(tcb);
    s.egress();
    s.send({ seq: 1, ack: 2002 });
    expect(tcb.state).toBe(State.FinWait2);
    s.advance(SECOND);
    s.send({ seq: 1, ack: 2002, data: 10 });
    s.advance(SECOND);
    expect(s.host.tcp.timersArmed).toBe(0);
    expect(s.host.of(tcb).drained).toBe(0);
  });

  test('the user timeout of the configuration covers the handshake', () => {
    const s = new Script({ config: { userTimeoutNs: 2 * SECOND } });
    const tcb = s.connect();
    s.advance(10 * SECOND);
    expect(s.host.of(tcb).closed).toBe('timeout');
    s.assertClean();
  });
});

describe('keepalive and user timeout', () => {
  test('silence is probed and then ends the connection (RFC 9293, 3.8.4)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setKeepalive(tcb, 10 * SECOND, 2 * SECOND, 3, s.nowNs);
    const start = s.nowNs;
    const sent = s.advance(30 * SECOND);
    expect(sent.map((c) => [Math.round((c.atNs - start) / SECOND), c.flags])).toEqual([
      [10, '.'],
      [12, '.'],
      [14, '.'],
      [16, 'R.'],
    ]);
    expect(sent[0]!.seq).toBe(0);
    expect(s.host.of(tcb).closed).toBe('keepalive');
    s.assertClean();
  });

  test('a window that opens when a probe is due is told by an ACK (RFC 9293, 3.8.6)', () => {
    const config = { receiveBufferBytes: 4000, receiveBufferBytesMax: 4000 };
    const s = new Script({ config });
    const tcb = s.accept({ mss: 1000 });
    s.host.tcp.setPull(tcb);
    s.host.tcp.setKeepalive(tcb, 1e9, 1e9, 3, s.nowNs);
    for (let i = 0; i < 4; i += 1) s.inject({ seq: 1 + i * 1000, ack: 1, data: 1000 });
    expect(s.egress().at(-1)).toMatchObject({ ack: 4001, window: 0 });
    // The owner reads between the timers and the egress of one round.
    s.nowNs += 1e9;
    s.host.tcp.timers(s.nowNs);
    s.host.tcp.read(tcb, new Uint8Array(4000), 0, 4000);
    const ack = { ack: 4001, window: 4000, length: 0 };
    expect(s.egress()).toMatchObject([
      { seq: 1, ...ack },
      { seq: 0, ...ack },
    ]);
    // Nothing is owed with the next one.
    expect(s.advance(1e9)).toMatchObject([{ seq: 0, ...ack }]);
  });

  test('an ACK that is owed when a probe is due finds room first (RFC 9293, 3.8.6.3)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    s.send({ seq: 1, ack: 1, window: 0 });
    s.write(tcb, 0, 10);
    s.egress();
    expect(tcb.retransmitKind).toBe(Retransmit.Persist);
    s.advanceTo(tcb.retransmitAtNs - 1);
    s.inject({ seq: 1, ack: 1, window: 0, data: 10 });
    s.nowNs += 1;
    s.host.roomLeft = 1;
    s.host.tcp.timers(s.nowNs);
    expect(s.egress()).toMatchObject([{ seq: 1, ack: 11 }]);
    s.host.roomLeft = 10;
    expect(s.egress()).toMatchObject([{ seq: 0, ack: 11 }]);
    expect(s.advance(150_000_000)).toEqual([]);
  });

  test('an answer to a probe starts the silence again', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setKeepalive(tcb, 10 * SECOND, 2 * SECOND, 3, s.nowNs);
    for (let i = 0; i < 5; i += 1) {
      expect(s.advance(10 * SECOND)).toHaveLength(1);
      s.send({ seq: 1, ack: 1 });
    }
    expect(tcb.state).toBe(State.Established);
  });

  test('a keepalive probe of the peer is answered', () => {
    const s = new Script();
    s.accept();
    expect(s.send({ seq: 0, ack: 1 })).toMatchObject([{ flags: '.', ack: 1 }]);
  });

  test('no progress for the user timeout ends the connection (RFC 5482)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setUserTimeout(tcb, 5 * SECOND, s.nowNs);
    s.advance(20 * SECOND);
    expect(tcb.state).toBe(State.Established);
    s.write(tcb, 0, 10);
    const start = s.nowNs;
    const sent = s.advance(20 * SECOND);
    expect(s.host.of(tcb).closed).toBe('timeout');
    expect(Math.round((sent.at(-1)!.atNs - start) / SECOND)).toBe(5);
    s.assertClean();
  });
});

describe('ECN (RFC 3168)', () => {
  test('a marked segment is echoed until CWR', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, flags: TCP_SYN | 0xc0 });
    expect(s.send({ seq: 1, ack: 1, data: 100, ce: true })).toMatchObject([{ flags: '.E' }]);
    s.send({ seq: 101, ack: 1, data: 1000 });
    expect(s.advance(50 * MS)).toMatchObject([{ flags: '.E' }]);
    s.send({ seq: 1101, ack: 1, data: 1000, flags: TCP_ACK | 0x80 });
    s.write(tcb, 0, 10);
    expect(s.egress()[0]).toMatchObject({ ect: true, flags: 'P.' });
  });

  test('an echo halves once per window, and says CWR', () => {
    const s = new Script({ config: { ecn: 1 } });
    const tcb = s.connect();
    expect(s.egress()[0]!.flags).toBe('SEW');
    s.send({ flags: TCP_SYN | TCP_ACK | TCP_ECE, seq: 0, ack: 1, mss: 1000, sackPermitted: true });
    s.write(tcb, 0, 20_000);
    expect(s.egress()).toHaveLength(10);
    s.nowNs += 20 * MS;
    const sent = s.send({ seq: 1, ack: 1001, flags: TCP_ACK | TCP_ECE });
    expect(tcb.ssthresh).toBeLessThanOrEqual(7000);
    const { cwnd } = tcb;
    for (let ack = 2001; ack <= 9001; ack += 1000) {
      sent.push(...s.send({ seq: 1, ack, flags: TCP_ACK | TCP_ECE }));
    }
    expect(s.host.tcp.counters.ecnReductions).toBe(1);
    expect(tcb.cwnd).toBe(cwnd);
    expect(sent.filter((c) => c.flags.includes('W'))).toHaveLength(1);
  });

  test('pure ACKs and retransmissions are not ECN-capable (RFC 3168, 6.1.4, 6.1.5)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, flags: TCP_SYN | 0xc0 });
    s.send({ seq: 1, ack: 1, data: 1000 });
    s.send({ seq: 1001, ack: 1, data: 1000 });
    for (const c of s.take()) expect(c.ect).toBe(false);
    s.write(tcb, 0, 100);
    expect(s.egress()[0]!.ect).toBe(true);
    const again = s.advance(2 * SECOND).filter((c) => c.length > 0);
    expect(again[0]!.ect).toBe(false);
  });
});

describe('idle and pacing', () => {
  test('after a silence no more than an initial window leaves at once (RFC 5681, 4.1)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    tcb.cwnd = 40_000;
    s.write(tcb, 0, 1000);
    s.egress();
    s.nowNs += MS;
    s.send({ seq: 1, ack: 1001 });
    s.nowNs += 5 * SECOND;
    s.write(tcb, 1000, 30_000);
    expect(s.egress()).toHaveLength(10);
  });

  test('the pacer spreads a window over its round trip', () => {
    const s = new Script({ config: { pacing: true } });
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1000 });
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1 });
    const tcb = s.tcb();
    s.write(tcb, 0, 10_000);
    const sent = [...s.egress(), ...s.advance(20 * MS)];
    expect(sent).toHaveLength(10);
    const gaps = sent.slice(1).map((c, i) => c.atNs - sent[i]!.atNs);
    for (const gap of gaps) expect(gap).toBeLessThanOrEqual(1.1 * MS);
    expect(sent.at(-1)!.atNs - sent[0]!.atNs).toBeGreaterThan(8 * MS);
  });
});
