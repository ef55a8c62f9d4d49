// @hot
/**
 * The options that every SYN and SYN-ACK may carry, in the configured order.
 *
 * Each option has NOPs in front that bring it to whole words, so that any order and any choice is
 * aligned and fits: 4 + 4 + 12 + 4 bytes at most. SACK permitted right before timestamps takes the
 * place of the two NOPs, as in Linux.
 *
 * @module
 */

import {
  emitTcpMss,
  emitTcpSackPermitted,
  emitTcpSackPermittedTimestamps,
  emitTcpTimestamps,
  emitTcpWindowScale,
  TCP_WINDOW_SCALE_MAX,
} from '@tickwire/wire';
import { SYN_OPTIONS, type SynOption, type TcpConfig } from './config.ts';
import { SynFlag } from './syn-cache.ts';

// Codes of the order: positions in `SYN_OPTIONS`, and a pair that shares its words.
const MSS = 0;
const SACK_PERMITTED = 1;
const TIMESTAMPS = 2;
const SACK_TIMESTAMPS = 4;

/** The order as codes: a SYN flood meets no strings. @cold */
export function synOrderCodes(order: readonly SynOption[]): Uint8Array {
  const codes: number[] = [];
  for (let i = 0; i < order.length; i += 1) {
    const isPair = order[i] === 'sackPermitted' && order[i + 1] === 'timestamps';
    codes.push(isPair ? SACK_TIMESTAMPS : SYN_OPTIONS.indexOf(order[i]!));
    if (isPair) i += 1;
  }
  return Uint8Array.from(codes);
}

/**
 * Our window scale: the configured one, or the smallest with which the largest receive buffer fits
 * into 16 bits (RFC 7323, 2.3). @cold
 */
export function windowShiftOf(config: TcpConfig): number {
  if (config.windowShift >= 0) return config.windowShift;
  let shift = 0;
  while (shift < TCP_WINDOW_SCALE_MAX && config.receiveBufferBytesMax > 0xffff * 2 ** shift) {
    shift += 1;
  }
  return shift;
}

/**
 * Writes the options at `at` in the `order` of {@link synOrderCodes}, and returns the offset behind
 * them. The MSS always goes; `flags` of {@link SynFlag} say which of the others do.
 */
export function emitSynOptions(
  view: DataView,
  order: Uint8Array,
  at: number,
  flags: number,
  mss: number,
  tsVal: number,
  tsEcr: number,
  shift: number,
): number {
  const sack = (flags & SynFlag.Sack) !== 0;
  const timestamps = (flags & SynFlag.Timestamps) !== 0;
  let end = at;
  for (let i = 0; i < order.length; i += 1) {
    const code = order[i]!;
    if (code === MSS) end = emitTcpMss(view, end, mss);
    else if (code === SACK_TIMESTAMPS && sack && timestamps) {
      end = emitTcpSackPermittedTimestamps(view, end, tsVal, tsEcr);
    } else if (code === SACK_PERMITTED || (code === SACK_TIMESTAMPS && !timestamps)) {
      if (sack) end = emitTcpSackPermitted(view, end);
    } else if (code === TIMESTAMPS || code === SACK_TIMESTAMPS) {
      if (timestamps) end = emitTcpTimestamps(view, end, tsVal, tsEcr);
    } else if ((flags & SynFlag.Scaling) !== 0) end = emitTcpWindowScale(view, end, shift);
  }
  return end;
}
