import { expect, test } from 'bun:test';
import { collectsDuring } from '@tickwire/base/testing';
import { checksumAdd, checksumFinish, pseudoSum4 } from './checksum.ts';
import { checkIpv4, emitIpv4, ipv4Dst, ipv4HeaderLength, ipv4Src } from './ipv4.ts';
import { emitTcpTimestamps, parseTcpOptions, TcpOptions } from './tcp-options.ts';
import { checkTcp, emitTcp, setTcpChecksum, TCP_ACK, tcpHeaderLength, tcpSeq } from './tcp.ts';

/** One object per packet would be 24 MB or more: several collections. */
const PACKETS = 1_000_000;

const view = new DataView(new ArrayBuffer(2048));
const options = new TcpOptions();

/** Emits and reads a segment; returns something that depends on all of it. */
function roundTrip(seq: number): number {
  emitIpv4(view, 14, 20, 0, 72, seq & 0xffff, 0x4000, 64, 6, 1, 2);
  emitTcp(view, 34, 1, 2, seq, 0, 32, TCP_ACK, 1000, 0);
  emitTcpTimestamps(view, 54, seq, ~seq);
  setTcpChecksum(view, 34, checksumFinish(checksumAdd(view, 34, 52, pseudoSum4(1, 2, 6, 52))));
  if (checkIpv4(view, 14, 72) < 0) return 0;
  const at = 14 + ipv4HeaderLength(view, 14);
  if (checkTcp(view, at, 52) < 0) return 0;
  parseTcpOptions(view, at + 20, tcpHeaderLength(view, at) - 20, options);
  return tcpSeq(view, at) ^ options.tsVal ^ ipv4Src(view, 14) ^ ipv4Dst(view, 14);
}

test('emitting and reading segments makes no garbage', async () => {
  let mixed = 0;
  for (let i = 0; i < 20_000; i += 1) mixed ^= roundTrip(i);
  const collected = await collectsDuring(() => {
    for (let i = 0; i < PACKETS; i += 1) mixed ^= roundTrip(i);
  });
  expect(collected).toBe(false);
  expect(mixed).toBe(0);
});
