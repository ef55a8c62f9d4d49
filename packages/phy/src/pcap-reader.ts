/**
 * Reads pcap files, of either byte order, with microseconds or nanoseconds.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import {
  PCAP_CAPTURED,
  PCAP_FILE_HEADER_BYTES,
  PCAP_FRACTION,
  PCAP_LINK_TYPE,
  PCAP_MAGIC,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_ORIGINAL,
  PCAP_RECORD_HEADER_BYTES,
  PCAP_SECONDS,
  PCAP_SNAP_BYTES_MAX,
} from './pcap-format.ts';

/** One packet of a file. */
export interface PcapPacket {
  /** Seconds since 1970. */
  readonly seconds: number;
  /** Nanoseconds within the second. */
  readonly nanoseconds: number;
  /** The bytes in the file: a view into what was read. */
  readonly bytes: Uint8Array;
  /** Bytes on the wire; above `bytes.length` when the capture cut the packet short. */
  readonly originalLength: number;
}

/** A file. */
export interface PcapFile {
  readonly linkType: number;
  readonly packets: readonly PcapPacket[];
}

/**
 * Reads a whole file. Throws `NetError('ERR_TW_FORMAT')` when it is no pcap file, or ends inside a
 * record.
 *
 * @example
 * ```ts
 * const { packets } = parsePcap(await Bun.file('capture.pcap').bytes());
 * ```
 */
export function parsePcap(file: Uint8Array): PcapFile {
  if (file.length < PCAP_FILE_HEADER_BYTES) {
    throw new NetError('ERR_TW_FORMAT', 'Too short for a pcap file; it has no file header', {
      bytes: file.length,
    });
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const little = isLittleEndian(view);
  const nanoseconds = view.getUint32(PCAP_MAGIC, little) === PCAP_MAGIC_NANOSECONDS;
  const packets: PcapPacket[] = [];
  let at = PCAP_FILE_HEADER_BYTES;
  while (at < file.length) {
    const bytesAt = at + PCAP_RECORD_HEADER_BYTES;
    const captured = bytesAt <= file.length ? view.getUint32(at + PCAP_CAPTURED, little) : Infinity;
    if (captured > PCAP_SNAP_BYTES_MAX || bytesAt + captured > file.length) {
      throw new NetError('ERR_TW_FORMAT', 'The pcap file ends inside a record; cut it there', {
        record: packets.length,
        at,
      });
    }
    const fraction = view.getUint32(at + PCAP_FRACTION, little);
    packets.push({
      seconds: view.getUint32(at + PCAP_SECONDS, little),
      nanoseconds: nanoseconds ? fraction : fraction * 1000,
      bytes: file.subarray(bytesAt, bytesAt + captured),
      originalLength: view.getUint32(at + PCAP_ORIGINAL, little),
    });
    at = bytesAt + captured;
  }
  return { linkType: view.getUint32(PCAP_LINK_TYPE, little), packets };
}

function isLittleEndian(view: DataView): boolean {
  for (const magic of [PCAP_MAGIC_NANOSECONDS, PCAP_MAGIC_MICROSECONDS]) {
    if (view.getUint32(PCAP_MAGIC, true) === magic) return true;
    if (view.getUint32(PCAP_MAGIC, false) === magic) return false;
  }
  throw new NetError(
    'ERR_TW_FORMAT',
    'Not a pcap file; convert pcapng with: editcap -F nsecpcap in out',
    { magic: view.getUint32(PCAP_MAGIC) },
  );
}
