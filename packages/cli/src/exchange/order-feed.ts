/**
 * The messages of a run with the instants at which they are due: generated or from a file.
 *
 * @module
 */

import { readFileSync, statSync } from 'node:fs';
import { NetError } from '@tickwire/base';
import {
  createOrderFlow,
  DEFAULT_LIMITS,
  FlowGenerator,
  FlowType,
  type OrderFlow,
  type OrderLimits,
  readOrderFlow,
} from '@tickwire/protocol';
import type { Arrivals } from '../flags.ts';
import { makeSchedule } from './schedule.ts';

/** Rows made before the start at most: half a second, 80 MB. Beyond, they are made as they go. */
const PREPARED_ROWS_MAX = 2_000_000;
/** Rows made at once during a run: a few microseconds of the loop. */
const BLOCK_ROWS = 64;

/** What {@link OrderFeed} is made from. */
export interface FeedOptions {
  /** Mean messages per second. */
  readonly rate: number;
  readonly seed: number;
  readonly arrivals: Arrivals;
  /** Messages at most; of a file: absent for all of them. */
  readonly orders?: number;
}

/** A cursor over order flow. */
export class OrderFeed {
  /** Columns that {@link OrderFeed.row} points into. */
  readonly flow: OrderFlow;
  /** Messages in all. */
  readonly total: number;
  /** `generated`, or the name of the file. */
  readonly name: string;
  /** What the book must accept. */
  readonly limits: OrderLimits;
  /** Current row. */
  row = 0;
  /** Messages before the current row. */
  index = 0;
  readonly #dueNs: Float64Array;
  readonly #generator: FlowGenerator | undefined;

  private constructor(
    name: string,
    flow: OrderFlow,
    dueNs: Float64Array,
    total: number,
    limits: OrderLimits,
    generator?: FlowGenerator,
  ) {
    this.name = name;
    this.flow = flow;
    this.#dueNs = dueNs;
    this.total = total;
    this.limits = limits;
    this.#generator = generator;
  }

  /** Seeded synthetic flow. */
  static generate(options: FeedOptions & { readonly orders: number }): OrderFeed {
    const { rate, seed, arrivals, orders } = options;
    if (arrivals === 'recorded') {
      throw new NetError(
        'ERR_TW_CONFIG',
        'Recorded arrivals need a recording; give --replay FILE, or choose --arrivals poisson',
      );
    }
    const generator = new FlowGenerator({
      seed,
      meanGapNs: 1e9 / rate,
      arrivals: arrivals === 'hawkes' ? 'hawkes' : 'poisson',
    });
    const isPrepared = orders <= PREPARED_ROWS_MAX;
    const flow = createOrderFlow(isPrepared ? orders : BLOCK_ROWS);
    generator.next(flow);
    let dueNs = flow.timeNs;
    if (arrivals === 'constant') {
      if (!isPrepared) {
        throw new NetError(
          'ERR_TW_CONFIG',
          `Constant arrivals are made for at most ${PREPARED_ROWS_MAX} orders; choose poisson`,
        );
      }
      dueNs = makeSchedule({ arrivals, count: orders, rate, seed });
    }
    return new OrderFeed('generated', flow, dueNs, orders, DEFAULT_LIMITS, generator);
  }

  /** Recorded flow. */
  static record(name: string, flow: OrderFlow, options: FeedOptions): OrderFeed {
    const count = Math.min(flow.count, options.orders ?? flow.count);
    if (count === 0) {
      throw new NetError('ERR_TW_FORMAT', `${name}: there is no message in this file`);
    }
    const { arrivals, rate, seed } = options;
    const dueNs = makeSchedule({ arrivals, count, rate, seed, recordedNs: flow.timeNs });
    return new OrderFeed(name, flow, dueNs, count, limitsOf(flow, count));
  }

  /** Whether every message has been taken. */
  get isDone(): boolean {
    return this.index === this.total;
  }

  /** No message has an order id beyond it. */
  get orderIdMax(): number {
    // Generated ids count up by at most one per message.
    if (this.#generator !== undefined) return this.total;
    let max = 0;
    for (let row = 0; row < this.total; row += 1) max = Math.max(max, this.flow.orderId[row]!);
    return max;
  }

  /** When the current row is due, from the start of the schedule. */
  get dueNs(): number {
    return this.#dueNs[this.row]!;
  }

  /** Goes to the next row. */
  advance(): void {
    this.index += 1;
    this.row += 1;
    if (this.row < this.flow.count || this.isDone) return;
    this.row = 0;
    this.#generator?.next(this.flow);
  }
}

/**
 * Reads a file of recorded flow.
 *
 * @throws NetError `ENOENT`, `EACCES` or `EINVAL` for the file, `ERR_TW_FORMAT` with file, line
 * and reason.
 */
export function readFlowFile(path: string): OrderFlow {
  let bytes: Uint8Array;
  let isFile: boolean;
  try {
    // Asked first: opening a FIFO would wait for a writer.
    isFile = statSync(path).isFile();
    bytes = isFile ? readFileSync(path) : new Uint8Array(0);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const isDenied = code === 'EACCES' || code === 'EPERM';
    throw new NetError(
      isDenied ? 'EACCES' : 'ENOENT',
      `${path} cannot be read (${code ?? 'unknown'}); check the name and the permissions`,
      { path },
      { cause },
    );
  }
  if (!isFile) {
    const message = `${path} is not a regular file; save the flow as a file and name that`;
    throw new NetError('EINVAL', message, { path });
  }
  return readOrderFlow(bytes, path);
}

/**
 * Limits that admit the flow: the defaults, or a larger quantity paid for with smaller prices,
 * since their product must stay exact. What does not fit even so is rejected by the venue.
 */
export function limitsOf(flow: OrderFlow, count: number): OrderLimits {
  let price = 0;
  let quantity = 0;
  for (let row = 0; row < count; row += 1) {
    if (flow.type[row] === FlowType.Cancel) continue;
    price = Math.max(price, Math.abs(flow.price[row]!));
    quantity = Math.max(quantity, flow.quantity[row]!);
  }
  const { priceMax, quantityMax } = DEFAULT_LIMITS;
  if (price <= priceMax && quantity <= quantityMax) return DEFAULT_LIMITS;
  if (quantity <= quantityMax) {
    return { priceMax: Math.floor(Number.MAX_SAFE_INTEGER / quantityMax), quantityMax };
  }
  return { priceMax: Math.floor(Number.MAX_SAFE_INTEGER / quantity), quantityMax: quantity };
}
