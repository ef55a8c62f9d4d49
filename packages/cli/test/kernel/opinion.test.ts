import { afterAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { formatPcap } from '@tickwire/phy';
import { makeFolder, removeFolder } from './folder.ts';
import { opinionOf } from './opinion.ts';

const WHY_NOT = Bun.which('tshark') === null ? 'needs tshark' : undefined;
const TITLE = WHY_NOT === undefined ? '' : ` (SKIPPED: ${WHY_NOT})`;

const folder = makeFolder();
afterAll(() => removeFolder(folder));

const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const LINK = '020000000001 020000000002 0800';
/** A UDP datagram of four bytes from 10.77.0.2 to 10.77.0.1, port 7 to 7, with right checksums. */
const UDP = hex(`${LINK} 45000020 00000000 40116631 0a4d0002 0a4d0001 00070007 000c2665 61626364`);
/** A SYN from port 7 to 7, with right checksums. */
const SYN = hex(
  `${LINK} 45000028 00000000 40066634` +
    ' 0a4d0002 0a4d0001 00070007 00000001 00000000 5002ffff 9b370000',
);

/** What tshark says of a file with one frame. */
async function opinionOfFrame(bytes: Uint8Array): Promise<ReturnType<typeof opinionOf>> {
  const path = join(folder, `${Bun.hash(bytes).toString(36)}.pcap`);
  await Bun.write(path, formatPcap([{ timeNs: 0, bytes }]));
  return opinionOf(path, '10.77.0.2');
}

/** A copy with one byte changed. */
function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = copy[at]! ^ 0x10;
  return copy;
}

describe.skipIf(WHY_NOT !== undefined)(`opinionOf()${TITLE}`, () => {
  test('has nothing against frames that are right', async () => {
    for (const frame of [UDP, SYN]) {
      expect(await opinionOfFrame(frame)).toEqual({ errors: {}, warnings: {}, frames: 1 });
    }
  });

  test('sees only what the host sent', async () => {
    const path = join(folder, 'other.pcap');
    await Bun.write(path, formatPcap([{ timeNs: 0, bytes: UDP }]));
    expect(opinionOf(path, '10.77.0.1').frames).toBe(0);
    expect(opinionOf(path, '02:00:00:00:00:02').frames).toBe(1);
    expect(opinionOf(path, '02:00:00:00:00:01').frames).toBe(0);
  });

  test.each([
    ['payload of UDP', UDP, UDP.length - 1],
    ['sequence number of TCP', SYN, 14 + 20 + 4],
    ['TTL of IPv4', UDP, 14 + 8],
  ])('finds a bit that is wrong in the %s', async (_title, frame, at) => {
    const { errors } = await opinionOfFrame(flipped(frame, at));
    expect(Object.keys(errors).join()).toMatch(/checksum/i);
  });

  test('finds a segment that is cut off', async () => {
    const short = SYN.slice(0, SYN.length - 12);
    const view = new DataView(short.buffer);
    view.setUint16(14 + 2, 28);
    // RFC 1624: the IPv4 header is 12 bytes shorter and its checksum as much larger.
    view.setUint16(14 + 10, view.getUint16(14 + 10) + 12);
    const { errors } = await opinionOfFrame(short);
    expect(Object.keys(errors).length).toBeGreaterThan(0);
  });
});
