// @hot
/**
 * Synthetic order flow: the same seed gives the same flow on every machine.
 *
 * What is drawn, and why:
 *
 * - **Mix.** One liquid NASDAQ share on one day: 698,744 adds, 654,457 deletes, 96,968 replaces,
 *   60,543 executions. So of what clients send 48.2 % are adds, 45.1 % cancels, 6.7 % replaces; 3 %
 *   of the adds cross the spread: most orders end by a cancel, a few per cent fill.
 * - **Distance from the touch.** A power law: the density of limit prices falls as d^-(1+mu), mu
 *   near 0.6 in Paris (Bouchaud, Mezard and Potters, 2002), 1.5 in London (Zovko and Farmer, 2002).
 *   Here mu = 1, cut at `distanceMax`: half of the orders join the touch.
 * - **Size.** Round lots dominate: 55 % are 100, 25 % odd lots below 100, 19 % a geometric number
 *   of hundreds, 1 % a power law with exponent 1.5, the tail of Gopikrishnan et al. (2000).
 * - **Age at cancel.** Young orders go first: the victim is taken geometrically from the newest.
 * - **Price.** The middle walks a tick with probability 1/1,024 per message, drawn to its start.
 * - **Arrivals.** `poisson`: exponential gaps. `hawkes`: a self-exciting process with exponential
 *   kernel and branching ratio 0.8 (Hardiman, Bercot and Bouchaud, 2013, measure 0.7 to 1),
 *   simulated by Ogata's thinning: the same mean rate in bursts.
 *
 * The generator keeps a table of the orders it believes open. It does not match: when it crosses,
 * it forgets the best of a sample of the other side, and a cancel now and then names an order that
 * was filled, as it happens to real clients. In our book the flow makes 10 to 15 fills per 100 adds
 * (8.7 on the day above) and 5 to 10 % of the cancels come too late.
 *
 * @module
 */

import { assert, Prng } from '@tickwire/base';
import { FLOW_IOC, FLOW_SYNTHETIC_ID_BASE, FlowType, type OrderFlow } from './order-flow.ts';

/** Options of {@link FlowGenerator}. */
export interface FlowGeneratorOptions {
  /** Seed of everything. */
  readonly seed: number;
  /** Orders it keeps open on average at most. Default 4,096. */
  readonly liveMax?: number;
  /** Start and long-run middle of the prices in ticks. Default 100,000. */
  readonly midPrice?: number;
  /** Largest distance of a limit price from the touch in ticks. Default 1,000. */
  readonly distanceMax?: number;
  /** Mean time between messages in nanoseconds. Default 1,000. */
  readonly meanGapNs?: number;
  /** Arrival process. Default `'poisson'`. */
  readonly arrivals?: 'poisson' | 'hawkes';
  /** First client order id; ids are dense from there. Default 1. */
  readonly firstOrderId?: number;
}

/** Of 1,000 messages: adds; then cancels up to the second bound; replaces are the rest. */
const ADD_PERMILLE = 482;
const CANCEL_PERMILLE = 933;
/** Of 100 adds so many cross the spread. */
const CROSSING_PERCENT = 3;
/** The middle steps once in so many messages: faster, and stale orders trade more than crossing. */
const WALK_MESSAGES = 1024;
/** Hawkes: mean number of direct children of an arrival. */
const BRANCHING_RATIO = 0.8;
/** Hawkes: memory of the kernel in mean gaps. */
const KERNEL_GAPS = 20;
/** Mean age, in orders, of the victim of a cancel. */
const VICTIM_AGE_MEAN = 200;
/** Open orders looked at to guess which one a crossing order filled. */
const TAKEN_SAMPLE = 32;
/** The largest order in lots: below the default quantity limit of the protocol. */
const SIZE_MAX = 1_000_000;

/** An endless source of order flow. */
export class FlowGenerator {
  readonly #prng: Prng;
  readonly #liveMax: number;
  readonly #home: number;
  readonly #distanceMax: number;
  readonly #meanGapNs: number;
  readonly #hawkes: boolean;
  // Open orders, oldest first up to swaps; parallel columns.
  readonly #ids: Uint32Array;
  readonly #sides: Uint8Array;
  readonly #prices: Float64Array;
  #live = 0;
  #nextId: number;
  #mid: number;
  #timeNs = 0;
  /** Hawkes: intensity above the base rate, in arrivals per nanosecond. */
  #excitement = 0;

