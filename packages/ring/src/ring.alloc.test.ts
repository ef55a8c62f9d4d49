import { expect, test } from 'bun:test';
import { join } from 'node:path';

const PROBE = join(import.meta.dir, '../test/garbage-probe.ts');

/**
 * Collections of a child process while it carries 16 million messages, from the log of JSC.
 * (`heapStats()` is of no use: it does not count fresh garbage.)
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

test('claim, publish, wait and release leave no garbage in 16 million messages', () => {
  // One object per batch is seen, so nothing as large as that escapes.
  expect(collections('control')).toBeGreaterThan(0);
  expect(collections('ring')).toBe(0);
});
