/**
 * An order book that is obviously right: a Map of orders and sorted arrays of arrays. It shares no
 * code with the fast one beyond the accessors of the messages, and every rule is written as the
 * protocol states it.
 *
 * @module
 */

import {
  type ExecutionReport,
  MessageType,
  messageType,
  orderClientId,
  orderClientSequence,
  orderFlags,
  orderPrice,
  orderQuantity,
  orderSide,
  orderSymbol,
  orderTimeInForce,
  Reason,
  ReportFlag,
  ReportKind,
} from '@tickwire/protocol';

export interface NaiveOrder {
  readonly trader: number;
  readonly id: number;
  readonly symbol: number;
  readonly side: number;
  price: number;
  quantity: number;
}

export interface RoutedReport extends ExecutionReport {
  readonly trader: number;
}

export interface NaiveOptions {
  readonly symbols: number;
  readonly priceMax: number;
  readonly quantityMax: number;
  readonly ordersMax: number;
  readonly preventSelfTrade: boolean;
}

export class NaiveBook {
  readonly #options: NaiveOptions;
  /** Per symbol and side, all orders, best price first, first in time first. */
  readonly queues: NaiveOrder[][][];
  readonly #open: Map<string, NaiveOrder> = new Map();
  readonly #lastSequence: Map<number, number> = new Map();
  #reportSequence = 0;
  #matchId = 0;
  #out: RoutedReport[] = [];

  constructor(options: NaiveOptions) {
    this.#options = options;
    this.queues = Array.from({ length: options.symbols }, () => [[], []]);
  }

