// @hot
/**
 * Where everything lies in the shared memory of a ring. Little-endian, as the machine's Int32Array
 * is.
 *
 * ```
 *      0                   32                  64                  96             127
 *     +---------+---------+---------+---------+---------+---------+-----------------+
 *   0 |  magic  | version |  slots  |slotBytes|consumers|  state  |     padding     |  control
 *     +---------+---------+---------+---------+---------+---------+-----------------+
 * 128 | cursor  |  epoch  | waiters |  owner  |               padding               |  producer
 *     +---------+---------+---------+---------+-------------------------------------+
 * 256 | cursor  |  epoch  | waiters |  owner  |               padding               |  consumer 0
 *     +---------+---------+---------+---------+-------------------------------------+
 *     |  ... one stride per consumer ...                                            |
 *     +-----------------------------------------------------------------------------+
 *     |  slots x slotBytes                                                          |
 *     +-----------------------------------------------------------------------------+
 * ```
 *
 * Each cell is an int32. A stride is 128 bytes although a cache line is 64, because the
 * adjacent-line prefetcher of x86 fetches lines in pairs: with 64 a consumer's store would still
 * take the producer's line away.
 *
 * - `cursor`: the low 32 bits of the number of messages published (or released) so far; wraps.
 * - `epoch`: that number divided by 2^24. Whoever arrives late rebuilds the whole 53-bit count from
 *   the two.
 * - `waiters`: how many threads are parked on `cursor`; the owner wakes only when it is not zero.
 * - `owner`: 1 while a producer or consumer holds the role.
 *
 * @module
 */

/** Bytes between two cursors. */
export const STRIDE_BYTES = 128;
/** Int32 words between two cursors. */
export const STRIDE_WORDS = 32;

/** 'TWR1' in ASCII, first byte first. */
export const MAGIC = 0x31525754;
/** Version of this layout; another version refuses to attach. */
export const VERSION = 1;

/** Word of the control stride that holds {@link MAGIC}. */
export const MAGIC_WORD = 0;
/** Word of the control stride that holds {@link VERSION}. */
export const VERSION_WORD = 1;
/** Word of the control stride that holds the number of slots. */
export const SLOTS_WORD = 2;
/** Word of the control stride that holds the size of a slot. */
export const SLOT_BYTES_WORD = 3;
/** Word of the control stride that holds the number of consumers. */
export const CONSUMERS_WORD = 4;
/** Word of the control stride that holds one of the three states below; it only grows. */
export const STATE_WORD = 5;
/** Messages flow. */
export const STATE_OPEN = 0;
/** The producer publishes no more; consumers drain what there is. */
export const STATE_FINISHED = 1;
/** Everybody stops where he is. */
export const STATE_HALTED = 2;

/** Word of a cursor's stride: low 32 bits of the count. */
export const CURSOR_WORD = 0;
/** Word of a cursor's stride: the count divided by {@link EPOCH_COUNT}. */
export const EPOCH_WORD = 1;
/** Word of a cursor's stride: threads parked on the cursor. */
export const WAITERS_WORD = 2;
/** Word of a cursor's stride: 1 while the role is taken. */
export const OWNER_WORD = 3;

/** Messages per epoch. 2^53 / 2^24 epochs fit an int32. */
export const EPOCH_COUNT = 16_777_216;

/** Fewest slots: with one, producer and consumer could never work at the same time. */
export const SLOTS_MIN = 2;
/**
 * Most slots: a ring of 2^24 already hides seconds of backlog, which is a fault and not a buffer.
 */
export const SLOTS_MAX = 16_777_216;
/** Largest slot: one maximum IP datagram. */
export const SLOT_BYTES_MAX = 65_536;
/** Most consumers of one ring; the graphs in use have four. */
export const CONSUMERS_MAX = 16;

/** Index of the first word of the producer's stride. */
export const PRODUCER_AT: number = STRIDE_WORDS;

/** Index of the first word of the stride of consumer `index`. */
export function consumerAt(index: number): number {
  return (2 + index) * STRIDE_WORDS;
}

/** Byte offset of slot 0. */
export function slotsAt(consumers: number): number {
  return (2 + consumers) * STRIDE_BYTES;
}

/** Size of the whole shared memory. */
export function ringBytes(slots: number, slotBytes: number, consumers: number): number {
  return slotsAt(consumers) + slots * slotBytes;
}
