// @hot
/**
 * One receive and one transmit queue: a context in native memory and one call per burst.
 *
 * The context holds the pointers to the columns, so a call carries two integers. It is bound to one
 * `RxBurst` or `TxBurst`; passing another one rebinds it, which is slower but right.
 *
 * @module
 */

import { fail } from '@tickwire/base';
import type { RxBurst, TxBurst } from '@tickwire/phy';
import type { MemPool } from './mem-pool.ts';
import { type Address, addressOf, native, putAddress, RX_CONTEXT, TX_CONTEXT } from './native.ts';

type BurstCall = (this: void, context: Address, count: number) => number;

/** A receive queue of a port; used by one thread. */
export class RxQueue {
  readonly #view: DataView;
  readonly #context: Address;
  readonly #call: BurstCall;
  #bound: RxBurst | undefined;

  /** `mode` is one of `SumMode`. */
  constructor(port: number, queue: number, pool: MemPool, mode: number) {
    this.#view = new DataView(new ArrayBuffer(RX_CONTEXT.bytes));
    this.#context = addressOf(this.#view);
    this.#call = native().tw_rx_burst;
    putAddress(this.#view, RX_CONTEXT.pool, pool.address);
    this.#view.setUint32(RX_CONTEXT.port, port, true);
    this.#view.setUint32(RX_CONTEXT.queue, queue, true);
    this.#view.setUint32(RX_CONTEXT.mode, mode, true);
  }

  /** Receives up to `max` frames into `rx` and returns their number. */
  rx(rx: RxBurst, max: number): number {
    if (this.#bound !== rx) this.#bind(rx);
    return this.#call(this.#context, max);
  }

  /** Frames received. */
  get frames(): number {
    return this.#view.getFloat64(RX_CONTEXT.frames, true);
  }

  /** Bytes received. */
  get bytes(): number {
    return this.#view.getFloat64(RX_CONTEXT.byteCount, true);
  }

  /** Frames dropped because their segments did not fit into one frame. */
  get oversize(): number {
    return this.#view.getFloat64(RX_CONTEXT.oversize, true);
  }

  /** Frames dropped because they lay outside of the pool. */
  get foreign(): number {
    return this.#view.getFloat64(RX_CONTEXT.foreign, true);
  }

  #bind(rx: RxBurst): void {
    this.#bound = rx;
    putAddress(this.#view, RX_CONTEXT.frame, addressOf(rx.frame));
    putAddress(this.#view, RX_CONTEXT.at, addressOf(rx.at));
    putAddress(this.#view, RX_CONTEXT.length, addressOf(rx.length));
    putAddress(this.#view, RX_CONTEXT.flags, addressOf(rx.flags));
    putAddress(this.#view, RX_CONTEXT.hash, addressOf(rx.hash));
    putAddress(this.#view, RX_CONTEXT.sum, addressOf(rx.sum));
  }
}

/** A transmit queue of a port; used by one thread. */
export class TxQueue {
  readonly #view: DataView;
  readonly #context: Address;
  readonly #call: BurstCall;
  #bound: TxBurst | undefined;

  /** `mode` is made of `TxMode` bits. */
  constructor(port: number, queue: number, pool: MemPool, mode: number) {
    this.#view = new DataView(new ArrayBuffer(TX_CONTEXT.bytes));
    this.#context = addressOf(this.#view);
    this.#call = native().tw_tx_burst;
    putAddress(this.#view, TX_CONTEXT.pool, pool.address);
    this.#view.setUint32(TX_CONTEXT.port, port, true);
    this.#view.setUint32(TX_CONTEXT.queue, queue, true);
    this.#view.setUint32(TX_CONTEXT.mode, mode, true);
  }

  /**
   * Sends the first `count` frames of `tx` and returns how many were taken.
   *
   * @throws AssertionError when a column names bytes outside of its frame; nothing is sent then.
   */
  tx(tx: TxBurst, count: number): number {
    if (this.#bound !== tx) this.#bind(tx);
    const taken = this.#call(this.#context, count);
    if (taken < 0) fail('transmit columns outside of their frame, or too many');
    return taken;
  }

  /** Frames handed to the driver. */
  get frames(): number {
    return this.#view.getFloat64(TX_CONTEXT.frames, true);
  }

  /** Bytes handed to the driver. */
  get bytes(): number {
    return this.#view.getFloat64(TX_CONTEXT.byteCount, true);
  }

  #bind(tx: TxBurst): void {
    this.#bound = tx;
    putAddress(this.#view, TX_CONTEXT.frame, addressOf(tx.frame));
    putAddress(this.#view, TX_CONTEXT.at, addressOf(tx.at));
    putAddress(this.#view, TX_CONTEXT.length, addressOf(tx.length));
    putAddress(this.#view, TX_CONTEXT.checksumStart, addressOf(tx.checksumStart));
    putAddress(this.#view, TX_CONTEXT.checksumAt, addressOf(tx.checksumAt));
  }
}
