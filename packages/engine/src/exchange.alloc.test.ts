import { expect, test } from 'bun:test';
import { join } from 'node:path';

const PROBE = join(import.meta.dir, '../test/garbage-probe.ts');

/**
 * Collections of a child process while it carries a million messages, from the log of JSC
 * (`heapStats()` does not count fresh garbage).
 */
function collections(mode: string): number {
  const child = Bun.spawnSync([process.execPath, PROBE, mode], {
    env: { ...process.env, BUN_JSC_logGC: '1' },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const log = child.stderr.toString();
  if (!child.success) throw new Error(log.slice(-500));
  const from = log.indexOf('steady');
  const to = log.lastIndexOf('done');
  if (from < 0 || to < from) throw new Error('The probe did not print its marks');
  return log.slice(from, to).split('Requesting GC').length - 1;
}

test('an order makes no garbage from client to book and back, and on the feed', () => {
  // Half an object per message is seen, so nothing that is made for each message escapes.
  expect(collections('control')).toBeGreaterThan(0);
  expect(collections('exchange')).toBe(0);
}, 60_000);
