import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Tcb } from './tcb.ts';
import { Script } from './testing/scripted-peer.ts';

const BUFFER = 32_768;
/** Frames enough that bytes alone limit the window. */
const FRAMES = { receiveFramesMax: 512, receiveFramesTotalMax: 512 };

/** A receiver whose owner reads when the test says so, with windows in units of `1 << shift`. */
class Receiver {
  readonly s: Script;
  readonly tcb: Tcb;
  readonly unit: number;
  /** Right edge of the last window, and the largest. */
  edge = 0;
  most = 0;
  /** By how much the edge has moved left at worst. */
  worstLeft = 0;
  read = 0;
  #sent = 0;
  readonly #scratch: Uint8Array = new Uint8Array(65_536);

  constructor(shift: number) {
    const receiveBufferBytesMax = Math.max(BUFFER, 0xffff * 2 ** shift);
    const config = { ...FRAMES, receiveBufferBytes: BUFFER, receiveBufferBytesMax };
    this.s = new Script({ frames: 1024, config });
    this.tcb = this.s.accept({ mss: 1460, scale: 2 });
    this.s.host.tcp.setPull(this.tcb);
    this.s.host.tcp.setReceiveBuffer(this.tcb, BUFFER);
    this.unit = 2 ** this.tcb.rcvShift;
    this.edge = BUFFER + 1;
    this.most = this.edge;
  }

  /** Sends what fits of a segment; false when nothing does. */
  send(length: number, upTo: number): boolean {
    const part = Math.min(length, upTo - 1 - this.#sent);
    if (part <= 0) return false;
    this.#look(this.s.send({ seq: 1 + this.#sent, ack: 1, data: part }));
    this.#sent += part;
    this.#look(this.s.advance(50_000_000));
    return true;
  }

  take(length: number): void {
    this.read += this.s.host.tcp.read(this.tcb, this.#scratch, 0, length);
    this.#look(this.s.egress());
  }

  #look(sent: readonly { ack: number; window: number }[]): void {
    for (const { ack, window } of sent) {
      const edge = ack + window * this.unit;
      this.worstLeft = Math.max(this.worstLeft, this.edge - edge);
      this.edge = edge;
      if (edge > this.most) this.most = edge;
    }
  }
}

const shifts = fc.constantFrom(0, 3, 7, 10);

describe('the right edge of a scaled window', () => {
  test.each([1460, 1448, 1440, 1220, 536])(
    'never moves left while a slow owner lets segments of %d bytes close it (RFC 7323, 2.4)',
    (length) => {
      const receiver = new Receiver(7);
      expect(receiver.unit).toBe(128);
      while (receiver.edge - 1 - receiver.tcb.bytesReceived >= length) {
        receiver.send(length, receiver.edge);
      }
      expect(receiver.tcb.bytesReceived).toBeGreaterThan(BUFFER - length);
      expect(receiver.worstLeft).toBe(0);
    },
  );

  test('moves left by less than a unit, and what it has promised is taken (RFC 7323, 2.4)', () => {
    const step = fc.record({
      length: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 1460 })),
      read: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8000 })),
    });
    fc.assert(
      fc.property(shifts, fc.array(step, { maxLength: 120 }), (shift, steps) => {
        const receiver = new Receiver(shift);
        const { tcb, unit } = receiver;
        for (const { length, read } of steps) {
          receiver.send(length, receiver.edge);
          if (read > 0) receiver.take(read);
          // What is promised and not read is never more than the buffer and a sixteenth.
          expect(receiver.most - 1 - receiver.read).toBeLessThanOrEqual(BUFFER + BUFFER / 16);
        }
        expect(receiver.worstLeft).toBeLessThan(unit);
        if (unit === 1) expect(receiver.worstLeft).toBe(0);
        // What was promised once is taken, whatever was said later.
        while (receiver.send(1460, receiver.most));
        expect(tcb.bytesReceived).toBe(receiver.most - 1);
      }),
      { numRuns: 60 },
    );
  });

  test('a peer that sends single bytes closes the window all the same', () => {
    const receiver = new Receiver(7);
    receiver.send(BUFFER - 3000, receiver.edge);
    let sent = 0;
    while (receiver.send(1, receiver.edge)) {
      sent += 1;
      if (sent > 10_000) break;
    }
    expect(sent).toBeLessThan(3000 + BUFFER / 16 + 1);
    expect(receiver.worstLeft).toBeLessThan(128);
  });
});
