/**
 * Every packet script of `scripts/`, one test each. A script with `expect-fail` must fail: the day
 * on which it passes, this suite says so.
 */

import { describe, expect, test } from 'bun:test';
import { dirname } from 'node:path';
import {
  findScripts,
  isForBothFamilies,
  loadScripts,
  runScript,
  type Script,
  scriptTitle,
} from './index.ts';

const scripts = findScripts().flatMap((path) => loadScripts(path));
const folders = [...new Set(scripts.map((script) => dirname(script.file)))];

describe.each(folders)('packet scripts of RFC %s', (folder) => {
  for (const script of scripts) {
    if (dirname(script.file) !== folder) continue;
    const { expectFail } = script.header;
    const suffix = expectFail === undefined ? '' : ` - expected to fail: ${expectFail}`;
    test(`${scriptTitle(script)}${suffix}`, () => {
      const result = runScript(script);
      if (expectFail === undefined) expect(result.failure).toBeUndefined();
      else if (result.ok) {
        throw new Error(`${script.file} passes; take its expect-fail line away`);
      }
    });
  }
});

describe('packet scripts over IPv6', () => {
  for (const script of scripts.filter(isForBothFamilies)) {
    const { expectFail } = script.header;
    test(`${scriptTitle(script)} over IPv6`, () => {
      const { ok, failure } = runScript(script, 6);
      if (expectFail === undefined) expect(failure).toBeUndefined();
      else expect(ok).toBe(false);
    });
  }

  test('are most of those that are about TCP', () => {
    const isTcp = ({ events }: Script): boolean =>
      events.some(({ what }) => what.kind === 'inbound' && what.packet.kind === 'tcp');
    const tcp = scripts.filter(isTcp);
    expect(tcp.filter(isForBothFamilies).length).toBeGreaterThan(tcp.length * 0.8);
  });
});

test('titles are unique', () => {
  const titles = scripts.map(scriptTitle);
  expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
});
