/**
 * Every example runs, by itself, in a process of its own, and says something.
 */

import { describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './support/source.ts';

/** An example is a demonstration, not a benchmark. */
const EXAMPLE_MS_MAX = 30_000;

/** Runs one file with Bun; returns what is wrong with it. */
async function exampleFaults(path: string): Promise<string[]> {
  const child = Bun.spawn([process.execPath, path], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: EXAMPLE_MS_MAX,
    killSignal: 'SIGKILL',
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const faults: string[] = [];
  if (child.signalCode !== null) faults.push(`${path}: took more than ${EXAMPLE_MS_MAX} ms`);
  else if (child.exitCode !== 0) faults.push(`${path}: ended with ${child.exitCode}: ${err}`);
  if (out.trim() === '') faults.push(`${path}: says nothing on stdout`);
  return faults;
}

const examples = [...new Bun.Glob('examples/*.ts').scanSync({ cwd: root })]
  .filter((path) => !path.endsWith('.test.ts'))
  .toSorted();

describe('examples', () => {
  const readme = join(root, 'README.md');
  const text = existsSync(readme) ? readFileSync(readme, 'utf8') : '';
  const named = [...new Set(text.match(/\bexamples\/[\w-]+\.ts\b/g))];

  test('named in the README exist', () => {
    expect(named.filter((path) => !examples.includes(path))).toEqual([]);
    // A README that speaks of examples while there is none promises too much.
    if (examples.length === 0) expect(text).not.toContain('examples/');
  });

  if (examples.length === 0) console.warn('examples/ holds no example yet: nothing to run');
  for (const path of examples) {
    test(`${path} runs and says something`, async () => {
      expect(await exampleFaults(path)).toEqual([]);
    });
  }
});

describe('exampleFaults()', () => {
  const faultsOf = async (code: string): Promise<string[]> => {
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-example-'));
    try {
      const path = join(folder, 'a.ts');
      writeFileSync(path, code);
      return await exampleFaults(path);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test('accepts an example that ends well and says something', async () => {
    expect(await faultsOf("console.log('hello');\n")).toEqual([]);
  });

  test.each([
    ['a failure', "console.log('hello');\nprocess.exit(3);\n"],
    ['an exception', "console.log('hello');\nthrow new Error('no');\n"],
    ['silence', 'export {};\n'],
  ])('refuses %s', async (_title, code) => {
    expect(await faultsOf(code)).toHaveLength(1);
  });
});
