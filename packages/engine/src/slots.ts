// @hot
/**
 * What lies in the slots of the two rings. 64 bytes each: one cache line.
 *
 * ```text
 * input ring                              output ring
 * 0   f64 arrival in nanoseconds          0   ExecutionReport, 48 bytes
 * 8   u32 trader             -+           48  u32 trader
 * 12  u32 message bytes       | journal   52  i32 low bits of the input sequence
 * 16  message, 16 or 32 bytes-+ record    56  f64 arrival in nanoseconds
 * 48  padding
 * ```
 *
 * The journal record is a run of bytes of the slot, so an order is copied once on its way in: from
 * packet memory to here. Message `s` of the input ring has the input sequence `s + 1`. Arrival
 * times are not journalled: the book does not see them.
 *
 * @module
 */

/** Bytes of a slot of either ring. */
export const SLOT_BYTES = 64;

/** Input slot: when the bytes arrived, by the clock of the gateway's thread. */
export const INPUT_ARRIVAL_AT = 0;
/** Input slot: the journal record begins here. */
export const INPUT_RECORD_AT = 8;
/** Input slot: length of the message. */
export const INPUT_LENGTH_AT = 12;
/** Input slot: the message. */
export const INPUT_MESSAGE_AT = 16;

/** Journal record: bytes before the message. */
export const RECORD_HEADER_BYTES = 8;

/** Output slot: the trader whom the report is for. */
export const OUTPUT_TRADER_AT = 48;
/** Output slot: low 32 bits of the sequence of the input that caused the report. */
export const OUTPUT_INPUT_AT = 52;
/** Output slot: arrival of that input. */
export const OUTPUT_ARRIVAL_AT = 56;

/** Name of the input ring's consumer that applies messages to the book. */
export const BOOK = 'book';
/** Name of the input ring's consumer that writes the journal; its count is the durable cursor. */
export const JOURNAL = 'journal';
/** Name of the output ring's consumer that serves sessions and the feed. */
export const GATEWAY = 'gateway';

/**
 * Copies `words` int32 words between two views; both offsets may be unaligned. They are made int32
 * first: computed from sequences they are doubles to the compiler, and a DataView access with a
 * double is a call instead of an instruction.
 */
export function copyWords(
  from: DataView,
  fromAt: number,
  to: DataView,
  toAt: number,
  words: number,
): void {
  const source = fromAt | 0;
  const target = toAt | 0;
  for (let i = 0; i < words; i += 1) {
    to.setInt32(target + i * 4, from.getInt32(source + i * 4, true), true);
  }
}
