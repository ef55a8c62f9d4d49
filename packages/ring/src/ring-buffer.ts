/**
 * A ring of fixed slots over a SharedArrayBuffer, with one producer and a graph of consumers.
 *
 * @module
 */

import { type Clock, monotonicClock, NetError } from '@tickwire/base';
import { COUNT_MAX, slotIndex } from './arithmetic.ts';
import { SequenceBarrier, type WaitContext } from './barrier.ts';
import { Consumer } from './consumer.ts';
import {
  CONSUMERS_MAX,
  CONSUMERS_WORD,
  consumerAt,
  MAGIC,
  MAGIC_WORD,
  PRODUCER_AT,
  ringBytes,
  SLOT_BYTES_MAX,
  SLOT_BYTES_WORD,
  SLOTS_MAX,
  SLOTS_MIN,
  SLOTS_WORD,
  STATE_HALTED,
  STATE_WORD,
  slotsAt,
  VERSION,
  VERSION_WORD,
} from './layout.ts';
import { Sequence } from './sequence.ts';
import { Sequencer } from './sequencer.ts';
import { waitStrategy, type WaitStrategyName } from './wait-strategy.ts';

/**
 * What a consumer waits for: nothing but the producer when `after` is empty, else the named
 * consumers.
 */
export interface ConsumerSpec {
  readonly name: string;
  readonly after: readonly string[];
}

/** How to make a ring. */
export interface RingOptions {
  /** For diagnosis, for example `input`. */
  readonly name: string;
  /** Number of slots, a power of two from 2 to 2^24. */
  readonly slots: number;
  /**
   * Size of a slot, a multiple of 8 up to 65,536. 64 holds every message of the exchange in one
   * cache line.
   */
  readonly slotBytes: number;
  /** The stages; each may name only stages before it, so the graph has no cycle. */
  readonly consumers: readonly ConsumerSpec[];
  /** What idle threads do; `block` unless said otherwise. */
  readonly wait?: WaitStrategyName;
  /**
   * Sequence of the first message; a recovered exchange starts it behind its journal. 0 unless said
   * otherwise.
   */
  readonly initialSequence?: number;
}

/**
 * All that another thread needs to open the same ring; plain, so `postMessage` and `workerData`
 * take it as it is.
 */
export interface RingDescriptor {
  readonly sab: SharedArrayBuffer;
  readonly name: string;
  readonly slots: number;
  readonly slotBytes: number;
  readonly consumers: readonly ConsumerSpec[];
  readonly wait: WaitStrategyName;
}

/** What may differ from thread to thread. */
export interface AttachOptions {
  /** Instead of the descriptor's strategy. */
  readonly wait?: WaitStrategyName;
  /** For deadlines; the machine's monotone clock unless said otherwise. */
  readonly clock?: Clock;
}

/**
 * One thread's handle on a ring.
 *
 * @example
 * ```ts
 * const ring = RingBuffer.create({
 *   name: 'input', slots: 4096, slotBytes: 64,
 *   consumers: [
 *     { name: 'journal', after: [] },
 *     { name: 'replication', after: [] },
 *     { name: 'book', after: ['journal', 'replication'] },
 *   ],
 * });
 * new Worker('./book.ts').postMessage(ring.descriptor);
 * // There: const book = RingBuffer.attach(descriptor).consumer('book');
 * ```
 */
export class RingBuffer {
  /** Everything another thread needs to {@link RingBuffer.attach}. */
  readonly descriptor: RingDescriptor;
  /** The whole shared memory; slots start at {@link slotAt}. */
  readonly bytes: Uint8Array;
  /** The same, for numbers. */
  readonly view: DataView;
  readonly slots: number;
  readonly slotBytes: number;
  readonly #words: Int32Array;
  readonly #slotsAt: number;
  readonly #perSlot: number;
  readonly #context: WaitContext;

