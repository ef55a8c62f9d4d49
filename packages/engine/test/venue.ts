/**
 * An exchange, its clients and a wire between them in one process and in virtual time, for tests.
 */

import { createHeapArena, type FrameArena, ManualClock, monotonicClock } from '@tickwire/base';
import { createLoopbackPair, type Device } from '@tickwire/phy';
import { type ExecutionReport, parseExecutionReport } from '@tickwire/protocol';
import { type Pollable, Stack } from '@tickwire/stack';
import {
  Exchange,
  type ExchangeOptions,
  type MarketDataOptions,
  MarketDataSubscriber,
  TraderClient,
  type TraderClientOptions,
} from '../src/index.ts';

export const PORT = 9000;
export const GROUP = '239.1.2.3';
export const FEED_PORT = 9001;
export const REREQUEST_PORT = 9002;

/** Options of a {@link Venue}. */
export interface VenueOptions {
  readonly exchange?: Partial<ExchangeOptions>;
  readonly frames?: number;
  /** Puts something between the clients' device and their stack. */
  readonly wrapClient?: (device: Device) => Device;
}

/** The exchange at 10.0.0.1, the clients at 10.0.0.2. */
export class Venue implements Disposable {
  readonly clock: ManualClock;
  readonly arena: FrameArena;
  readonly server: Stack;
  readonly client: Stack;
  readonly parts: Pollable[] = [];
  exchange: Exchange;

  private constructor(options: VenueOptions) {
    this.clock = new ManualClock(1_000_000_000);
    this.arena = createHeapArena({ frames: options.frames ?? 8192, dataRoom: 2048 });
    const wire = createLoopbackPair(this.arena);
    const { clock } = this;
    const tcp = { timeWaitNs: 1_000_000_000 };
    const wrap = options.wrapClient ?? ((device: Device): Device => device);
    this.server = new Stack({
      device: wire.a,
      addresses: ['10.0.0.1/24'],
      clock,
      seed: 1,
      tcp,
    });
    this.client = new Stack({
      device: wrap(wire.b),
      addresses: ['10.0.0.2/24'],
      clock,
      seed: 2,
      tcp,
    });
    this.exchange = undefined as unknown as Exchange;
  }

  static async open(options: VenueOptions = {}): Promise<Venue> {
    const venue = new Venue(options);
    await venue.start(options.exchange);
    return venue;
  }

  /** Opens an exchange on the server's stack. */
  async start(options: Partial<ExchangeOptions> = {}): Promise<void> {
    this.exchange = await Exchange.open({
      stack: this.server,
      port: PORT,
      multicast: { group: GROUP, port: FEED_PORT },
      rerequestPort: REREQUEST_PORT,
      // Small, because tests open many.
      book: { ordersMax: 65_536, levelsMax: 16_384 },
      ...options,
    });
  }

  trader(trader: number, options: Partial<TraderClientOptions> = {}): Trader {
    return new Trader(this, trader, options);
  }

  feed(options: Partial<MarketDataOptions> = {}): Feed {
    return new Feed(this, options);
  }

  /** One round of everything. Returns the work done. */
  round(): number {
    const nowNs = this.clock.nowNs();
    let work = this.server.poll(nowNs) + this.exchange.poll(nowNs) + this.client.poll(nowNs);
    for (const part of this.parts) work += part.poll(nowNs);
    return work;
  }

  /** Rounds until nothing happens any more at this instant. */
  settle(): void {
    for (let round = 0; round < 100_000; round += 1) if (this.round() === 0) return;
    throw new Error('the venue does not come to rest');
  }

  /** Moves the time by `deltaNs`, stopping at every timer on the way. */
  advance(deltaNs: number): void {
    const endNs = this.clock.nowNs() + deltaNs;
    for (;;) {
      this.settle();
      const atNs = this.pollAt();
      if (atNs > endNs) break;
      this.clock.set(Math.max(atNs, this.clock.nowNs()));
    }
    this.clock.set(endNs);
    this.settle();
  }

  /** Runs until `done`, timers included; at most `limitNs` of virtual time. */
  until(done: () => boolean, limitNs = 60_000_000_000): void {
    const endNs = this.clock.nowNs() + limitNs;
    for (;;) {
      this.settle();
      if (done()) return;
      const atNs = this.pollAt();
      if (!(atNs <= endNs)) throw new Error('nothing more happens');
      this.clock.set(Math.max(atNs, this.clock.nowNs()));
    }
  }

  /** Runs until `done` although other threads take real time; at most five seconds. */
  async untilReal(done: () => boolean): Promise<void> {
    const deadlineNs = monotonicClock.nowNs() + 5e9;
    for (;;) {
      this.round();
      if (done()) return;
      // Virtual time goes on, so that delayed acknowledgements leave.
      this.clock.advance(10_000);
      if (monotonicClock.nowNs() > deadlineNs)
        throw new Error(`timed out: ${this.exchange.describe()}`);
      await new Promise((resolve) => void setImmediate(resolve));
    }
  }

  pollAt(): number {
    const all: Pollable[] = [this.server, this.exchange, this.client, ...this.parts];
    return Math.min(...all.map((part) => part.pollAt()));
  }

  [Symbol.dispose](): void {
    this.exchange.close();
    this.server.close();
    this.client.close();
  }
}

/** A client that writes down what it hears. */
export class Trader {
  readonly client: TraderClient;
  readonly reports: ExecutionReport[] = [];
  readonly events: string[] = [];

  constructor(venue: Venue, trader: number, options: Partial<TraderClientOptions>) {
    this.client = new TraderClient({
      stack: venue.client,
      hostname: '10.0.0.1',
      port: PORT,
      trader,
      token: 'token',
      sink: {
        report: (_client, view, at) => void this.reports.push(parseExecutionReport(view, at)),
        loggedIn: (_client, next) => void this.events.push(`in ${next}`),
        refused: (_client, reason) => void this.events.push(`refused ${reason}`),
        closed: (_client, error) => void this.events.push(`closed ${error?.code ?? 'in order'}`),
      },
      ...options,
    });
    venue.parts.push(this.client);
    this.client.connect();
  }

  /** Kind, order and quantity of each report. */
  get lines(): string[] {
    return this.reports.map((r) => `${r.kind} ${r.clientOrderId} ${r.quantity}@${r.price}`);
  }

  buy(id: number, price: number, quantity: number): number {
    return this.client.sendNew(0, id, 0, 0, price, quantity);
  }

  sell(id: number, price: number, quantity: number): number {
    return this.client.sendNew(0, id, 1, 0, price, quantity);
  }
}

/** A subscriber that writes down what it hears. */
export class Feed {
  readonly subscriber: MarketDataSubscriber;
  readonly reports: ExecutionReport[] = [];
  readonly events: string[] = [];

  constructor(venue: Venue, options: Partial<MarketDataOptions>) {
    this.subscriber = new MarketDataSubscriber({
      stack: venue.client,
      group: GROUP,
      port: FEED_PORT,
      rerequest: { hostname: '10.0.0.1', port: REREQUEST_PORT },
      sink: {
        report: (view, at) => void this.reports.push(parseExecutionReport(view, at)),
        lost: (first, count) => void this.events.push(`lost ${first}+${count}`),
        end: (next) => void this.events.push(`end ${next}`),
      },
      ...options,
    });
    venue.parts.push(this.subscriber);
  }

  get sequences(): number[] {
    return this.reports.map((r) => r.sequence);
  }
}
