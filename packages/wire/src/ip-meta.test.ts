import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import {
  checksumAdd,
  checksumFinishUdp,
  checksumFold,
  pseudoSum4,
  pseudoSum6,
} from './checksum.ts';
import { PROTOCOL_UDP } from './ip-protocol.ts';
import {
  checkTransportChecksum,
  IpMeta,
  metaDstText,
  metaPseudoSum,
  metaSrcText,
} from './ip-meta.ts';
import { emitUdp, setUdpChecksum } from './udp.ts';

/** A datagram of `length` bytes at offset 4 with a right checksum, and its metadata. */
function datagram(family: 4 | 6, length: number): { view: DataView; meta: IpMeta } {
  const view = new DataView(new ArrayBuffer(4 + length));
  const meta = new IpMeta();
  meta.family = family;
  meta.protocol = PROTOCOL_UDP;
  meta.at = 4;
  meta.length = length;
  if (family === 4) meta.src2 = meta.dst2 = 0xffff;
  else [meta.src0, meta.dst0] = [0x20010db8, 0x20010db8];
  [meta.src3, meta.dst3] = [0x0a000001, -2];
  for (let i = 12; i < 4 + length; i += 1) view.setUint8(i, i * 7);
  emitUdp(view, 4, 1, 2, length, 0);
  setUdpChecksum(
    view,
    4,
    checksumFinishUdp(checksumAdd(view, 4, length, metaPseudoSum(meta, length))),
  );
  return { view, meta };
}

test('metaPseudoSum() is that of the family', () => {
  const four = datagram(4, 20).meta;
  expect(metaPseudoSum(four, 20)).toBe(pseudoSum4(0x0a000001, -2, PROTOCOL_UDP, 20));
  const six = datagram(6, 20).meta;
  const p = 0x20010db8;
  expect(metaPseudoSum(six, 20)).toBe(
    pseudoSum6(p, 0, 0, 0x0a000001, p, 0, 0, -2, PROTOCOL_UDP, 20),
  );
});

describe.each([4, 6] as const)('checkTransportChecksum(), IPv%d', (family) => {
  test.each([8, 9, 100, 101])('judges %d bytes with and without the device', (length) => {
    const { view, meta } = datagram(family, length);
    expect(checkTransportChecksum(view, meta)).toBe(Status.Ok);
    meta.sum = checksumFold(checksumAdd(view, 4, length, 0));
    expect(checkTransportChecksum(view, meta)).toBe(Status.Ok);
    view.setUint8(4, view.getUint8(4) ^ 1);
    // The device's sum is believed; without it the damage shows; a vouching device is believed.
    expect(checkTransportChecksum(view, meta)).toBe(Status.Ok);
    meta.sum = checksumFold(checksumAdd(view, 4, length, 0));
    expect(checkTransportChecksum(view, meta)).toBe(Status.BadChecksum);
    meta.sum = -1;
    expect(checkTransportChecksum(view, meta)).toBe(Status.BadChecksum);
    meta.verified = 1;
    expect(checkTransportChecksum(view, meta)).toBe(Status.Ok);
  });

  test('prints the addresses', () => {
    const { meta } = datagram(family, 8);
    expect(metaSrcText(meta)).toBe(family === 4 ? '10.0.0.1' : '2001:db8::a00:1');
    expect(metaDstText(meta)).toBe(family === 4 ? '255.255.255.254' : '2001:db8::ffff:fffe');
  });
});
