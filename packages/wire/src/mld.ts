// @hot
/**
 * Multicast Listener Discovery, versions 1 (RFC 2710) and 2 (RFC 9777, once RFC 3810): IGMP's
 * counterpart in ICMPv6. The checksum includes the IPv6 pseudo header and is the caller's.
 *
 * ```text
 *  v1 messages and v2 query (130, 131, 132)      v2 report (143)
 * +------+------+-----------------+             +------+------+-----------------+
 * | type | code |    checksum     |             | type | rsv  |    checksum     |
 * +------+------+-----------------+             +------+------+-----------------+
 * | max response  |   reserved    |             |  reserved   | nr. of records  |
 * +---------------+---------------+             +-------------+-----------------+
 * |  multicast address, 4 words   |             |  records: type (8), aux len (8),
 * +---+-+---+------+--------------+             |  nr. of sources (16), address (4
 * |rsv|S|QRV| QQIC | nr. of srcs  | v2 query    |  words), sources
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { formatIpv6 } from './address.ts';
import { emitIcmpv6, icmpv6Type } from './icmpv6.ts';

const MAX_RESPONSE = 4;
const ADDRESS = 8;
const QUERY_SOURCES = 26;
const REPORT_RECORDS = 6;
const RECORD_AUX = 1;
const RECORD_SOURCES = 2;
const RECORD_ADDRESS = 4;

/** Bytes of a v1 message. */
export const MLD_BYTES = 24;
/** Bytes of the fixed part of a v2 query. */
export const MLD_V2_QUERY_BYTES = 28;
/** Bytes of the fixed part of a v2 report. */
export const MLD_V2_REPORT_BYTES = 8;
/** Bytes of a record without sources. */
export const MLD_RECORD_BYTES = 20;

/** Listener query, both versions. */
export const MLD_QUERY = 130;
/** Listener report of version 1. */
export const MLD_V1_REPORT = 131;
/** Listener done of version 1. */
export const MLD_V1_DONE = 132;
/** Listener report of version 2. */
export const MLD_V2_REPORT = 143;

/** Record type: current state is EXCLUDE; types equal IGMPv3's (RFC 9777, 5.2.12). */
export const MLD_MODE_IS_EXCLUDE = 2;
/** Record type: the filter changed to INCLUDE; without sources, a leave. */
export const MLD_CHANGE_TO_INCLUDE = 3;
/** Record type: the filter changed to EXCLUDE; without sources, a join. */
export const MLD_CHANGE_TO_EXCLUDE = 4;

/** The `word`-th word (0..3) of the multicast address of a query, report or done. */
export function mldAddress(view: DataView, at: number, word: number): number {
  return view.getInt32(at + ADDRESS + 4 * word);
}

/**
 * Milliseconds in which to answer a query. Codes from 32768 are floating point in version 2
 * (RFC 9777, 5.1.3).
 */
export function mldMaxResponseMs(view: DataView, at: number, length: number): number {
  const code = view.getUint16(at + MAX_RESPONSE);
  if (code < 32_768 || length < MLD_V2_QUERY_BYTES) return code;
  return ((code & 0x0fff) | 0x1000) << (((code >> 12) & 7) + 3);
}

/** Version of a query, by its length (RFC 9777, 8.1). */
export function mldQueryVersion(length: number): number {
  return length >= MLD_V2_QUERY_BYTES ? 2 : 1;
}

/** Number of sources of a v2 query. */
export function mldQuerySources(view: DataView, at: number): number {
  return view.getUint16(at + QUERY_SOURCES);
}

/** Number of records of a v2 report. */
export function mldReportRecords(view: DataView, at: number): number {
  return view.getUint16(at + REPORT_RECORDS);
}

/** Type of the record at `at`. */
export function mldRecordType(view: DataView, at: number): number {
  return view.getUint8(at);
}

/** The `word`-th word (0..3) of the multicast address of the record at `at`. */
export function mldRecordAddress(view: DataView, at: number, word: number): number {
  return view.getInt32(at + RECORD_ADDRESS + 4 * word);
}

