import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROBE = join(import.meta.dir, '../test/garbage-probe.ts');

/**
 * Collections of a child process while it appends and commits, from the log of JSC.
 * (`heapStats()` is of no use: it does not count fresh garbage.)
 */
function collections(mode: string): number {
  const path = mkdtempSync(join(tmpdir(), 'tickwire-journal-'));
  try {
    const child = Bun.spawnSync([process.execPath, PROBE, path, mode], {
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
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

test('append() and commit() leave no garbage in 1.28 million records on files', () => {
  // One object per record is seen, so nothing as large as that escapes.
  expect(collections('control')).toBeGreaterThan(0);
  expect(collections('journal')).toBe(0);
});

test('commit() itself leaves no garbage in 500,000 commits', () => {
  expect(collections('commits')).toBe(0);
}, 20_000);