  constructor(options: FlowGeneratorOptions) {
    this.#prng = new Prng(options.seed);
    this.#liveMax = options.liveMax ?? 4096;
    this.#home = options.midPrice ?? 100_000;
    this.#distanceMax = options.distanceMax ?? 1000;
    this.#meanGapNs = options.meanGapNs ?? 1000;
    this.#hawkes = options.arrivals === 'hawkes';
    assert(this.#liveMax >= 16, 'liveMax below 16 leaves nothing to choose from');
    assert(this.#distanceMax >= 1, 'distanceMax is at least one tick');
    assert(this.#meanGapNs > 0, 'meanGapNs is positive');
    this.#ids = new Uint32Array(this.#liveMax);
    this.#sides = new Uint8Array(this.#liveMax);
    this.#prices = new Float64Array(this.#liveMax);
    this.#nextId = options.firstOrderId ?? 1;
    this.#mid = this.#home;
  }

  /** Orders that the generator believes open. */
  get live(): number {
    return this.#live;
  }

  /** Overwrites all rows of `flow` with the next messages and sets its count. No allocation. */
  next(flow: OrderFlow): void {
    const capacity = flow.type.length;
    for (let row = 0; row < capacity; row++) this.#row(flow, row);
    flow.count = capacity;
    flow.skipped = 0;
  }

  #row(flow: OrderFlow, row: number): void {
    const prng = this.#prng;
    this.#walk();
    this.#timeNs += this.#gapNs();
    flow.timeNs[row] = Math.floor(this.#timeNs);
    flow.sourceRow[row] = row;
    flow.makerId[row] = 0;
    flow.flags[row] = 0;
    flow.side[row] = 0;
    flow.price[row] = 0;
    flow.quantity[row] = 0;
    const choice = prng.nextBelow(1000);
    // A full table cancels and an empty one adds, so the number of open orders stays bounded.
    if (this.#live < 16 || (choice < ADD_PERMILLE && this.#live < this.#liveMax)) {
      this.#add(flow, row);
      return;
    }
    const victim = this.#victim();
    flow.orderId[row] = this.#ids[victim]!;
    if (choice >= CANCEL_PERMILLE) {
      flow.type[row] = FlowType.Replace;
      const price = this.#limitPrice(this.#sides[victim]!);
      flow.price[row] = price;
      this.#prices[victim] = price;
      flow.quantity[row] = this.#size();
      return;
    }
    flow.type[row] = FlowType.Cancel;
    this.#forget(victim);
  }

  #add(flow: OrderFlow, row: number): void {
    const prng = this.#prng;
    const side = prng.nextUint32() & 1;
    const id = this.#nextId++;
    assert(id < FLOW_SYNTHETIC_ID_BASE, 'the generator has used up its order ids');
    flow.type[row] = FlowType.New;
    flow.orderId[row] = id;
    flow.side[row] = side;
    flow.quantity[row] = this.#size();
    if (prng.nextBelow(100) < CROSSING_PERCENT) {
      // One or two ticks through the middle: takes the touch and sometimes the next level.
      const through = 1 + prng.nextBelow(2);
      flow.price[row] = side === 0 ? this.#mid + through : this.#mid - through;
      flow.flags[row] = FLOW_IOC;
      this.#forgetTaken(side ^ 1);
      return;
    }
    const price = this.#limitPrice(side);
    flow.price[row] = price;
    this.#ids[this.#live] = id;
    this.#sides[this.#live] = side;
    this.#prices[this.#live] = price;
    this.#live++;
  }

  /** A power law of exponent 1 by inversion: P(distance >= d) = 1 / d. */
  #limitPrice(side: number): number {
    const u = 1 - this.#prng.nextFloat();
    const raw = Math.floor(1 / u) - 1;
    const distance = raw > this.#distanceMax ? this.#prng.nextBelow(this.#distanceMax) : raw;
    return side === 0 ? this.#mid - 1 - distance : this.#mid + 1 + distance;
  }

  #size(): number {
    const prng = this.#prng;
    const choice = prng.nextBelow(100);
    if (choice < 55) return 100;
    if (choice < 80) return 1 + prng.nextBelow(99);
    if (choice < 99) return 100 * (2 + Math.floor(prng.nextExponential(3)));
    const tail = Math.floor(1000 * Math.pow(1 - prng.nextFloat(), -1 / 1.5));
    return tail > SIZE_MAX ? SIZE_MAX : tail;
  }

  /** An open order, most likely a young one. */
  #victim(): number {
    const age = Math.floor(this.#prng.nextExponential(VICTIM_AGE_MEAN));
    return age < this.#live ? this.#live - 1 - age : this.#prng.nextBelow(this.#live);
  }

  #forget(index: number): void {
    const last = --this.#live;
    this.#ids[index] = this.#ids[last]!;
    this.#sides[index] = this.#sides[last]!;
    this.#prices[index] = this.#prices[last]!;
  }

  /** A crossing order has probably filled the best of a sample of the other side: forgets it. */
  #forgetTaken(side: number): void {
    const start = this.#prng.nextBelow(this.#live);
    let taken = -1;
    for (let i = 0; i < TAKEN_SAMPLE; i++) {
      const at = (start + i) % this.#live;
      if (this.#sides[at] !== side) continue;
      const better =
        taken < 0 ||
        (side === 0
          ? this.#prices[at]! > this.#prices[taken]!
          : this.#prices[at]! < this.#prices[taken]!);
      if (better) taken = at;
    }
    if (taken >= 0) this.#forget(taken);
  }

  #walk(): void {
    const prng = this.#prng;
    if (prng.nextBelow(WALK_MESSAGES) !== 0) return;
    const away = this.#mid - this.#home;
    // The pull home grows with the distance: an Ornstein-Uhlenbeck process in ticks.
    const up = prng.nextFloat() < 0.5 - away / (2 * this.#distanceMax);
    this.#mid += up ? 1 : -1;
  }

  #gapNs(): number {
    const prng = this.#prng;
    if (!this.#hawkes) return prng.nextExponential(this.#meanGapNs);
    const base = (1 - BRANCHING_RATIO) / this.#meanGapNs;
    const decay = 1 / (KERNEL_GAPS * this.#meanGapNs);
    let gap = 0;
    for (;;) {
      // The intensity only falls between arrivals, so its present value bounds it (Ogata, 1981).
      const bound = base + this.#excitement;
      const step = prng.nextExponential(1 / bound);
      gap += step;
      this.#excitement *= Math.exp(-decay * step);
      if (prng.nextFloat() * bound <= base + this.#excitement) break;
    }
    this.#excitement += BRANCHING_RATIO * decay;
    return gap;
  }
}
