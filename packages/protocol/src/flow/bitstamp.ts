/**
 * Reader of Bitstamp order events as the `ob-analytics` project stores them:
 *
 * ```text
 * id,timestamp,exchange.timestamp,price,volume,action,direction
 * ```
 *
 * Times are milliseconds, prices have two decimals (ticks of a cent), volumes are in 1e-8 coin and
 * exceed 32 bits. Times in the flow count from the first row: nanoseconds since 1970 exceed 2^53.
 *
 * | action  | becomes                                                                     |
 * | ------- | --------------------------------------------------------------------------- |
 * | created | New (a volume of 0 is skipped)                                              |
 * | changed | Reduce by the difference to the last known volume; Replace when it grew;    |
 * |         | skipped when the order is older than the file or did not change             |
 * | deleted | Cancel, also when the order was filled before: the book then rejects it      |
 *
 * Receipt order is not matching order: the flow is a load with real sizes and prices, and crossing
 * orders in it trade in our book where they did not trade there.
 *
 * @module
 */

import { CsvCursor, countLines } from './csv.ts';
import { createOrderFlow, FLOW_SYNTHETIC_ID_BASE, FlowType, type OrderFlow } from './order-flow.ts';

/** First characters of the header line. */
const HEADER = 'id,timestamp,';
/** Price decimals. */
const PRICE_SCALE = 2;
const NS_PER_MS = 1_000_000;

/** Whether `bytes` begin with the header. */
export function isBitstamp(bytes: Uint8Array): boolean {
  for (let i = 0; i < HEADER.length; i++) if (bytes[i] !== HEADER.charCodeAt(i)) return false;
  return true;
}

/**
 * Reads an event file.
 *
 * @throws NetError `ERR_TW_FORMAT` naming the file, the line and the reason.
 */
export function readBitstamp(bytes: Uint8Array, name: string): OrderFlow {
  const flow = createOrderFlow(countLines(bytes));
  // The annotation lets the compiler see that `refuse` does not return.
  const cursor: CsvCursor = new CsvCursor(bytes, name);
  if (!isBitstamp(bytes)) cursor.refuse('the header line is missing');
  cursor.skipLine();
  const volumes = new Map<number, number>();
  let firstMs = -1;
  let row = 0;
  for (let source = 0; !cursor.done; source++) {
    const id = cursor.integer(false);
    const timeMs = cursor.integer(false);
    cursor.integer(false);
    const price = cursor.decimal(PRICE_SCALE, false);
    const volume = cursor.integer(false);
    const action = cursor.word(false);
    const direction = cursor.word(true);
    if (direction !== 'bid' && direction !== 'ask') cursor.refuse('neither bid nor ask');
    if (id < 0 || id >= FLOW_SYNTHETIC_ID_BASE) cursor.refuse('the order id exceeds 2^31 - 1');
    if (volume < 0) cursor.refuse('the volume is negative');
    if (firstMs < 0) firstMs = timeMs;
    const known = volumes.get(id);
    let type: FlowType;
    let quantity = volume;
    if (action === 'created') {
      type = FlowType.New;
      volumes.set(id, volume);
    } else if (action === 'changed') {
      volumes.set(id, volume);
      type = volume > (known ?? volume) ? FlowType.Replace : FlowType.Reduce;
      if (type === FlowType.Reduce) quantity = (known ?? volume) - volume;
    } else if (action === 'deleted') {
      type = FlowType.Cancel;
      volumes.delete(id);
    } else {
      cursor.refuse(`action ${action} is unknown`);
    }
    if (quantity === 0 && type !== FlowType.Cancel) {
      flow.skipped++;
      continue;
    }
    flow.type[row] = type;
    flow.side[row] = direction === 'bid' ? 0 : 1;
    flow.orderId[row] = id;
    flow.price[row] = price;
    flow.quantity[row] = quantity;
    flow.timeNs[row] = (timeMs - firstMs) * NS_PER_MS;
    flow.sourceRow[row] = source;
    row++;
  }
  flow.count = row;
  return flow;
}
