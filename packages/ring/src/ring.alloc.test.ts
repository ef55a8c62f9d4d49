import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { collectionsOf } from '@tickwire/base/testing';

const PROBE = join(import.meta.dir, '../test/garbage-probe.ts');

test('claim, publish, wait and release leave no garbage in 16 million messages', () => {
  // One object per batch is seen, so nothing as large as that escapes.
  expect(collectionsOf(PROBE, 'control')).toBeGreaterThan(0);
  expect(collectionsOf(PROBE, 'ring')).toBe(0);
});
