import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Script } from './testing/scripted-peer.ts';
import type { Tcb } from './tcb.ts';

/** A connection with SACK, with timestamps or without. */
function sacking(timestamps: boolean): { s: Script; tcb: Tcb } {
  const s = new Script();
  const tcb = s.accept({ mss: 1460, sackPermitted: true, ...(timestamps ? { tsVal: 1 } : {}) });
  return { s, tcb };
}

/** Bytes of a piece in the property below. */
const PIECE = 600;

/** What a receiver that has these pieces, but not the first, must have reported. */
function runsOf(known: Set<number>): string[] {
  const runs: string[] = [];
  for (let at = 1; at <= 64; at += 1) {
    if (!known.has(at) || known.has(at - 1)) continue;
    let end = at;
    while (known.has(end)) end += 1;
    runs.push(`${1 + at * PIECE}-${1 + end * PIECE}`);
  }
  return runs;
}

describe('reports of a burst', () => {
  test('six holes in one burst take two ACKs, the latest arrival comes last (RFC 2018, 4)', () => {
    const { s } = sacking(false);
    for (let i = 1; i <= 6; i += 1) s.inject({ seq: 1 + i * 1000, ack: 1, data: 100 });
    const acks = s.egress();
    expect(acks.map((c) => c.sack.map(([left]) => left))).toEqual([
      [4001, 3001, 2001, 1001],
      [6001, 5001, 4001, 3001],
    ]);
    expect(acks.every((c) => c.ack === 1)).toBe(true);
  });

  test('what fits into one ACK takes one', () => {
    const { s } = sacking(true);
    for (let i = 1; i <= 3; i += 1) s.inject({ seq: 1 + i * 1000, ack: 1, data: 100 });
    expect(s.egress()).toHaveLength(1);
    // The same holes again, a little smaller: three blocks have news, and that is one ACK.
    for (let i = 1; i <= 3; i += 1) s.inject({ seq: 101 + i * 1000, ack: 1, data: 100 });
    expect(s.egress()).toHaveLength(1);
  });

  test('duplicates of one burst are reported one by one (RFC 2883, 4)', () => {
    const { s } = sacking(true);
    s.send({ seq: 1, ack: 1, data: 3000 });
    for (const seq of [1, 1001, 2001]) s.inject({ seq, ack: 1, data: 500 });
    expect(s.egress().map((c) => c.sack)).toEqual([[[1, 501]], [[1001, 1501]], [[2001, 2501]]]);
    expect(s.host.tcp.counters.dsackSent).toBe(3);
  });

  test('an original that its repetition overtook is reported (RFC 2883, 4; RFC 7323, 5.3)', () => {
    const { s } = sacking(true);
    s.send({ seq: 1, ack: 1, data: 1000, tsVal: 9 });
    // Late, and its timestamp is older than the latest: PAWS drops it.
    const acks = s.send({ seq: 1, ack: 1, data: 1000, tsVal: 5 });
    expect(s.host.tcp.counters.pawsRejected).toBe(1);
    expect(acks.map((c) => c.sack)).toEqual([[[1, 1001]]]);
    // What has not come is not reported, whatever its age.
    const ahead = s.send({ seq: 2001, ack: 1, data: 1000, tsVal: 5 });
    expect(ahead.map((c) => c.sack)).toEqual([[]]);
  });

  test('a device without room puts the second report off', () => {
    const { s } = sacking(false);
    for (let i = 1; i <= 6; i += 1) s.inject({ seq: 1 + i * 1000, ack: 1, data: 100 });
    s.host.roomLeft = 1;
    expect(s.egress()).toHaveLength(1);
    s.host.roomLeft = 100;
    expect(s.egress().map((c) => c.sack[0]![0])).toEqual([6001]);
    expect(s.egress()).toEqual([]);
  });

  test('each run is reported as it is at the end of its burst, whatever came (RFC 2018, 4)', () => {
    const segment = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(
        fc.array(fc.array(segment, { minLength: 1, maxLength: 16 }), { maxLength: 12 }),
        fc.boolean(),
        (bursts, timestamps) => {
          const { s, tcb } = sacking(timestamps);
          const known = new Set<number>();
          let before: string[] = [];
          for (const burst of bursts) {
            for (const [at, count] of burst) {
              s.inject({ seq: 1 + at * PIECE, ack: 1, data: count * PIECE });
              for (let i = at; i < at + count; i += 1) known.add(i);
            }
            const told = s.egress().flatMap((c) => c.sack.map((block) => block.join('-')));
            const now = runsOf(known);
            for (const run of now) if (!before.includes(run)) expect(told).toContain(run);
            expect(tcb.ooFresh).toBe(0);
            before = now;
          }
          // The hole in front of all is filled.
          s.send({ seq: 1, ack: 1, data: PIECE });
          expect(tcb.ooFresh).toBe(0);
          s.host.tcp.abort(tcb, s.nowNs);
          s.assertClean();
        },
      ),
      { numRuns: 200 },
    );
  });
});
