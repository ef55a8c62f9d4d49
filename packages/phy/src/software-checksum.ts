// @hot
/**
 * What a device without hardware does for the checksum half of the Device contract.
 *
 * @module
 */

import {
  checksumAdd,
  checksumFinishUdp,
  checksumFold,
  ETHERNET_HEADER_BYTES,
} from '@tickwire/wire';

/**
 * Completes a partial checksum: sums `[start, end)`, the field at `fieldAt` holding the folded
 * pseudo-header sum, and writes the complement there, 0 as 0xffff (which is equal to 0 in ones
 * complement, and UDP needs it).
 */
export function completeChecksum(
  view: DataView,
  start: number,
  fieldAt: number,
  end: number,
): void {
  view.setUint16(fieldAt, checksumFinishUdp(checksumAdd(view, start, end - start, 0)));
}

/** The folded sum of everything behind the Ethernet header, for `RX_SUMMED`. */
export function sumBehindLink(view: DataView, at: number, length: number): number {
  const from = at + ETHERNET_HEADER_BYTES;
  return checksumFold(checksumAdd(view, from, length - ETHERNET_HEADER_BYTES, 0));
}
