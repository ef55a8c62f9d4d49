/**
 * What the receiver reports, against a model that is a set of bytes: segments of every shape, in
 * every order, overlapping as they like.
 */

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { createScriptedStack, type ScriptedStack } from '../port/scripted-stack.ts';
import { Conversations, streamByte } from './conversation.ts';
import { buildPacket } from './packet-build.ts';
import { readPacket } from './packet-read.ts';
import { parsePacket } from './packet-syntax.ts';
import type { TcpSyntax } from './script.ts';

/** Bytes of the stream that the segments are cut from. */
const STREAM_BYTES = 4000;
/** Segments are cut on a grid, so that edges often meet. */
const GRID_BYTES = 100;

/** The receiver as RFC 2018 describes it: which bytes have come. */
class Model {
  readonly #has: Uint8Array = new Uint8Array(STREAM_BYTES);

  /** Next byte that is missing, as an offset. */
  get next(): number {
    const at = this.#has.indexOf(0);
    return at < 0 ? STREAM_BYTES : at;
  }

  holds(from: number, to: number): boolean {
    return this.#has.subarray(from, to).every((byte) => byte === 1);
  }

  add(from: number, to: number): void {
    this.#has.fill(1, from, to);
  }

  /** The run of received bytes around an offset, `[left, right)`. */
  run(at: number): readonly [number, number] {
    let left = at;
    let right = at;
    while (left > 0 && this.#has[left - 1] === 1) left -= 1;
    while (right < STREAM_BYTES && this.#has[right] === 1) right += 1;
    return [left, right];
  }

  /** Runs beyond the first gap. */
  runs(): (readonly [number, number])[] {
    const found: (readonly [number, number])[] = [];
    for (let at = this.next; at < STREAM_BYTES; at += 1) {
      if (this.#has[at] !== 1) continue;
      const run = this.run(at);
      found.push(run);
      at = run[1];
    }
    return found;
  }
}

interface Session {
  readonly stack: ScriptedStack;
  readonly conversations: Conversations;
  readonly fd: number;
}

function send(session: Session, text: string): TcpSyntax[] {
  const packet = buildPacket(session.conversations, new Map(), parsePacket(text));
  session.stack.port.inject(packet);
  session.stack.time.settle();
  return session.stack.port.takeAll().map((emission) => {
    const read = readPacket(session.conversations, emission);
    expect(read.fault).toBeUndefined();
    return read.packet as TcpSyntax;
  });
}

function open(): Session {
  const stack = createScriptedStack({ tcp: { timestamps: false, delayedAckNs: 0 } });
  const { sockets } = stack;
  const listener = sockets.socket('stream');
  sockets.bind(listener, '0.0.0.0', 8080);
  sockets.listen(listener, 1);
  const conversations = new Conversations();
  const half: Session = { stack, conversations, fd: -1 };
  send(half, 'S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>');
  send(half, '. 1:1(0) ack 1 win 65535');
  return { stack, conversations, fd: sockets.accept(listener) };
}

/** Blocks of an ACK as stream offsets. */
function blocksOf(packet: TcpSyntax): (readonly [number, number])[] {
  const option = packet.options?.find((each) => each.startsWith('sack '));
  if (option === undefined) return [];
  return option
    .slice('sack '.length)
    .split(' ')
    .map((block) => {
      const [left, right] = block.split(':').map(Number);
      return [left! - 1, right! - 1] as const;
    });
}

const segments = fc.array(
  fc
    .tuple(
      fc.integer({ min: 0, max: STREAM_BYTES / GRID_BYTES - 1 }),
      fc.integer({ min: 1, max: 14 }),
      fc.integer({ min: 0, max: 3 }),
    )
    .map(([cell, cells, jitter]) => {
      const from = cell * GRID_BYTES + (jitter === 3 ? 37 : 0);
      const to = Math.min(STREAM_BYTES, from + cells * GRID_BYTES - (jitter === 2 ? 13 : 0));
      return { from, to };
    }),
  { minLength: 1, maxLength: 40 },
);

describe('SACK blocks of random segments', () => {
  test('say what was received, the latest first (RFC 2018, 4; RFC 2883, 4)', () => {
    fc.assert(
      fc.property(segments, (list) => {
        const session = open();
        using _stack = session.stack;
        const model = new Model();
        for (const { from, to } of list) {
          const before = model.next;
          const wasKnown = model.holds(from, to);
          model.add(from, to);
          const length = to - from;
          const answers = send(session, `. ${from + 1}:${to + 1}(${length}) ack 1 win 65535`);
          expect(answers.length).toBeGreaterThanOrEqual(1);
          const answer = answers.at(-1)!;
          expect(answer.ack).toBe(model.next + 1);
          const blocks = blocksOf(answer);
          checkBlocks(model, blocks, from, to, wasKnown || from < before);
        }
        // What was delivered is the stream, byte for byte.
        const into = new Uint8Array(STREAM_BYTES);
        const count = session.stack.sockets.read(session.fd, into);
        expect(Math.max(0, count)).toBe(model.next);
        for (let i = 0; i < model.next; i += 1) expect(into[i]).toBe(streamByte(i));
      }),
      { numRuns: 150 },
    );
  });
});

/** `repeats`: the segment held something that was known, so a duplicate report may lead. */
function checkBlocks(
  model: Model,
  blocks: readonly (readonly [number, number])[],
  from: number,
  to: number,
  repeats: boolean,
): void {
  const wanted = model.runs().map((run) => run.join(':'));
  let rest = blocks;
  const first = blocks[0];
  const isDuplicate =
    first !== undefined &&
    (first[0] < model.next || rest.slice(1).some(([l, r]) => l <= first[0] && first[1] <= r));
  if (isDuplicate) {
    // A duplicate report: about this segment, and about bytes that are held.
    expect(repeats).toBe(true);
    expect(first[0]).toBeGreaterThanOrEqual(from);
    expect(first[1]).toBeLessThanOrEqual(to);
    expect(model.holds(first[0], first[1])).toBe(true);
    rest = blocks.slice(1);
  }
  // Every other block is one whole run, each at most once, as many as there is room for.
  const told = rest.map((block) => block.join(':'));
  expect(new Set(told).size).toBe(told.length);
  for (const block of told) expect(wanted).toContain(block);
  expect(told.length).toBe(Math.min(wanted.length, isDuplicate ? 3 : 4));
  // The run of the segment that has just come leads, when it lies beyond the gap.
  if (from >= model.next && told.length > 0) expect(told[0]).toBe(model.run(from).join(':'));
}
