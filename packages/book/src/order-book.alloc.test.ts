import { expect, test } from 'bun:test';
import { join } from 'node:path';

const probe = join(import.meta.dir, '../test/garbage-probe.ts');

/** Collections that a child process asks for in 1.5 million messages, from the log of JSC. */
function collections(name: string): number {
  const child = Bun.spawnSync([process.execPath, probe, name], {
    env: { ...process.env, BUN_JSC_logGC: '1' },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const log = child.stderr.toString() + child.stdout.toString();
  if (!child.success) throw new Error(log.slice(-500));
  const from = log.indexOf('steady');
  const to = log.lastIndexOf('done');
  if (from < 0 || to < from) throw new Error('the probe did not print its marks');
  return log.slice(from, to).split('Requesting GC').length - 1;
}

test('apply() leaves no garbage in 1.5 million messages', () => {
  expect(collections('control')).toBeGreaterThan(2);
  // One collection may fall between the marks from what the start left behind.
  expect(collections('book')).toBeLessThanOrEqual(1);
});
