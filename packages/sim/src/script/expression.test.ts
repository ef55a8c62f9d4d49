/** Expressions of assertions. */

import { expect, test } from 'bun:test';
import { evaluate, namesIn } from './expression.ts';

const lookup = (name: string): number => {
  if (name === 'a') return 6;
  if (name === 'b.c') return 3;
  throw new Error(`unknown ${name}`);
};

test.each([
  ['1 + 2 * 3', 7],
  ['(1 + 2) * 3', 9],
  ['a == 6 && b.c != 6', 1],
  ['a < b.c || a >= 6', 1],
  ['!(a > 5)', 0],
  ['-a + 10 % 4', -4],
  ['a / b.c', 2],
  ['a & 2', 2],
  ['0.5 * a', 3],
])('evaluate() of "%s" is %d', (text, value) => {
  expect(evaluate(text, lookup)).toBe(value);
});

test.each(['1 +', '(1', '1 2', 'a $ 1', 'unknown'])('evaluate() refuses "%s"', (text) => {
  expect(() => evaluate(text, lookup)).toThrow();
});

test('namesIn() names each name once', () => {
  expect(namesIn('a == b.c && a > 1')).toEqual(['a', 'b.c']);
});
