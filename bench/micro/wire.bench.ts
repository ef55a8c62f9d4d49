/**
 * Headers, options and checksums: nanoseconds per packet, one thread.
 *
 * ```text
 * bun run bench wire
 * ```
 *
 * @module
 */

import {
  checkEthernet,
  checkIpv4,
  checksumAdd,
  checksumFold,
  checkTcp,
  clearTcpOptions,
  emitEthernet,
  emitIpv4,
  emitTcp,
  emitTcpMss,
  emitTcpSackPermittedTimestamps,
  emitTcpTimestamps,
  emitTcpWindowScale,
  ETHERTYPE_IPV4,
  ethernetType,
  ipv4ChecksumOk,
  ipv4Dst,
  ipv4HeaderLength,
  ipv4Protocol,
  ipv4Src,
  parseTcpOptions,
  PROTOCOL_TCP,
  TCP_ACK,
  tcpAck,
  tcpFlags,
  tcpHeaderLength,
  TcpOptions,
  tcpPorts,
  tcpSeq,
  tcpWindow,
} from '../../packages/wire/src/index.ts';
import { do_not_optimize } from 'mitata';
import { suite } from '../micro-suite.ts';
import type { Benchmark } from '../contract.ts';

const BATCH = 256;
const STRIDE = 2048;
const view = new DataView(new ArrayBuffer(BATCH * STRIDE));
const options = new TcpOptions();

/** A segment with timestamps in the `i`-th frame. */
function emit(i: number): void {
  const at = i * STRIDE;
  emitEthernet(view, at, 0x0200, 1, 0x0200, 2, ETHERTYPE_IPV4);
  emitIpv4(view, at + 14, 20, 0, 116, i, 0x4000, 64, PROTOCOL_TCP, 0x0a000001, 0x0a000002);
  emitTcp(view, at + 34, 4000, 80, i, -i, 32, TCP_ACK, 1000, 0);
  emitTcpTimestamps(view, at + 54, i, -i);
}

/** Everything that a receiver looks at, before demultiplexing. */
function read(i: number): number {
  const at = i * STRIDE;
  if (checkEthernet(view, at, 130) < 0 || ethernetType(view, at) !== ETHERTYPE_IPV4) return 0;
  if (checkIpv4(view, at + 14, 116) < 0 || !ipv4ChecksumOk(view, at + 14)) return 0;
  if (ipv4Protocol(view, at + 14) !== PROTOCOL_TCP) return 0;
  const tcp = at + 14 + ipv4HeaderLength(view, at + 14);
  if (checkTcp(view, tcp, 96) < 0) return 0;
  parseTcpOptions(view, tcp + 20, tcpHeaderLength(view, tcp) - 20, options);
  const key = ipv4Src(view, at + 14) ^ ipv4Dst(view, at + 14) ^ tcpPorts(view, tcp);
  const numbers = tcpSeq(view, tcp) ^ tcpAck(view, tcp) ^ options.tsVal;
  return key ^ numbers ^ tcpFlags(view, tcp) ^ tcpWindow(view, tcp);
}

/** The benchmark. */
export const benchmark: Benchmark = suite(
  'wire',
  'Headers, TCP options and checksums, one thread',
  ({ bench, group }) => {
    group('headers', () => {
      bench(`emit ${BATCH} Ethernet + IPv4 + TCP + timestamps`, () => {
        for (let i = 0; i < BATCH; i += 1) emit(i);
        do_not_optimize(view);
      });

      bench(`check and read ${BATCH} of them, with the IPv4 checksum`, () => {
        let sum = 0;
        for (let i = 0; i < BATCH; i += 1) sum ^= read(i);
        do_not_optimize(sum);
      });
    });

    group('TCP options', () => {
      const syn = new DataView(new ArrayBuffer(40));
      let end = emitTcpMss(syn, 0, 1460);
      end = emitTcpSackPermittedTimestamps(syn, end, 1, 2);
      end = emitTcpWindowScale(syn, end, 7);
      const aligned = new DataView(new ArrayBuffer(12));
      emitTcpTimestamps(aligned, 0, 1, 2);

      bench('timestamps alone, the short way', () => {
        parseTcpOptions(aligned, 0, 12, options);
        do_not_optimize(options.tsVal);
      });

      bench('the options of a SYN', () => {
        parseTcpOptions(syn, 0, end, options);
        do_not_optimize(options.mss);
      });

      bench('clear only', () => {
        clearTcpOptions(options);
        do_not_optimize(options);
      });
    });

    group('checksum', () => {
      for (const length of [20, 40, 60, 256, 1460]) {
        bench(`${length} bytes`, () => {
          do_not_optimize(checksumFold(checksumAdd(view, 34, length, 0)));
        });
      }
    });
  },
);
