/** The examples of docs/testing.md do what they say. */

import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { ROOT } from '../conformance/collect.ts';
import { parseScripts } from '../script/load-script.ts';
import { runScript } from '../script/run-script.ts';
import { Endpoint } from './endpoint.ts';

const text = await Bun.file(join(ROOT, 'docs', 'testing.md')).text();
const blocks = [...text.matchAll(/^```text\n([^]*?)^```/gm)].map((match) => match[1]!);

test('the script of docs/testing.md passes', () => {
  const script = blocks.find((block) => block.startsWith('title:'));
  expect(script).toBeDefined();
  for (const each of parseScripts(script!, 'docs/testing.md')) {
    expect(runScript(each).failure).toBeUndefined();
  }
});

test('the endpoint gives the replies of docs/testing.md', () => {
  const lines = blocks
    .find((block) => block.startsWith('> {'))!
    .trim()
    .split('\n');
  using endpoint = new Endpoint();
  expect(lines.length).toBeGreaterThan(10);
  for (let i = 0; i < lines.length; i += 2) {
    const reply = endpoint.handleLine(lines[i]!.slice(2));
    const wanted = lines[i + 1]!.slice(2);
    // `...` inside stands for what is left out.
    const pattern = wanted
      .split('...')
      .map((part) => RegExp.escape(part))
      .join('.*');
    expect(reply).toMatch(new RegExp(`^${pattern}$`));
  }
});
