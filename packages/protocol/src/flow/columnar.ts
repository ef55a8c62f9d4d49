/**
 * Reader of the columnar workload format `MEBC`, version 1 (little-endian):
 *
 * ```text
 * 0   "MEBC"          magic
 * 4   u32 1           version
 * 8   u32 n           rows
 * 12  u32 0           reserved
 * 16  i32 price[n]
 *     u32 orderId[n]
 *     u8  flags[n]    bits 0-1: 0 new, 1 cancel, 2 replace; bit 2: sell; bit 3: IOC
 *     u8  quantity[n]
 * ```
 *
 * @module
 */

import { formatError } from './format-error.ts';
import { createOrderFlow, FLOW_IOC, FlowType, type OrderFlow } from './order-flow.ts';

const HEADER_BYTES = 16;
const ROW_BYTES = 10;
const VERSION = 1;

/** Whether `bytes` begin with the magic. */
export function isColumnar(bytes: Uint8Array): boolean {
  return bytes[0] === 0x4d && bytes[1] === 0x45 && bytes[2] === 0x42 && bytes[3] === 0x43;
}

/**
 * Reads a workload.
 *
 * @throws NetError `ERR_TW_FORMAT` naming the file and the row.
 */
export function readColumnar(bytes: Uint8Array, name: string): OrderFlow {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || !isColumnar(bytes)) {
    throw formatError(name, 0, 'no MEBC header');
  }
  if (view.getUint32(4, true) !== VERSION) {
    throw formatError(name, 0, `version ${view.getUint32(4, true)}, only ${VERSION} is known`);
  }
  const count = view.getUint32(8, true);
  if (bytes.length !== HEADER_BYTES + count * ROW_BYTES) {
    const wanted = HEADER_BYTES + count * ROW_BYTES;
    throw formatError(name, 0, `${bytes.length} bytes where ${count} rows need ${wanted}`);
  }
  const flow = createOrderFlow(count);
  const idsAt = HEADER_BYTES + count * 4;
  const flagsAt = idsAt + count * 4;
  const quantitiesAt = flagsAt + count;
  for (let row = 0; row < count; row++) {
    const flags = bytes[flagsAt + row]!;
    const type = flags & 3;
    if (type > 2 || flags > 15) throw formatError(name, row + 1, `flags ${flags} are unknown`);
    flow.type[row] = type === 0 ? FlowType.New : type === 1 ? FlowType.Cancel : FlowType.Replace;
    flow.side[row] = (flags >> 2) & 1;
    flow.flags[row] = (flags & 8) !== 0 ? FLOW_IOC : 0;
    flow.price[row] = view.getInt32(HEADER_BYTES + row * 4, true);
    flow.orderId[row] = view.getUint32(idsAt + row * 4, true);
    flow.quantity[row] = bytes[quantitiesAt + row]!;
    flow.sourceRow[row] = row;
    // A cancel has neither.
    if (type !== 1 && flow.price[row]! < 1) {
      throw formatError(name, row + 1, `price ${flow.price[row]} is not positive`);
    }
    if (type !== 1 && flow.quantity[row]! < 1) throw formatError(name, row + 1, 'quantity is 0');
  }
  flow.count = count;
  return flow;
}
