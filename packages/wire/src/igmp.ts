// @hot
/**
 * IGMP versions 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 9776, once RFC 3376).
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |     type      | max resp code |           checksum            |  all
 * +---------------+---------------+-------------------------------+
 * |                         group address                         |  v1, v2, v3 query
 * +-------+-+-----+---------------+-------------------------------+
 * |  resv |S| QRV |     QQIC      |      number of sources        |  v3 query
 * +-------+-+-----+---------------+-------------------------------+
 *
 *  v3 report: reserved (16), number of records (16) at 4; then per record
 * +---------------+---------------+-------------------------------+
 * |  record type  | aux data len  |      number of sources        |
 * +---------------+---------------+-------------------------------+
 * |                         group address                         |
 * +---------------------------------------------------------------+
 * |                         sources ...                           |
 * ```
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { formatIpv4 } from './address.ts';
import { CHECKSUM_GOOD, checksum, checksumAdd, checksumFold } from './checksum.ts';

const TYPE = 0;
const MAX_RESPONSE = 1;
const CHECKSUM = 2;
const GROUP = 4;
const ROBUSTNESS = 8;
const QUERY_SOURCES = 10;
const REPORT_RECORDS = 6;
const RECORD_AUX = 1;
const RECORD_SOURCES = 2;
const RECORD_GROUP = 4;

/** Bytes of a v1 or v2 message, and of the fixed part of a v3 report. */
export const IGMP_BYTES = 8;
/** Bytes of the fixed part of a v3 query. */
export const IGMP_V3_QUERY_BYTES = 12;
/** Bytes of a group record without sources. */
export const IGMP_RECORD_BYTES = 8;

/** Membership query, all versions. */
export const IGMP_QUERY = 0x11;
/** Membership report of version 1. */
export const IGMP_V1_REPORT = 0x12;
/** Membership report of version 2. */
export const IGMP_V2_REPORT = 0x16;
/** Leave group of version 2. */
export const IGMP_V2_LEAVE = 0x17;
/** Membership report of version 3. */
export const IGMP_V3_REPORT = 0x22;

/** Record type: current state is INCLUDE (RFC 9776, 4.2.12). */
export const IGMP_MODE_IS_INCLUDE = 1;
/** Record type: current state is EXCLUDE. */
export const IGMP_MODE_IS_EXCLUDE = 2;
/** Record type: the filter changed to INCLUDE; without sources, a leave. */
export const IGMP_CHANGE_TO_INCLUDE = 3;
/** Record type: the filter changed to EXCLUDE; without sources, a join. */
export const IGMP_CHANGE_TO_EXCLUDE = 4;
/** Record type: sources were added. */
export const IGMP_ALLOW_NEW_SOURCES = 5;
/** Record type: sources were taken away. */
export const IGMP_BLOCK_OLD_SOURCES = 6;

/** 224.0.0.1: all systems; general queries go there. */
export const IGMP_ALL_SYSTEMS: number = 0xe0000001 | 0;
/** 224.0.0.2: all routers; v2 leaves go there. */
export const IGMP_ALL_ROUTERS: number = 0xe0000002 | 0;
/** 224.0.0.22: v3 reports go there. */
export const IGMP_ALL_V3_ROUTERS: number = 0xe0000016 | 0;

/** Message type. */
export function igmpType(view: DataView, at: number): number {
  return view.getUint8(at + TYPE);
}

/** Checksum over the whole message. */
export function igmpChecksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

/** Group of a query (0 in a general one), v1/v2 report or leave; int32. */
export function igmpGroup(view: DataView, at: number): number {
  return view.getInt32(at + GROUP);
}

/** Version of a query, by its length and its response code (RFC 9776, 7.1). */
export function igmpQueryVersion(view: DataView, at: number, length: number): number {
  if (length >= IGMP_V3_QUERY_BYTES) return 3;
  return view.getUint8(at + MAX_RESPONSE) === 0 ? 1 : 2;
}

/**
 * Time in which to answer a query, in units of 100 ms. Codes from 128 are floating point in version
 * 3 (RFC 9776, 4.1.1); version 1 means 10 s (RFC 2236, 4).
 */
export function igmpMaxResponse(view: DataView, at: number, length: number): number {
  const code = view.getUint8(at + MAX_RESPONSE);
  if (code === 0) return length >= IGMP_V3_QUERY_BYTES ? 0 : 100;
  if (code < 128 || length < IGMP_V3_QUERY_BYTES) return code;
  return ((code & 0x0f) | 0x10) << (((code >> 4) & 7) + 3);
}

/** Querier's robustness variable of a v3 query; 0 when above 7. */
export function igmpRobustness(view: DataView, at: number): number {
  return view.getUint8(at + ROBUSTNESS) & 7;
}

/** Number of sources of a v3 query. */
export function igmpQuerySources(view: DataView, at: number): number {
  return view.getUint16(at + QUERY_SOURCES);
}

/** The `index`-th source of a v3 query; int32. */
export function igmpQuerySource(view: DataView, at: number, index: number): number {
  return view.getInt32(at + IGMP_V3_QUERY_BYTES + 4 * index);
}

/** Number of records of a v3 report. */
export function igmpReportRecords(view: DataView, at: number): number {
  return view.getUint16(at + REPORT_RECORDS);
}

/** Type of the record at `at`. */
export function igmpRecordType(view: DataView, at: number): number {
  return view.getUint8(at);
}

/** Group of the record at `at`; int32. */
export function igmpRecordGroup(view: DataView, at: number): number {
  return view.getInt32(at + RECORD_GROUP);
}

