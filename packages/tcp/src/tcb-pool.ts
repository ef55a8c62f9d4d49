/**
 * Makes connections: slabs of records, and the values with which a connection begins.
 *
 * @module
 */

import type { TcpConfig } from './config.ts';
import { RarePool } from './record/rare-pool.ts';
import { Slab } from './record/slab.ts';
import { Tcb } from './tcb.ts';
import { MAIN_BYTES, RARE_BYTES, TcbRecord } from './tcb-record.ts';

/** Writes the initial values: its record is a template, and record 0 of the pool of the rare. */
class Template extends TcbRecord {
  readonly words: Int32Array;

  constructor(config: TcpConfig, rare: RarePool) {
    const slab = new Slab(MAIN_BYTES);
    super(slab, 0, rare.initial);
    this.words = slab.i32;
    this.setInitial(config);
  }

  protected override needsRare(): boolean {
    return true;
  }
}

/** Where the connections of one `Tcp` come from. */
export class TcbPool {
  /** Where initial values come from. */
  readonly config: TcpConfig;
  /** A record as a connection begins with it. */
  readonly initial: Int32Array;
  /** Records for what few connections need. */
  readonly rare: RarePool = new RarePool(RARE_BYTES);

  constructor(config: TcpConfig) {
    this.config = config;
    this.initial = new Template(config, this.rare).words;
  }

  /** Makes `count` connections, in CLOSED, for the slots from `slot` on. */
  make(slot: number, count: number): Tcb[] {
    const slab = new Slab(count * MAIN_BYTES);
    for (let i = 0; i < count; i += 1) slab.i32.set(this.initial, (i * MAIN_BYTES) >> 2);
    return Array.from(
      { length: count },
      (_, i) => new Tcb(slot + i, slab, (i * MAIN_BYTES) >> 3, this.rare.initial),
    );
  }
}
