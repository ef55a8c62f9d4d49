import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { TCP_ACK, TCP_URG } from '@tickwire/wire';
import type { Tcb } from './tcb.ts';
import { Script } from './testing/scripted-peer.ts';

/** Bytes of the stream that a run is about: well inside the first window. */
const STREAM_BYTES = 6000;

interface Step {
  readonly kind: 'segment' | 'read' | 'pause' | 'resume';
  /** From the left edge; old when negative. */
  readonly from: number;
  readonly length: number;
  readonly urgent: number | undefined;
}

/** RFC 9293, 3.8.5 in plain arithmetic: positions in the stream that never wrap. */
class Model {
  readonly told: number[] = [];
  readonly #has: boolean[] = [];
  readonly #isPull: boolean;
  #isPaused = false;
  left = 0;
  #consumed = 0;
  #mark = 0;

  constructor(isPull: boolean) {
    this.#isPull = isPull;
  }

  get urgentBytes(): number {
    return Math.max(0, this.#mark - this.#consumed);
  }

  segment(from: number, length: number, urgent: number | undefined): void {
    // Empty at the left edge or behind it, or with something behind it: else it is old.
    if (length === 0 ? from < this.left : from + length <= this.left) return;
    if (urgent !== undefined && from + urgent > Math.max(this.#mark, this.#consumed)) {
      this.#mark = from + urgent;
      this.told.push(this.urgentBytes);
    }
    for (let i = Math.max(0, from); i < from + length; i += 1) this.#has[i] = true;
    while (this.#has[this.left] === true) this.left += 1;
    this.#deliver();
  }

  pause(on: boolean): void {
    this.#isPaused = on;
    this.#deliver();
  }

  read(length: number): void {
    if (this.#isPull) this.#consumed = Math.min(this.left, this.#consumed + length);
  }

  #deliver(): void {
    if (!this.#isPull && !this.#isPaused) this.#consumed = this.left;
  }
}

function take(s: Script, tcb: Tcb, model: Model, step: Step, isPull: boolean): void {
  const { tcp } = s.host;
  if (step.kind === 'segment') {
    const from = Math.max(0, Math.min(STREAM_BYTES, model.left + step.from));
    const length = Math.min(step.length, STREAM_BYTES - from);
    model.segment(from, length, step.urgent);
    const flags = step.urgent === undefined ? TCP_ACK : TCP_ACK | TCP_URG;
    s.send({ flags, seq: 1 + from, ack: 1, data: length, urgent: step.urgent ?? 0 });
  } else if (step.kind === 'read') {
    model.read(step.length);
    if (isPull) tcp.read(tcb, new Uint8Array(step.length), 0, step.length);
  } else if (!isPull) {
    model.pause(step.kind === 'pause');
    if (step.kind === 'pause') tcp.pause(tcb);
    else tcp.resume(tcb);
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant('segment' as const) },
    { weight: 3, arbitrary: fc.constantFrom('read' as const, 'pause' as const, 'resume' as const) },
  ),
  from: fc.oneof(fc.constant(0), fc.integer({ min: -600, max: 900 })),
  length: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 })),
  urgent: fc.option(
    fc.oneof(fc.integer({ min: 0, max: 500 }), fc.constantFrom(0, 1, 400, 65_535)),
    { nil: undefined },
  ),
});

/** So that marks, the left edge, or both pass the end of the sequence space. */
const isn: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: -1, max: 0x7fffffff }),
  fc.integer({ min: -70_000, max: 0 }),
  fc.integer({ min: 0x7fffffff - 70_000, max: 0x7fffffff }),
);

test('urgent marks are told once and counted down, in any order (RFC 9293, 3.8.5)', () => {
  fc.assert(
    fc.property(
      isn,
      fc.boolean(),
      fc.array(step, { minLength: 1, maxLength: 40 }),
      (peerIsn, isPull, steps) => {
        const s = new Script({ peerIsn, frames: 512, record: false });
        const tcb = s.accept();
        if (isPull) s.host.tcp.setPull(tcb);
        const model = new Model(isPull);
        for (const each of steps) {
          take(s, tcb, model, each, isPull);
          expect(s.host.tcp.urgentBytes(tcb)).toBe(model.urgentBytes);
        }
        expect(s.host.of(tcb).urgent).toEqual(model.told);
        expect(s.host.tcp.counters.urgentMarks).toBe(model.told.length);
      },
    ),
    { numRuns: 500 },
  );
});
