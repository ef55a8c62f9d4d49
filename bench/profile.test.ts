import { expect, test } from 'bun:test';
import { foldProfile, renderProfile } from './profile.ts';

function node(id: number, functionName: string, children: number[]) {
  return { id, callFrame: { functionName, url: `/somewhere/${functionName}.ts` }, children };
}

test('foldProfile() counts self time below one stage, by function', () => {
  const nodes = [
    node(1, 'root', [2, 5]),
    node(2, 'stage', [3, 4]),
    node(3, 'inner', [6]),
    node(4, '', []),
    node(5, 'other', [7]),
    node(6, 'leaf', []),
    // The same function below another stage does not count.
    node(7, 'leaf', []),
  ];
  const samples = [1, 2, 3, 6, 6, 6, 4, 7, 7, 5, 6, 6];
  const rows = foldProfile({ nodes, samples }, 'stage');
  expect(rows.map(({ name, file, share }) => [name, file, share])).toEqual([
    ['leaf', 'leaf.ts', 5 / 8],
    ['stage', 'stage.ts', 1 / 8],
    ['inner', 'inner.ts', 1 / 8],
    ['(anonymous)', '.ts', 1 / 8],
  ]);
  expect(renderProfile(rows)).toContain('| 62.5 % | `leaf` | leaf.ts |');
});

test('renderProfile() sums up what is small', () => {
  const rows = [
    { name: 'a', file: 'a.ts', share: 0.99 },
    { name: 'b', file: 'b.ts', share: 0.006 },
    { name: 'c', file: 'c.ts', share: 0.004 },
  ];
  expect(renderProfile(rows).split('\n').at(-1)).toBe('| 1.0 % | 2 others | |');
});
