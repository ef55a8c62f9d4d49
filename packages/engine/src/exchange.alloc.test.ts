import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { collectionsOf } from '@tickwire/base/testing';

const PROBE = join(import.meta.dir, '../test/garbage-probe.ts');

test('an order makes no garbage from client to book and back, and on the feed', () => {
  // Half an object per message is seen, so nothing that is made for each message escapes.
  expect(collectionsOf(PROBE, 'control')).toBeGreaterThan(0);
  expect(collectionsOf(PROBE, 'exchange')).toBe(0);
}, 60_000);
