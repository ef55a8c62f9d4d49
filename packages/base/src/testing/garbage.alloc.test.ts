import { expect, test } from 'bun:test';
import { collectsDuring } from './garbage.ts';

const OPERATIONS = 4_000_000;

test('collectsDuring() notices one object per operation', async () => {
  let last: object = {};
  const collected = await collectsDuring(() => {
    for (let i = 0; i < OPERATIONS; i += 1) last = { i, last: i };
  });
  expect(collected).toBe(true);
  expect(last).toHaveProperty('i', OPERATIONS - 1);
});

test('collectsDuring() is silent about arithmetic', async () => {
  let sum = 0;
  const collected = await collectsDuring(() => {
    for (let i = 0; i < OPERATIONS; i += 1) sum = (sum + i) | 0;
  });
  expect(collected).toBe(false);
  expect(sum).not.toBe(0);
});
