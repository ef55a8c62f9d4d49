import { describe, expect, test } from 'bun:test';
import { State } from '../state.ts';
import { Link } from '../testing/link.ts';
import { pattern, patternByte, Script } from '../testing/scripted-peer.ts';

const MS = 1_000_000;
const SECOND = 1_000_000_000;

describe('gvisor#10312, #10243: shrinking windows stall', () => {
  test('a smaller receive buffer takes back no promise (RFC 9293, 3.8.6; RFC 7323, 2.4)', () => {
    const s = new Script({ config: { receiveBufferBytes: 8192, receiveBufferBytesMax: 8192 } });
    const tcb = s.accept();
    s.host.tcp.pause(tcb);
    s.send({ seq: 1, ack: 1, data: 1024 });
    s.advance(100 * MS);
    const edge = (tcb.rcvAdv - tcb.irs) | 0;
    expect(edge).toBe(8193);
    s.host.tcp.setReceiveBuffer(tcb, 2048);
    // What was promised is in flight: all of it is taken, and the edge stays where it was.
    for (let seq = 1025; seq < 8193; seq += 1024) {
      for (const c of [...s.send({ seq, ack: 1, data: 1024 }), ...s.advance(30 * MS)]) {
        expect(c.ack + c.window).toBe(edge);
      }
    }
    expect(tcb.rqBytes).toBe(8192);
    expect(s.host.tcp.counters.outOfOrderDropped).toBe(0);
    // The window opens again to what the buffer is now.
    s.host.tcp.resume(tcb);
    expect(s.egress()).toMatchObject([{ ack: 8193, window: 2048 }]);
    expect(Buffer.from(s.host.of(tcb).bytes)).toEqual(Buffer.from(pattern(0, 8192)));
  });

  test('a peer that takes its window back gets all in the end (RFC 9293, 3.8.6)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, window: 8000 });
    s.write(tcb, 0, 12_000);
    expect(s.egress()).toHaveLength(8);
    // 1000 bytes arrived; the buffer of the peer is now three segments, not eight. What lies beyond
    // is dropped, every segment is answered.
    let next = 1001;
    const waiting = s.send({ seq: 1, ack: next, window: 3000 });
    for (let round = 0; round < 100 && next < 12_001; round += 1) {
      if (waiting.length === 0) waiting.push(...s.advance(300 * MS));
      for (const c of waiting.splice(0)) {
        const end = c.seq + c.length;
        if (c.seq <= next && end > next && end <= next + 3000) next = end;
        waiting.push(...s.send({ seq: 1, ack: next, window: 3000 }));
      }
    }
    expect(next).toBe(12_001);
    expect(tcb.state).toBe(State.Established);
    expect(s.nowNs).toBeLessThan(20 * SECOND);
  });
});

describe('gvisor#9153: only a quarter of the buffer is open to what is out of order', () => {
  for (const mss of [1460, 536, 100]) {
    test(`the whole window waits behind one hole of ${mss} bytes (RFC 9293, 3.10.7.4)`, () => {
      const s = new Script({ frames: 4096 });
      const tcb = s.accept({ mss: 1460, scale: 7, sackPermitted: true });
      s.send({ seq: 1, ack: 1, data: mss });
      s.advance(100 * MS);
      const from = 1 + mss;
      const edge = (tcb.rcvAdv - tcb.irs) | 0;
      expect(edge).toBeGreaterThan(60_000);
      for (let seq = from + mss; seq < edge; seq += mss) {
        s.send({ seq, ack: 1, data: Math.min(mss, edge - seq) });
      }
      expect(s.host.tcp.counters.outOfOrderDropped).toBe(0);
      const [ack] = s.send({ seq: from, ack: 1, data: mss });
      expect(ack!.ack).toBe(edge);
      expect(s.host.of(tcb).bytes).toHaveLength(edge - 1);
    });
  }

  test('a slow owner leaves the rest of the window open behind a hole, too', () => {
    const s = new Script({ config: { receiveBufferBytes: 65_536, receiveBufferBytesMax: 65_536 } });
    const tcb = s.accept({ mss: 1000, sackPermitted: true });
    s.host.tcp.pause(tcb);
    for (let seq = 1; seq < 32_000; seq += 1000) s.send({ seq, ack: 1, data: 1000 });
    s.advance(100 * MS);
    const edge = (tcb.rcvAdv - tcb.irs) | 0;
    const from = (tcb.rcvNxt - tcb.irs) | 0;
    expect(edge - from).toBeGreaterThan(32_000);
    for (let seq = from + 1000; seq < edge; seq += 1000) {
      s.send({ seq, ack: 1, data: Math.min(1000, edge - seq) });
    }
    expect(s.host.tcp.counters.outOfOrderDropped).toBe(0);
    expect(s.send({ seq: from, ack: 1, data: 1000 }).at(-1)!.ack).toBe(edge);
    expect(tcb.rqBytes).toBe(edge - 1);
  });
});

