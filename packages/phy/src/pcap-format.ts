/**
 * The pcap file format with nanosecond timestamps, as libpcap and Wireshark read it.
 *
 * ```text
 *  file header, 24 bytes                    record header, 16 bytes
 *  0   magic 0xa1b23c4d (nanoseconds)        0   seconds since 1970
 *  4   version major 2, minor 4 (16 each)    4   nanoseconds
 *  8   zone, accuracy: zero                  8   bytes in the file
 *  16  bytes per packet at most              12  bytes on the wire
 *  20  link type 1 (Ethernet)                16  the bytes
 * ```
 *
 * We write little-endian and read both orders and both magics: the magic tells.
 *
 * @module
 */

/** Magic of files with nanosecond timestamps. */
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Magic of files with microsecond timestamps. */
export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4;
/** Link type of Ethernet II frames. */
export const PCAP_LINK_ETHERNET = 1;
/** Bytes of the file header. */
export const PCAP_FILE_HEADER_BYTES = 24;
/** Bytes of a record header. */
export const PCAP_RECORD_HEADER_BYTES = 16;
/** Bytes per packet at most: libpcap's MAXIMUM_SNAPLEN, above which readers call a file corrupt. */
export const PCAP_SNAP_BYTES_MAX = 262_144;

/** Offset of the magic. */
export const PCAP_MAGIC = 0;
const VERSION_MAJOR = 4;
const VERSION_MINOR = 6;
const SNAP_LENGTH = 16;
/** Offset of the link type. */
export const PCAP_LINK_TYPE = 20;

/** Offset in a record of the seconds. */
export const PCAP_SECONDS = 0;
/** Offset in a record of the nanoseconds or microseconds. */
export const PCAP_FRACTION = 4;
/** Offset in a record of the bytes in the file. */
export const PCAP_CAPTURED = 8;
/** Offset in a record of the bytes on the wire. */
export const PCAP_ORIGINAL = 12;

const NS_PER_SECOND = 1_000_000_000;

/** Writes the file header at `at`. */
export function emitPcapFileHeader(view: DataView, at: number, snapBytes: number): void {
  view.setUint32(at + PCAP_MAGIC, PCAP_MAGIC_NANOSECONDS, true);
  view.setUint16(at + VERSION_MAJOR, 2, true);
  view.setUint16(at + VERSION_MINOR, 4, true);
  view.setInt32(at + 8, 0);
  view.setInt32(at + 12, 0);
  view.setUint32(at + SNAP_LENGTH, snapBytes, true);
  view.setUint32(at + PCAP_LINK_TYPE, PCAP_LINK_ETHERNET, true);
}

/** Writes a record header at `at`. `timeNs` is added to `epochSeconds`, both since 1970 or not. */
export function emitPcapRecordHeader(
  view: DataView,
  at: number,
  epochSeconds: number,
  timeNs: number,
  capturedBytes: number,
  originalBytes: number,
): void {
  const seconds = Math.floor(timeNs / NS_PER_SECOND);
  view.setUint32(at + PCAP_SECONDS, epochSeconds + seconds, true);
  view.setUint32(at + PCAP_FRACTION, timeNs - seconds * NS_PER_SECOND, true);
  view.setUint32(at + PCAP_CAPTURED, capturedBytes, true);
  view.setUint32(at + PCAP_ORIGINAL, originalBytes, true);
}

/** Makes a whole file of packets; for tests and tools. `timeNs` is since 1970. */
export function formatPcap(
  packets: readonly { readonly timeNs: number; readonly bytes: Uint8Array }[],
): Uint8Array {
  const size = packets.reduce(
    (sum, { bytes }) => sum + PCAP_RECORD_HEADER_BYTES + bytes.length,
    PCAP_FILE_HEADER_BYTES,
  );
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  emitPcapFileHeader(view, 0, PCAP_SNAP_BYTES_MAX);
  let at = PCAP_FILE_HEADER_BYTES;
  for (const { timeNs, bytes } of packets) {
    emitPcapRecordHeader(view, at, 0, timeNs, bytes.length, bytes.length);
    file.set(bytes, at + PCAP_RECORD_HEADER_BYTES);
    at += PCAP_RECORD_HEADER_BYTES + bytes.length;
  }
  return file;
}
