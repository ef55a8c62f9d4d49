import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectionsOf } from '@tickwire/base/testing';

const PROBE = join(import.meta.dir, '../test/garbage-probe.ts');

/** Collections of a probe that appends and commits in a directory of its own. */
function collections(mode: string): number {
  const path = mkdtempSync(join(tmpdir(), 'tickwire-journal-'));
  try {
    return collectionsOf(PROBE, path, mode);
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