  private constructor(descriptor: RingDescriptor, options: AttachOptions) {
    this.descriptor = descriptor;
    this.bytes = new Uint8Array(descriptor.sab);
    this.view = new DataView(descriptor.sab);
    this.slots = descriptor.slots;
    this.slotBytes = descriptor.slotBytes;
    this.#words = new Int32Array(descriptor.sab);
    this.#slotsAt = slotsAt(descriptor.consumers.length);
    this.#perSlot = 1 / descriptor.slots;
    this.#context = {
      words: this.#words,
      producer: this.producerSequence(),
      strategy: waitStrategy(options.wait ?? descriptor.wait),
      clock: options.clock ?? monotonicClock,
    };
  }

  /**
   * Makes the memory and the first handle.
   *
   * @throws NetError `ERR_TW_CONFIG` when an option is out of range or the graph of consumers is
   * not ordered.
   */
  static create(options: RingOptions, attach: AttachOptions = {}): RingBuffer {
    checkOptions(options);
    const { name, slots, slotBytes, consumers, initialSequence = 0, wait = 'block' } = options;
    const sab = new SharedArrayBuffer(ringBytes(slots, slotBytes, consumers.length));
    const words = new Int32Array(sab);
    words[VERSION_WORD] = VERSION;
    words[SLOTS_WORD] = slots;
    words[SLOT_BYTES_WORD] = slotBytes;
    words[CONSUMERS_WORD] = consumers.length;
    new Sequence(name, words, PRODUCER_AT).reset(initialSequence);
    for (let i = 0; i < consumers.length; i++) {
      new Sequence(name, words, consumerAt(i)).reset(initialSequence);
    }
    Atomics.store(words, MAGIC_WORD, MAGIC);
    return new RingBuffer({ sab, name, slots, slotBytes, consumers, wait }, attach);
  }

  /**
   * Opens a ring that another thread made.
   *
   * @throws NetError `ERR_TW_FORMAT` when the memory is not the ring that the descriptor describes.
   */
  static attach(descriptor: RingDescriptor, options: AttachOptions = {}): RingBuffer {
    const { sab, slots, slotBytes, consumers } = descriptor;
    const words = new Int32Array(sab);
    const matches =
      sab.byteLength === ringBytes(slots, slotBytes, consumers.length) &&
      Atomics.load(words, MAGIC_WORD) === MAGIC &&
      words[VERSION_WORD] === VERSION &&
      words[SLOTS_WORD] === slots &&
      words[SLOT_BYTES_WORD] === slotBytes &&
      words[CONSUMERS_WORD] === consumers.length;
    if (!matches) {
      throw new NetError(
        'ERR_TW_FORMAT',
        `The memory is not ring ${descriptor.name}; pass the descriptor unchanged`,
        { name: descriptor.name, slots, slotBytes },
      );
    }
    return new RingBuffer(descriptor, options);
  }

  /**
   * Byte offset in {@link bytes} and {@link view} of the slot of `sequence`. Pure arithmetic: no
   * check, no shared access. An int32 for the compiler too: with a double as its offset a DataView
   * access is a call instead of an instruction (12 % of an exchange's time, seen in a profile).
   */
  slotAt(sequence: number): number {
    return (this.#slotsAt + slotIndex(sequence, this.slots, this.#perSlot) * this.slotBytes) | 0;
  }

  /**
   * Takes the role of the producer. Dispose of it to give it up.
   *
   * @throws NetError `EADDRINUSE` when another holds it.
   */
  producer(): Sequencer {
    const cursor = this.producerSequence();
    this.#own(cursor);
    const last = lastConsumers(this.descriptor.consumers);
    const gate = new SequenceBarrier(this.#consumerSequences(last), this.#context);
    return new Sequencer(cursor, gate, this.slots, this.#words);
  }

  /**
   * Takes the role of the consumer `name`. Dispose of it to give it up.
   *
   * @throws NetError `ENOENT` when the ring has no such consumer, `EADDRINUSE` when another holds
   * the role.
   */
  consumer(name: string): Consumer {
    const index = this.#indexOf(name);
    const after = this.descriptor.consumers[index]?.after ?? [];
    const sequence = this.consumerSequence(name);
    this.#own(sequence);
    const dependencies =
      after.length === 0 ? [this.producerSequence()] : this.#consumerSequences(after);
    return new Consumer(sequence, new SequenceBarrier(dependencies, this.#context));
  }

  /** A fresh view of the producer's count, for watching. */
  producerSequence(): Sequence {
    return new Sequence('producer', this.#words, PRODUCER_AT);
  }

  /** A fresh view of a consumer's count, for watching: a reply waits for `journal` by it. */
  consumerSequence(name: string): Sequence {
    return new Sequence(name, this.#words, consumerAt(this.#indexOf(name)));
  }

  /**
   * Frees the role of a thread that died without disposing. Only for a supervisor that knows it is
   * dead: two holders of one role corrupt the ring.
   */
  evict(name: string): void {
    (name === 'producer' ? this.producerSequence() : this.consumerSequence(name)).disown();
  }

  /**
   * The emergency stop, from any thread: every claim and every wait that cannot be served at once
   * says `Status.BadState`. For an orderly end the producer calls `Sequencer.finish`.
   */
  halt(): void {
    Atomics.store(this.#words, STATE_WORD, STATE_HALTED);
    this.producerSequence().wake();
    for (const spec of this.descriptor.consumers) this.consumerSequence(spec.name).wake();
  }

  /** True once {@link halt} was called by any thread. */
  get halted(): boolean {
    return Atomics.load(this.#words, STATE_WORD) === STATE_HALTED;
  }

  #own(sequence: Sequence): void {
    if (sequence.tryOwn()) return;
    const ring = this.descriptor.name;
    throw new NetError(
      'EADDRINUSE',
      `Role ${sequence.name} of ring ${ring} is taken; dispose of the other holder first`,
      { ring, role: sequence.name },
    );
  }

  #consumerSequences(names: readonly string[]): Sequence[] {
    return names.map((name) => this.consumerSequence(name));
  }

  #indexOf(name: string): number {
    const index = this.descriptor.consumers.findIndex((spec) => spec.name === name);
    if (index >= 0) return index;
    const ring = this.descriptor.name;
    throw new NetError(
      'ENOENT',
      `Ring ${ring} has no consumer ${name}; name it in RingOptions.consumers`,
      { ring, consumer: name },
    );
  }
}

/**
 * The consumers that no other waits for. They alone gate the producer: the others are ahead of them
 * by construction.
 */
export function lastConsumers(consumers: readonly ConsumerSpec[]): string[] {
  const awaited = new Set(consumers.flatMap((spec) => spec.after));
  return consumers.map((spec) => spec.name).filter((name) => !awaited.has(name));
}

/** Slots take at most 1 GiB: every offset in a ring is an int32. */
const RING_BYTES_MAX = 2 ** 30;

function checkOptions(options: RingOptions): void {
  const { slots, slotBytes, consumers, initialSequence = 0 } = options;
  const known = new Set<string>(['producer']);
  const refuse = (what: string): never => {
    throw new NetError('ERR_TW_CONFIG', `Ring ${options.name}: ${what}`, { ring: options.name });
  };
  const isPowerOfTwo = Number.isInteger(slots) && Number.isInteger(Math.log2(slots));
  if (!isPowerOfTwo || slots < SLOTS_MIN || slots > SLOTS_MAX) {
    refuse(`slots must be a power of two from ${SLOTS_MIN} to ${SLOTS_MAX}, not ${slots}`);
  }
  if (slotBytes % 8 !== 0 || slotBytes < 8 || slotBytes > SLOT_BYTES_MAX) {
    refuse(`slotBytes must be a multiple of 8 from 8 to ${SLOT_BYTES_MAX}, not ${slotBytes}`);
  }
  if (slots * slotBytes > RING_BYTES_MAX) {
    refuse(`slots times slotBytes must not exceed ${RING_BYTES_MAX}, not ${slots * slotBytes}`);
  }
  if (consumers.length < 1 || consumers.length > CONSUMERS_MAX) {
    refuse(`there must be 1 to ${CONSUMERS_MAX} consumers, not ${consumers.length}`);
  }
  if (!Number.isSafeInteger(initialSequence) || initialSequence < 0) {
    refuse(`initialSequence must be an integer from 0 to ${COUNT_MAX}, not ${initialSequence}`);
  }
  for (const spec of consumers) {
    if (known.has(spec.name)) refuse(`the name ${spec.name} is used twice`);
    for (const before of spec.after) {
      if (before === 'producer' || !known.has(before)) {
        refuse(`${spec.name} waits for ${before}, which is not a consumer listed before it`);
      }
    }
    known.add(spec.name);
  }
}
