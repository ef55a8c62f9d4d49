/**
 * Memory for records, some hundred at a time.
 *
 * @module
 */

/** One piece of memory, seen as each of the kinds of numbers that a record holds. */
export class Slab {
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u16: Uint16Array;
  readonly u8: Uint8Array;

  /** `bytes` is a multiple of 8. */
  constructor(bytes: number) {
    const memory = new ArrayBuffer(bytes);
    this.f64 = new Float64Array(memory);
    this.i32 = new Int32Array(memory);
    this.u16 = new Uint16Array(memory);
    this.u8 = new Uint8Array(memory);
  }
}
