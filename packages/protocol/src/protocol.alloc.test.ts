import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { collectionsOf } from '@tickwire/base/testing';

const probe = join(import.meta.dir, '../test/garbage-probe.ts');

test('the probe sees garbage where there is some', () => {
  expect(collectionsOf(probe, 'control')).toBeGreaterThan(5);
});

for (const name of ['decoder', 'generator', 'reporter']) {
  test(`${name} leaves no garbage in steady state`, () => {
    // One collection may fall between the marks from what the start left behind.
    expect(collectionsOf(probe, name)).toBeLessThanOrEqual(1);
  });
}