/** Number of sources of the record at `at`. */
export function igmpRecordSources(view: DataView, at: number): number {
  return view.getUint16(at + RECORD_SOURCES);
}

/** The `index`-th source of the record at `at`; int32. */
export function igmpRecordSource(view: DataView, at: number, index: number): number {
  return view.getInt32(at + IGMP_RECORD_BYTES + 4 * index);
}

/** Bytes of the record at `at`, with its sources and auxiliary data. */
export function igmpRecordBytes(view: DataView, at: number): number {
  return IGMP_RECORD_BYTES + 4 * (igmpRecordSources(view, at) + view.getUint8(at + RECORD_AUX));
}

/** Computes the checksum over `length` bytes and writes it. */
export function fillIgmpChecksum(view: DataView, at: number, length: number): void {
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM, checksum(view, at, length));
}

/** Whether the checksum over `length` bytes is right. */
export function igmpChecksumOk(view: DataView, at: number, length: number): boolean {
  return checksumFold(checksumAdd(view, at, length, 0)) === CHECKSUM_GOOD;
}

/**
 * `Ok` when the message with its sources or records lies inside `length` bytes. Lengths 9 to 11 of
 * a query belong to no version (RFC 9776, 7.1). The checksum is separate.
 */
export function checkIgmp(view: DataView, at: number, length: number): number {
  if (length < IGMP_BYTES) return Status.Truncated;
  const type = view.getUint8(at + TYPE);
  if (type === IGMP_QUERY) {
    if (length === IGMP_BYTES) return Status.Ok;
    if (length < IGMP_V3_QUERY_BYTES) return Status.Malformed;
    const bytes = IGMP_V3_QUERY_BYTES + 4 * igmpQuerySources(view, at);
    return bytes > length ? Status.Truncated : Status.Ok;
  }
  if (type !== IGMP_V3_REPORT) return Status.Ok;
  const records = igmpReportRecords(view, at);
  let left = length - IGMP_BYTES;
  let i = at + IGMP_BYTES;
  for (let record = 0; record < records; record += 1) {
    if (left < IGMP_RECORD_BYTES) return Status.Truncated;
    const bytes = igmpRecordBytes(view, i);
    if (bytes > left) return Status.Truncated;
    i += bytes;
    left -= bytes;
  }
  return Status.Ok;
}

/** Writes a v1/v2 message (8 bytes) with its checksum. */
export function emitIgmp(
  view: DataView,
  at: number,
  type: number,
  maxResponse: number,
  group: number,
): void {
  view.setUint16(at + TYPE, (type << 8) | maxResponse);
  view.setInt32(at + GROUP, group);
  fillIgmpChecksum(view, at, IGMP_BYTES);
}

/** Writes a v3 query without sources (12 bytes) with its checksum. */
export function emitIgmpV3Query(
  view: DataView,
  at: number,
  maxResponseCode: number,
  group: number,
  robustness: number,
  queryIntervalCode: number,
): void {
  view.setUint16(at + TYPE, (IGMP_QUERY << 8) | maxResponseCode);
  view.setInt32(at + GROUP, group);
  view.setUint16(at + ROBUSTNESS, ((robustness & 7) << 8) | queryIntervalCode);
  view.setUint16(at + QUERY_SOURCES, 0);
  fillIgmpChecksum(view, at, IGMP_V3_QUERY_BYTES);
}

/**
 * Writes the fixed part of a v3 report (8 bytes). Records go behind it, then
 * {@link fillIgmpChecksum}.
 */
export function emitIgmpV3Report(view: DataView, at: number, records: number): void {
  view.setInt32(at + TYPE, IGMP_V3_REPORT << 24);
  view.setInt32(at + GROUP, records);
}

/**
 * Writes a group record without its sources (8 bytes) and returns the offset behind it, where the
 * caller puts `sources` addresses.
 */
export function emitIgmpRecord(
  view: DataView,
  at: number,
  type: number,
  group: number,
  sources: number,
): number {
  view.setUint16(at, type << 8);
  view.setUint16(at + RECORD_SOURCES, sources);
  view.setInt32(at + RECORD_GROUP, group);
  return at + IGMP_RECORD_BYTES;
}

/** The first eight bytes as an object; for tests and logs. */
export interface IgmpHeader {
  type: number;
  maxResponseCode: number;
  checksum: number;
  group: number;
}

/** Reads a message that {@link checkIgmp} has accepted. @cold */
export function parseIgmp(view: DataView, at: number): IgmpHeader {
  return {
    type: igmpType(view, at),
    maxResponseCode: view.getUint8(at + MAX_RESPONSE),
    checksum: igmpChecksum(view, at),
    group: igmpGroup(view, at),
  };
}

/** One line: `IGMP v2 report 239.1.1.1`. @cold */
export function formatIgmp(view: DataView, at: number, length: number): string {
  const group = formatIpv4(igmpGroup(view, at));
  switch (igmpType(view, at)) {
    case IGMP_QUERY:
      return 'IGMP v' + String(igmpQueryVersion(view, at, length)) + ' query ' + group;
    case IGMP_V1_REPORT:
      return 'IGMP v1 report ' + group;
    case IGMP_V2_REPORT:
      return 'IGMP v2 report ' + group;
    case IGMP_V2_LEAVE:
      return 'IGMP v2 leave ' + group;
    case IGMP_V3_REPORT:
      return 'IGMP v3 report, ' + String(igmpReportRecords(view, at)) + ' records';
    default:
      return 'IGMP type ' + String(igmpType(view, at));
  }
}