describe('gvisor#1398: silly windows', () => {
  test('reading byte by byte opens the window by segments (RFC 9293, 3.8.6.2.2)', () => {
    const s = new Script({ config: { receiveBufferBytes: 8192, receiveBufferBytesMax: 8192 } });
    const tcb = s.accept();
    s.host.tcp.setPull(tcb);
    for (let seq = 1; seq < 8193; seq += 1024) s.send({ seq, ack: 1, data: 1024 });
    s.advance(100 * MS);
    const into = new Uint8Array(1);
    let edge = 8193;
    let updates = 0;
    for (let i = 0; i < 8192; i += 1) {
      expect(s.host.tcp.read(tcb, into, 0, 1)).toBe(1);
      for (const c of [...s.egress(), ...(i % 100 === 0 ? s.advance(30 * MS) : [])]) {
        const gain = c.ack + c.window - edge;
        expect(gain).toBeGreaterThanOrEqual(1024);
        edge += gain;
        updates += 1;
      }
    }
    expect(edge).toBeGreaterThan(8193 + 4096);
    expect(updates).toBeLessThanOrEqual(8);
  });

  test('a small window is not filled by small segments (RFC 9293, 3.8.6.2.1)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, window: 4000 });
    s.write(tcb, 0, 10_000);
    expect(s.egress()).toHaveLength(4);
    // The peer opens by a hundred bytes with each ACK: less than a segment, and than half of most.
    let acked = 1;
    for (const window of [100, 200, 300, 900]) {
      acked += 1000;
      expect(s.send({ seq: 1, ack: acked, window: 4001 - acked + window })).toEqual([]);
      if (acked === 4001) break;
    }
    // When that is all there ever is, the override timer sends it (RFC 1122, 4.2.3.4).
    const sent = s.advance(3 * SECOND).filter((c) => c.length > 0);
    expect(sent.map((c) => [c.seq, c.length])[0]).toEqual([4001, 900]);
    // And a segment's worth leaves at once.
    expect(s.send({ seq: 1, ack: 4901, window: 1000 })).toMatchObject([
      { seq: 4901, length: 1000 },
    ]);
  });
});

describe('gvisor#4903: small segments never see a window of zero', () => {
  for (const scale of [0, 7]) {
    for (const bytes of [1, 10, 100]) {
      test(`segments of ${bytes}, scale ${scale}: it closes, and opens (RFC 9293, 3.8.6)`, () => {
        const s = new Script({
          config: { receiveBufferBytes: 4096, receiveBufferBytesMax: scale === 0 ? 4096 : 2 ** 22 },
        });
        const tcb = s.accept(scale === 0 ? { mss: 1460 } : { mss: 1460, scale });
        s.host.tcp.pause(tcb);
        let seq = 1;
        let window = -1;
        while (seq < 6000 && window !== 0) {
          for (const c of [...s.send({ seq, ack: 1, data: bytes }), ...s.advance(21 * MS)]) {
            window = c.window;
          }
          seq = 1 + ((tcb.rcvNxt - tcb.irs - 1) | 0);
        }
        expect(window).toBe(0);
        // As many bytes as the buffer has, but for what the field cannot say: a unit less, or a
        // sixteenth more at most, when rounding has moved the edge on.
        const most = scale === 0 ? 4096 : 4096 + 4096 / 16;
        expect(tcb.rqBytes).toBeLessThanOrEqual(most);
        expect(tcb.rqBytes).toBeGreaterThan(4096 - 2 ** tcb.rcvShift - bytes);
        // What the field could not say was promised before: probes may fill it, no more
        // (RFC 7323, 2.4). Each is answered by zero (RFC 9293, 3.8.6.1).
        for (let probes = 0; probes <= 2 ** tcb.rcvShift; probes += 1) {
          const answer = [...s.send({ seq, ack: 1, data: 1 }), ...s.advance(21 * MS)];
          expect(answer).toMatchObject([{ window: 0 }]);
          seq = answer[0]!.ack;
        }
        expect(tcb.rqBytes).toBe((tcb.rcvAdv - tcb.irs - 1) | 0);
        expect(tcb.rqBytes).toBeWithin(4096, most + 1);
        s.host.tcp.resume(tcb);
        const [update] = s.egress();
        expect(update!.window * 2 ** tcb.rcvShift).toBeGreaterThanOrEqual(4096 - 2 ** tcb.rcvShift);
        expect(Buffer.from(s.host.of(tcb).bytes)).toEqual(Buffer.from(pattern(0, seq - 1)));
      });
    }
  }
});

