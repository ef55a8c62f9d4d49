import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { TCP_ACK, TCP_FIN } from '@tickwire/wire';
import { pattern, Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;

/** A piece of the stream: where it begins and how long it is. */
const piece = (total: number, longest: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.nat({ max: total - 1 }), fc.integer({ min: 1, max: longest }));

describe('reassembly against a byte stream', () => {
  const TOTAL = 3000;

  test('overlaps of every shape deliver each byte once, and the FIN once', () => {
    fc.assert(
      fc.property(
        fc.array(piece(TOTAL, 700), { minLength: 1, maxLength: 60 }),
        fc.boolean(),
        fc.boolean(),
        fc.integer(),
        (pieces, sack, paused, peerIsn) => {
          const s = new Script({ peerIsn, frames: 512 });
          const tcb = s.accept({ mss: 1460, sackPermitted: sack });
          if (paused) s.host.tcp.pause(tcb);
          const known = new Uint8Array(TOTAL);
          let finKnown = false;
          let edge = 0;
          // The random pieces, then everything in order, so that no hole stays.
          const all = [...pieces];
          for (let at = 0; at < TOTAL; at += 650) all.push([at, 650]);
          for (const [from, wanted] of all) {
            const length = Math.min(wanted, TOTAL - from);
            const fin = from + length === TOTAL;
            s.inject({
              flags: fin ? TCP_FIN | TCP_ACK : TCP_ACK,
              seq: 1 + from,
              ack: 1,
              data: pattern(from, length),
            });
            known.fill(1, from, from + length);
            finKnown ||= fin;
            while (edge < TOTAL && known[edge] === 1) edge += 1;
            const expected = edge + (edge === TOTAL && finKnown ? 1 : 0);
            const acks = s.egress();
            for (const ack of acks) expect(ack.ack).toBe(1 + expected);
            for (const ack of acks) {
              for (const [left, right] of ack.sack) {
                // What is reported is there (duplicate reports may lie below the ACK).
                for (let i = left - 1; i < Math.min(right - 1, TOTAL); i += 1) {
                  expect(known[i]).toBe(1);
                }
              }
            }
          }
          s.host.tcp.resume(tcb);
          expect(Buffer.from(s.host.of(tcb).bytes)).toEqual(Buffer.from(pattern(0, TOTAL)));
          expect(s.host.of(tcb).ended).toBe(1);
          s.host.tcp.abort(tcb, s.nowNs);
          s.assertClean();
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a small window cuts every shape and loses nothing', () => {
    fc.assert(
      fc.property(
        fc.array(piece(TOTAL, 1400), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1024, max: 2000 }),
        (pieces, window) => {
          const s = new Script({
            frames: 512,
            config: { receiveBufferBytes: window, receiveBufferBytesMax: window },
          });
          const tcb = s.accept({ mss: 1460, sackPermitted: true });
          let edge = 1;
          let next = 0;
          const check = (seq: number, length: number): void => {
            for (const c of s.send({ seq, ack: 1, data: length })) {
              expect(c.ack + c.window).toBeGreaterThanOrEqual(edge);
              edge = c.ack + c.window;
              next = c.ack - 1;
            }
          };
          for (const [from, wanted] of pieces) check(1 + from, Math.min(wanted, TOTAL - from));
          for (let i = 0; next < TOTAL && i < 100; i += 1) {
            check(1 + next, Math.min(500, TOTAL - next));
            for (const c of s.advance(30 * MS)) next = c.ack - 1;
          }
          expect(Buffer.from(s.host.of(tcb).bytes)).toEqual(Buffer.from(pattern(0, TOTAL)));
          s.host.tcp.abort(tcb, s.nowNs);
          s.assertClean();
        },
      ),
      { numRuns: 150 },
    );
  });
});
