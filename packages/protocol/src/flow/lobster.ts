/**
 * Reader of LOBSTER message files: one event of a NASDAQ order book per line.
 *
 * ```text
 * seconds after midnight, type, order id, size, price * 10,000, direction (1 buy, -1 sell)
 * ```
 *
 * | type | event                        | becomes                                              |
 * | ---- | ---------------------------- | ---------------------------------------------------- |
 * | 1    | new limit order              | New                                                  |
 * | 2    | partial cancellation         | Reduce by the size                                   |
 * | 3    | deletion                     | Cancel                                               |
 * | 4    | execution of a visible order | New, opposite side, IOC, at that price and size, with |
 * |      |                              | a synthetic id; `makerId` holds the id in the file   |
 * | 5, 6 | hidden execution, cross      | skipped and counted: the visible book does not change |
 * | 7    | trading halt                 | skipped and counted                                  |
 *
 * The direction of an execution is that of the resting order, hence the opposite side.
 *
 * @module
 */

import { CsvCursor, countLines } from './csv.ts';
import {
  createOrderFlow,
  FLOW_IOC,
  FLOW_SYNTHETIC_ID_BASE,
  FlowType,
  type OrderFlow,
} from './order-flow.ts';

/** Seconds to nanoseconds, as a power of ten. */
const SECONDS_SCALE = 9;

/**
 * Reads a message file.
 *
 * @throws NetError `ERR_TW_FORMAT` naming the file, the line and the reason.
 */
export function readLobster(bytes: Uint8Array, name: string): OrderFlow {
  const flow = createOrderFlow(countLines(bytes));
  const cursor = new CsvCursor(bytes, name);
  let row = 0;
  let latestNs = 0;
  for (let source = 0; !cursor.done; source++) {
    // Some files print the time as a double: digits beyond the nanosecond are noise.
    const timeNs = cursor.decimal(SECONDS_SCALE, false, 'cut');
    const type = cursor.integer(false);
    const id = cursor.integer(false);
    const size = cursor.integer(false);
    const price = cursor.integer(false);
    const direction = cursor.integer(true);
    if (timeNs < latestNs) cursor.refuse('the time goes backwards');
    latestNs = timeNs;
    if (direction !== 1 && direction !== -1) cursor.refuse('the direction is neither 1 nor -1');
    if (type < 1 || type > 7) cursor.refuse(`event type ${type} is unknown`);
    if (type > 4) {
      flow.skipped++;
      continue;
    }
    if (size < 1 || price < 1) cursor.refuse('a size or price is not positive');
    if (id < 1) cursor.refuse('the order id is not positive');
    if (id >= FLOW_SYNTHETIC_ID_BASE) cursor.refuse('the order id exceeds 2^31 - 1');
    const side = direction === 1 ? 0 : 1;
    flow.timeNs[row] = timeNs;
    flow.sourceRow[row] = source;
    flow.price[row] = price;
    flow.quantity[row] = size;
    flow.side[row] = side;
    flow.orderId[row] = id;
    if (type === 1) {
      flow.type[row] = FlowType.New;
    } else if (type === 2) {
      flow.type[row] = FlowType.Reduce;
    } else if (type === 3) {
      flow.type[row] = FlowType.Cancel;
    } else {
      flow.type[row] = FlowType.New;
      flow.flags[row] = FLOW_IOC;
      flow.side[row] = side ^ 1;
      flow.orderId[row] = FLOW_SYNTHETIC_ID_BASE + source;
      flow.makerId[row] = id;
    }
    row++;
  }
  flow.count = row;
  return flow;
}
