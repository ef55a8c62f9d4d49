import { expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import { IPV4_MORE_FRAGMENTS } from '@tickwire/wire';
import fc from 'fast-check';
import { Host, ipv4, SECOND, udp } from '../test/harness.ts';
import { Verdict } from './link.ts';

/** What must come out of fragments of one datagram: a map of bytes, written without cleverness. */
class Oracle {
  bytes: (number | undefined)[] = [];
  total = -1;
  reach = 0;

  /** Adds a fragment. Returns the datagram when complete, 'dead' when it is given up. */
  add(offset: number, data: Uint8Array, more: boolean): number[] | 'dead' | 'more' {
    const end = offset + data.length;
    if (this.total >= 0 && end > this.total) return 'dead';
    if (!more && this.total >= 0 && end !== this.total) return 'dead';
    if (!more && this.reach > end) return 'dead';
    // Blocks of eight: an odd tail claims its whole block.
    const blocks = new Set(data.keys().map((i) => (offset + i) >> 3));
    const there = [...blocks].filter((block) => this.bytes[block * 8] !== undefined).length;
    if (there === blocks.size) {
      const isSame = data.every((byte, i) => this.bytes[offset + i] === byte);
      return isSame ? 'more' : 'dead';
    }
    if (there > 0) return 'dead';
    for (const [i, byte] of data.entries()) this.bytes[offset + i] = byte;
    this.reach = Math.max(this.reach, end);
    if (!more) this.total = end;
    if (this.total < 0) return 'more';
    const whole = Array.from({ length: this.total }, (_, i) => this.bytes[i]);
    return whole.includes(undefined) ? 'more' : (whole as number[]);
  }
}

test('add() agrees with a byte map under loss, reordering, duplication and overlap', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Prng(seed);
      const host = new Host({}, 64);
      let oracle = new Oracle();
      const payload = udp(
        Uint8Array.from({ length: 40 + random.nextBelow(200) }, () => random.nextBelow(256)),
      );
      for (let step = 0; step < 120; step += 1) {
        // Mostly aligned pieces of 32 bytes, so that datagrams complete; sometimes anything.
        const isWild = random.nextBelow(40) === 0;
        const size = isWild ? 8 + random.nextBelow(8) * 8 : 32;
        const pieces = Math.ceil(payload.length / size);
        const offset = random.nextBelow(pieces) * size;
        const data = payload.slice(offset, offset + size);
        if (random.nextBelow(60) === 0) data[0]! ^= 1;
        const more = offset + size < payload.length;
        const fragment = (more ? IPV4_MORE_FRAGMENTS : 0) | (offset >> 3);
        if (!more && offset === 0) continue;
        const expected = oracle.add(offset, data, more);
        const verdict = host.receive(ipv4(data, { identification: 1, fragment }));
        if (expected === 'more') {
          expect(verdict).toBe(Verdict.Consumed);
          expect(host.framesInUse).toBe(1);
          continue;
        }
        oracle = new Oracle();
        if (expected === 'dead') expect(verdict).toBe(Verdict.Consumed);
        else if (verdict === Verdict.Udp) {
          const { at, length, frame } = host.ip.meta;
          expect(Uint8Array.from(host.arena.bytes.slice(at, at + length))).toEqual(
            Uint8Array.from(expected),
          );
          host.arena.free(frame);
        } else {
          // Complete and dropped: only for a wrong checksum, and two flips may cancel out.
          expect(payload.every((byte, i) => byte === expected[i])).toBe(false);
        }
        expect(host.framesInUse).toBe(0);
      }
      host.advance(31 * SECOND);
      expect(host.framesInUse).toBe(host.ip.framesHeld);
      host.advance(31 * SECOND);
      expect(host.framesInUse).toBe(0);
    }),
    { numRuns: 100 },
  );
});
