import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { collectionsOf } from '@tickwire/base/testing';

const probe = join(import.meta.dir, '../test/garbage-probe.ts');

test('apply() leaves no garbage in 1.5 million messages', () => {
  expect(collectionsOf(probe, 'control')).toBeGreaterThan(2);
  // One collection may fall between the marks from what the start left behind.
  expect(collectionsOf(probe, 'book')).toBeLessThanOrEqual(1);
});
