// @hot
/**
 * CRC32C (Castagnoli), the checksum of iSCSI (RFC 3720, appendix B.4), ext4 and most logs. Chosen
 * over CRC32 for its better Hamming distance, and because every CPU has an instruction for it,
 * should the shim ever take it over.
 *
 * Slicing by 8 (Kounavis and Berry, 2005): eight tables consume eight bytes per round.
 *
 * @module
 */

/** The polynomial 0x1EDC6F41, bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

const TABLES: Int32Array = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (POLYNOMIAL & -(crc & 1));
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const previous = tables[at - 256]!;
    tables[at] = (previous >>> 8) ^ tables[previous & 0xff]!;
  }
  return tables;
}

/**
 * The CRC32C of `length` bytes of `bytes` from `at`, as an int32. Pass the result for the bytes
 * before as `seed` to go on with it; 0 begins anew.
 */
export function crc32c(bytes: Uint8Array, at: number, length: number, seed: number): number {
  const t = TABLES;
  let crc = ~seed;
  let i = at;
  const end = at + length;
  for (const end8 = end - 7; i < end8; i += 8) {
    const low =
      crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      t[1792 + (low & 0xff)]! ^
      t[1536 + ((low >>> 8) & 0xff)]! ^
      t[1280 + ((low >>> 16) & 0xff)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + bytes[i + 4]!]! ^
      t[512 + bytes[i + 5]!]! ^
      t[256 + bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc;
}