/** Bytes of the record at `at`, with its sources and auxiliary data. */
export function mldRecordBytes(view: DataView, at: number): number {
  return (
    MLD_RECORD_BYTES + 16 * view.getUint16(at + RECORD_SOURCES) + 4 * view.getUint8(at + RECORD_AUX)
  );
}

/** `Ok` when the message with its sources or records lies inside `length` bytes. */
export function checkMld(view: DataView, at: number, length: number): number {
  if (length < MLD_V2_REPORT_BYTES) return Status.Truncated;
  const type = icmpv6Type(view, at);
  if (type !== MLD_V2_REPORT) {
    if (type < MLD_QUERY || type > MLD_V1_DONE) return Status.Malformed;
    if (length < MLD_BYTES) return Status.Truncated;
    if (type !== MLD_QUERY || length === MLD_BYTES) return Status.Ok;
    if (length < MLD_V2_QUERY_BYTES) return Status.Malformed;
    const bytes = MLD_V2_QUERY_BYTES + 16 * mldQuerySources(view, at);
    return bytes > length ? Status.Truncated : Status.Ok;
  }
  const records = mldReportRecords(view, at);
  let left = length - MLD_V2_REPORT_BYTES;
  let i = at + MLD_V2_REPORT_BYTES;
  for (let record = 0; record < records; record += 1) {
    if (left < MLD_RECORD_BYTES) return Status.Truncated;
    const bytes = mldRecordBytes(view, i);
    if (bytes > left) return Status.Truncated;
    i += bytes;
    left -= bytes;
  }
  return Status.Ok;
}

/** Writes a v1 message, or a v1 query (24 bytes), with a zero checksum. */
export function emitMld(
  view: DataView,
  at: number,
  type: number,
  maxResponseMs: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): void {
  emitIcmpv6(view, at, type, 0, maxResponseMs << 16);
  emitWords(view, at + ADDRESS, word0, word1, word2, word3);
}

/** Writes the fixed part of a v2 report (8 bytes) with a zero checksum; records go behind it. */
export function emitMldV2Report(view: DataView, at: number, records: number): void {
  emitIcmpv6(view, at, MLD_V2_REPORT, 0, records);
}

/** Writes a record without sources (20 bytes) and returns the offset behind it. */
export function emitMldRecord(
  view: DataView,
  at: number,
  type: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): number {
  view.setInt32(at, type << 24);
  emitWords(view, at + RECORD_ADDRESS, word0, word1, word2, word3);
  return at + MLD_RECORD_BYTES;
}

function emitWords(
  view: DataView,
  at: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): void {
  view.setInt32(at, word0);
  view.setInt32(at + 4, word1);
  view.setInt32(at + 8, word2);
  view.setInt32(at + 12, word3);
}

/** A v1 message or query as an object; for tests and logs. */
export interface MldMessage {
  type: number;
  maxResponse: number;
  address: string;
}

function addressText(view: DataView, at: number): string {
  return formatIpv6(
    mldAddress(view, at, 0),
    mldAddress(view, at, 1),
    mldAddress(view, at, 2),
    mldAddress(view, at, 3),
  );
}

/** Reads a v1 message or a query that {@link checkMld} has accepted. @cold */
export function parseMld(view: DataView, at: number): MldMessage {
  return {
    type: icmpv6Type(view, at),
    maxResponse: view.getUint16(at + MAX_RESPONSE),
    address: addressText(view, at),
  };
}

/** One line: `MLD report ff02::fb`. @cold */
export function formatMld(view: DataView, at: number, length: number): string {
  switch (icmpv6Type(view, at)) {
    case MLD_QUERY:
      return 'MLD v' + String(mldQueryVersion(length)) + ' query ' + addressText(view, at);
    case MLD_V1_REPORT:
      return 'MLD report ' + addressText(view, at);
    case MLD_V1_DONE:
      return 'MLD done ' + addressText(view, at);
    default:
      return 'MLD v2 report, ' + String(mldReportRecords(view, at)) + ' records';
  }
}
