/**
 * What the exchange and one of its threads tell each other besides the rings: a thread that spins
 * or blocks never turns its event loop, so messages would not reach it.
 *
 * ```text
 * int32 words: 0 state   1 questions   2 answers   3 text bytes
 * 16 ..        text, UTF-8: the error of a failed thread, a question, or its answer
 * ```
 *
 * @module
 */

import { NetError, type NetErrorCode } from '@tickwire/base';

/** States of a thread. */
export const ThreadState = {
  /** Made, not yet at work. */
  Starting: 0,
  /** At work. */
  Running: 1,
  /** Ended in order: everything it was given is done. */
  Stopped: 2,
  /** Ended by an error. */
  Failed: 3,
} as const;

/** Any value of {@link ThreadState}. */
export type ThreadState = (typeof ThreadState)[keyof typeof ThreadState];

const STATE = 0;
const QUESTIONS = 1;
const ANSWERS = 2;
const LENGTH = 3;
const TEXT_AT = 16;
/** Bytes of an error text; a longer one is cut. */
const TEXT_BYTES_MAX = 2032;

/** The shared words of one thread. */
export class ThreadControl {
  /** For `postMessage`. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #text: Uint8Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(TEXT_AT + TEXT_BYTES_MAX)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, 4);
    this.#text = new Uint8Array(memory, TEXT_AT);
  }

  /** {@link ThreadState}. */
  get state(): number {
    return Atomics.load(this.#words, STATE);
  }

  /** The error of a failed thread, named after it. */
  error(thread: string): NetError {
    const [code, ...rest] = this.#readText().split('\n');
    const message = `The ${thread} thread has failed: ${rest.join('\n')}`;
    return new NetError((code ?? 'ERR_TW_CLOSED') as NetErrorCode, message, { thread });
  }

  /** Asks the thread something. One question at a time. */
  ask(question: string): void {
    this.#writeText(question);
    Atomics.add(this.#words, QUESTIONS, 1);
  }

  /** The answer to the last question, or undefined while there is none. */
  answered(): string | undefined {
    return this.asked ? undefined : this.#readText();
  }

  // The thread's side.

  /** Says that the thread is at work. */
  running(): void {
    this.#setState(ThreadState.Running);
  }

  /** Says that the thread has ended in order. */
  stopped(): void {
    this.#setState(ThreadState.Stopped);
  }

  /** Says that the thread has ended, and why. */
  failed(error: unknown): void {
    const code = error instanceof NetError ? error.code : 'ERR_TW_CLOSED';
    this.#writeText(`${code}\n${error instanceof Error ? error.message : String(error)}`);
    this.#setState(ThreadState.Failed);
  }

  /** Whether an answer is wanted. */
  get asked(): boolean {
    return Atomics.load(this.#words, QUESTIONS) !== Atomics.load(this.#words, ANSWERS);
  }

  /** What was asked. */
  question(): string {
    return this.#readText();
  }

  /** Gives the answer. */
  answer(text: string): void {
    this.#writeText(text);
    Atomics.store(this.#words, ANSWERS, Atomics.load(this.#words, QUESTIONS));
  }

  #setState(state: ThreadState): void {
    Atomics.store(this.#words, STATE, state);
    Atomics.notify(this.#words, STATE);
  }

  #writeText(text: string): void {
    const bytes = new TextEncoder().encode(text).subarray(0, TEXT_BYTES_MAX);
    this.#text.set(bytes);
    Atomics.store(this.#words, LENGTH, bytes.length);
  }

  #readText(): string {
    // Decoders take no shared memory: a copy of a few bytes.
    return new TextDecoder().decode(this.#text.slice(0, Atomics.load(this.#words, LENGTH)));
  }
}
