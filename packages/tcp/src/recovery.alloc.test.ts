import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { strictCollectionsOf } from '@tickwire/base/testing';

const probe = join(import.meta.dir, 'testing/rough-path.probe.ts');
/** Some seconds each with the optimising compiler off. */
const TIMEOUT_MS = 60_000;

// Each meets 4 % loss, reordering, duplication, darkness (timeouts, back-off, tail loss probes),
// stalls (spurious timeouts, undone by F-RTO, timestamps and DSACK), and a router that swallows
// large packets (black holes, probes). The probe fails when one of them was not met.
const sorts = [
  ['CUBIC', 'cubic'],
  ['BBR', 'bbr'],
  ['NewReno without SACK', 'reno'],
  ['CUBIC, paced, without timestamps, each segment by itself', 'single'],
] as const;

for (const [title, sort] of sorts) {
  test(
    `recovery makes no garbage: ${title}`,
    () => {
      expect(strictCollectionsOf(probe, sort)).toBe(0);
    },
    TIMEOUT_MS,
  );
}

test(
  'the probe notices one object per lost packet',
  () => {
    expect(strictCollectionsOf(probe, 'control')).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
