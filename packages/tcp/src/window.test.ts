import { describe, expect, test } from 'bun:test';
import { Link } from './testing/link.ts';
import { Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;

describe('the window and the frames behind it', () => {
  test('promises no more than reassembly can hold (RFC 9293, 3.8.6)', () => {
    const s = new Script({ frames: 1024, config: { receiveFramesMax: 32 } });
    const tcb = s.accept({ mss: 1460, scale: 7 });
    let edge = 0;
    for (let i = 0, seq = 1; i < 200; i += 1, seq += 1460) {
      for (const c of s.send({ seq, ack: 1, data: 1460 })) {
        const right = c.ack + c.window * 2 ** tcb.rcvShift;
        // The field counts in units of 128 bytes, rounded down (RFC 7323, 2.4).
        expect(right).toBeGreaterThan(edge - 128);
        if (right > edge) edge = right;
      }
    }
    const most = 31 * 1460;
    expect(edge - (tcb.rcvNxt - tcb.irs)).toBeLessThanOrEqual(most);
    // One is lost, and what follows fills the window: there is a frame for all of it.
    const from = tcb.rcvNxt - tcb.irs;
    for (let seq = from + 1460; seq + 1460 <= edge; seq += 1460) {
      s.send({ seq, ack: 1, data: 1460 });
    }
    expect(tcb.ooFrames).toBeGreaterThan(25);
    expect(s.host.tcp.counters.outOfOrderDropped).toBe(0);
  });

  test('no segment is dropped for want of frames behind losses of 1 %', () => {
    const link = new Link({
      seed: 5,
      delayNs: 5 * MS,
      bitsPerSecond: 1e9,
      loss: 0.01,
      a: { record: false, frames: 8192, config: { sendBufferBytes: 1 << 22, sendFramesMax: 4096 } },
      b: { record: false, frames: 8192, config: { receiveFramesMax: 64 } },
    });
    const { client } = link.connect();
    const chunk = new Uint8Array(65_536);
    let written = 0;
    let received = 0;
    const fill = (): void => {
      for (;;) {
        const taken = link.a.tcp.write(client, chunk, 0, chunk.length);
        written += taken;
        if (taken < chunk.length) return;
      }
    };
    link.a.onDrained = fill;
    link.b.onData = (_tcb, _frame, _at, length): void => {
      received += length;
    };
    fill();
    while (received < 3_000_000) {
      link.pump();
      if (!link.step(link.nowNs + 60e9)) break;
    }
    expect(received).toBeGreaterThanOrEqual(3_000_000);
    expect(written).toBeGreaterThan(received);
    expect(link.b.tcp.counters.outOfOrder).toBeGreaterThan(100);
    expect(link.b.tcp.counters.outOfOrderDropped).toBe(0);
  });
});

describe('what is full-sized', () => {
  test('follows the peer down within a round trip (RFC 9293, 3.8.6.3)', () => {
    const s = new Script({ config: { delayedAckNs: 40 * MS } });
    const tcb = s.accept({ mss: 1460 });
    s.send({ seq: 1, ack: 1, data: 1460 });
    s.send({ seq: 1461, ack: 1, data: 1460 });
    expect(tcb.rcvMss).toBe(1460);
    let seq = 2921;
    for (let i = 0; i < 4; i += 1) {
      s.nowNs += 50 * MS;
      s.send({ seq, ack: 1, data: 900 });
      seq += 900;
    }
    expect(tcb.rcvMss).toBe(900);
    s.advance(100 * MS);
    // Two of them are worth an ACK now: no delayed ACK holds a slow start up.
    expect(s.send({ seq, ack: 1, data: 900 })).toEqual([]);
    expect(s.send({ seq: seq + 900, ack: 1, data: 900 })).toHaveLength(1);
  });

  test('messages of a few bytes do not make each other full-sized', () => {
    const s = new Script({ config: { delayedAckNs: 40 * MS } });
    const tcb = s.accept({ mss: 1460 });
    let acks = 0;
    for (let i = 0; i < 10; i += 1) {
      s.nowNs += MS;
      acks += s.send({ seq: 1 + i * 48, ack: 1, data: 48 }).length;
    }
    expect(acks).toBe(0);
    expect(tcb.rcvMss).toBe(536);
  });
});