/** Transfers over a 20 microsecond path into a small buffer; returns the virtual time it took. */
function smallBuffer(pull: boolean): number {
  const config = { receiveBufferBytes: 4096, receiveBufferBytesMax: 4096 };
  const link = new Link({
    seed: 1,
    delayNs: 10_000,
    a: { record: false },
    b: { record: false, config },
  });
  const { client, server } = link.connect();
  if (pull) link.b.tcp.setPull(server);
  const total = 1_000_000;
  const chunk = new Uint8Array(64 * 1024);
  const into = new Uint8Array(3000);
  let written = 0;
  let received = 0;
  let wrong = 0;
  const fill = (): void => {
    while (written < total) {
      const want = Math.min(chunk.length, total - written);
      for (let i = 0; i < want; i += 1) chunk[i] = patternByte(written + i);
      const taken = link.a.tcp.write(client, chunk, 0, want);
      written += taken;
      if (taken < want) return;
    }
  };
  link.a.onDrained = fill;
  const take = (bytes: Uint8Array, at: number, length: number): void => {
    for (let i = 0; i < length; i += 1) {
      if (bytes[at + i] !== patternByte(received + i)) wrong += 1;
    }
    received += length;
  };
  link.b.onData = (_tcb, _frame, at, length): void => take(link.b.arena.bytes, at, length);
  // Who pulls looks after the round in which the ACK, and the closed window with it, has left.
  const read = (): void => {
    for (;;) {
      const count = link.b.tcp.read(server, into, 0, into.length);
      if (count <= 0) break;
      take(into, 0, count);
    }
    link.pump();
  };
  const startNs = link.nowNs;
  fill();
  link.run(() => {
    if (pull) read();
    return received === total;
  }, 100 * SECOND);
  expect(wrong).toBe(0);
  return link.nowNs - startNs;
}

describe('smoltcp#415, asterinas#485: a delayed ACK withholds the window update', () => {
  // 4096 bytes per 20 us are 200 MB/s; one delayed ACK of 20 ms per window would be 0.2 MB/s.
  test('data(): a small buffer is as fast as its round trips (RFC 9293, 3.8.6.3)', () => {
    expect(smallBuffer(false)).toBeLessThan(30 * MS);
  });

  test('read(): a small buffer is as fast as its round trips (RFC 9293, 3.8.6.3)', () => {
    expect(smallBuffer(true)).toBeLessThan(30 * MS);
  });
});

describe('f-stack#842: a window that the defaults make too small for a fast path', () => {
  test('one connection fills 10 Gbit/s with a round trip of 100 us, both ways', () => {
    const link = new Link({
      seed: 1,
      delayNs: 50_000,
      bitsPerSecond: 10e9,
      queueBytes: 500_000,
      a: { record: false },
      b: { record: false },
    });
    const { client, server } = link.connect();
    const chunk = new Uint8Array(64 * 1024);
    const fill = (host: typeof link.a, tcb: typeof client): void => {
      while (host.tcp.write(tcb, chunk, 0, chunk.length) === chunk.length);
    };
    let received = 0;
    for (const [host, other, from, to] of [
      [link.a, link.b, client, server],
      [link.b, link.a, server, client],
    ] as const) {
      received = 0;
      host.onDrained = (tcb): void => fill(host, tcb);
      other.onData = (_tcb, _frame, _at, length): void => void (received += length);
      fill(host, from);
      // Slow start takes a while; what counts is what comes after it.
      link.runFor(2 * MS);
      const before = received;
      link.runFor(10 * MS);
      const bitsPerSecond = ((received - before) * 8) / 0.01;
      expect(bitsPerSecond).toBeGreaterThan(0.9 * 10e9);
      expect(host.tcp.counters.timeouts).toBe(0);
      host.onDrained = undefined;
      link.runFor(10 * MS);
      expect(other.tcp.receiveQueueBytes(to)).toBe(0);
    }
  });
});