  apply(view: DataView, at: number, trader: number): RoutedReport[] {
    this.#out = [];
    const clientSequence = orderClientSequence(view, at);
    if (clientSequence <= (this.#lastSequence.get(trader) ?? 0)) return this.#out;
    this.#lastSequence.set(trader, clientSequence);
    const type = messageType(view, at);
    const id = orderClientId(view, at);
    const symbol = orderSymbol(view, at);
    const existing = this.#open.get(`${trader}/${id}`);
    const mine = existing !== undefined && existing.symbol === symbol ? existing : undefined;
    const message = { trader, id, symbol, side: 0, clientSequence };
    if (type === MessageType.NewOrder) {
      const side = orderSide(view, at);
      const order: NaiveOrder = {
        trader,
        id,
        symbol,
        side,
        price: orderPrice(view, at),
        quantity: orderQuantity(view, at),
      };
      const immediate = orderTimeInForce(view, at) === 1;
      let reason: number = Reason.None;
      if (symbol >= this.#options.symbols) reason = Reason.UnknownSymbol;
      else if (!this.#priceFits(order.price)) reason = Reason.PriceOutOfRange;
      else if (!this.#quantityFits(order.quantity)) reason = Reason.QuantityOutOfRange;
      else if (side > 1) reason = Reason.BadSide;
      else if (orderTimeInForce(view, at) > 1) reason = Reason.BadTimeInForce;
      else if (orderFlags(view, at) !== 0) reason = Reason.BadFlags;
      else if (existing !== undefined) reason = Reason.DuplicateOrderId;
      else if (!immediate && this.#open.size >= this.#options.ordersMax) reason = Reason.BookFull;
      if (reason !== Reason.None) {
        this.#say({ ...message, side: side & 1 }, ReportKind.Rejected, reason, 0, 0);
        return this.#out;
      }
      this.#say({ ...message, side }, ReportKind.Accepted, 0, order.price, order.quantity);
      this.#enter(order, clientSequence, immediate);
    } else if (type === MessageType.CancelOrder) {
      const bad = view.getInt32(at + 12, true) !== 0;
      const reason = bad ? Reason.BadFlags : this.#reason(symbol, mine);
      if (reason !== Reason.None || mine === undefined) {
        this.#say(message, ReportKind.CancelRejected, reason, 0, 0);
        return this.#out;
      }
      this.#take(mine);
      const { side, price, quantity } = mine;
      const last = { ...message, side, flags: ReportFlag.Final };
      this.#say(last, ReportKind.Cancelled, Reason.UserCancel, price, quantity);
    } else {
      const reduce = (orderFlags(view, at) & 1) !== 0;
      const price = orderPrice(view, at);
      const quantity = orderQuantity(view, at);
      let reason: number = Reason.None;
      const reserved = view.getUint16(at + 12, true) !== 0 || orderFlags(view, at) > 1;
      if (reserved) reason = Reason.BadFlags;
      else if (!reduce && !this.#priceFits(price)) reason = Reason.PriceOutOfRange;
      else if (!this.#quantityFits(quantity)) reason = Reason.QuantityOutOfRange;
      else reason = this.#reason(symbol, mine);
      if (reason !== Reason.None || mine === undefined) {
        this.#say(message, ReportKind.ReplaceRejected, reason, 0, 0);
      } else if (reduce && quantity >= mine.quantity) {
        this.#take(mine);
        const last = { ...message, side: mine.side, flags: ReportFlag.Final };
        const left = mine.quantity;
        this.#say(last, ReportKind.Cancelled, Reason.ReducedToZero, mine.price, left);
      } else if (reduce) {
        mine.quantity -= quantity;
        const who = { ...message, side: mine.side };
        this.#say(who, ReportKind.Replaced, 0, mine.price, mine.quantity);
      } else {
        this.#take(mine);
        this.#say({ ...message, side: mine.side }, ReportKind.Replaced, 0, price, quantity);
        this.#enter({ ...mine, price, quantity }, clientSequence, false);
      }
    }
    return this.#out;
  }

  #priceFits(price: number): boolean {
    return Math.abs(price) <= this.#options.priceMax;
  }

  #quantityFits(quantity: number): boolean {
    return quantity >= 1 && quantity <= this.#options.quantityMax;
  }

  #reason(symbol: number, mine: NaiveOrder | undefined): number {
    if (symbol >= this.#options.symbols) return Reason.UnknownSymbol;
    return mine === undefined ? Reason.UnknownOrder : Reason.None;
  }

  #enter(order: NaiveOrder, clientSequence: number, immediate: boolean): void {
    const makers = this.queues[order.symbol]![order.side ^ 1]!;
    const crosses = (maker: NaiveOrder): boolean =>
      order.side === 0 ? maker.price <= order.price : maker.price >= order.price;
    const who = { ...order, clientSequence };
    while (order.quantity > 0 && makers.length > 0 && crosses(makers[0]!)) {
      const maker = makers[0]!;
      if (this.#options.preventSelfTrade && maker.trader === order.trader) {
        const last = { ...who, flags: ReportFlag.Final };
        this.#say(last, ReportKind.Cancelled, Reason.SelfTrade, order.price, order.quantity);
        return;
      }
      const fill = Math.min(maker.quantity, order.quantity);
      this.#matchId++;
      order.quantity -= fill;
      maker.quantity -= fill;
      const takerFlags = ReportFlag.Taker | (order.quantity === 0 ? ReportFlag.Final : 0);
      this.#say({ ...who, flags: takerFlags }, ReportKind.Filled, 0, maker.price, fill);
      const makerFlags = maker.quantity === 0 ? ReportFlag.Final : 0;
      const other = { ...maker, clientSequence: 0, flags: makerFlags };
      this.#say(other, ReportKind.Filled, 0, maker.price, fill);
      if (maker.quantity === 0) this.#take(maker);
    }
    if (order.quantity === 0) return;
    if (immediate) {
      const last = { ...who, flags: ReportFlag.Final };
      this.#say(last, ReportKind.Cancelled, Reason.IocRemainder, order.price, order.quantity);
      return;
    }
    const queue = this.queues[order.symbol]![order.side]!;
    const worse = queue.findIndex((o) =>
      order.side === 0 ? o.price < order.price : o.price > order.price,
    );
    queue.splice(worse < 0 ? queue.length : worse, 0, order);
    this.#open.set(`${order.trader}/${order.id}`, order);
  }

  #take(order: NaiveOrder): void {
    const queue = this.queues[order.symbol]![order.side]!;
    queue.splice(queue.indexOf(order), 1);
    this.#open.delete(`${order.trader}/${order.id}`);
  }

  #say(
    who: {
      trader: number;
      id: number;
      symbol: number;
      side: number;
      clientSequence: number;
      flags?: number;
    },
    kind: number,
    reason: number,
    price: number,
    quantity: number,
  ): void {
    this.#out.push({
      trader: who.trader,
      symbol: who.symbol,
      clientOrderId: who.id,
      kind,
      reason,
      side: who.side,
      flags: who.flags ?? 0,
      clientSequence: who.clientSequence,
      sequence: ++this.#reportSequence,
      price,
      quantity,
      matchId: kind === ReportKind.Filled ? this.#matchId : 0,
    });
  }
}
