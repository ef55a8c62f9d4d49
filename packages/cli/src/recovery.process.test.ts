/**
 * A journal that an ended process left behind, as a user goes on with it.
 */

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish, resultOf, start } from '../test/process.ts';

// Whole runs, on machines that have other things to do.
setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'tickwire-recovery-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ORDERS = 3000;

function runOn(directory: string, ...more: readonly string[]): ReturnType<typeof finish> {
  const size = ['--orders', String(ORDERS), '--warmup', '500', '--rate', '20k'];
  return finish(start(['exchange', ...size, '--json', '--journal-dir', directory, ...more]));
}

describe('exchange --journal-dir on a journal', () => {
  test('goes on after kill -9: nothing lost, the replay covers the whole journal', async () => {
    const directory = join(folder, 'killed');
    const load = ['--rate', '5k', '--duration', '1h', '--warmup', '0', '--sessions', '6'];
    const child = start(['exchange', ...load, '--journal-dir', directory, '--keep']);
    const reader = child.stderr.getReader();
    // The third line of progress is two seconds into the run.
    for (let text = ''; text.split('\n').length < 4;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    child.kill('SIGKILL');
    expect(await child.exited).not.toBe(0);

    let records = 0;
    for (const threads of ['1', '3']) {
      const { code, out, err } = await runOn(directory, '--threads', threads);
      const result = resultOf(out);
      expect(err).toMatch(/Recovered [\d,]+ inputs of earlier runs by replay, [\d,]+ torn bytes/);
      expect(result).toMatchObject({ orders: ORDERS, lost: 0, multicastLost: 0, ok: true });
      expect(result.rejectsByReason).not.toHaveProperty('DuplicateOrderId');
      expect(result.replay.equal).toBe(true);
      expect(result.replay.records).toBeGreaterThan(records + ORDERS);
      records = result.replay.records - 1;
      expect(code).toBe(0);
      const replayed = await finish(start(['replay-journal', directory, '--json']));
      expect(JSON.parse(replayed.out)).toMatchObject({
        records: result.replay.records,
        stateHash: result.replay.stateHash,
      });
    }
  });

  test('refuses a recording whose quantities need other rules of the book', async () => {
    const directory = join(folder, 'rules');
    expect((await runOn(directory)).code).toBe(0);
    const large = join(folder, 'large.csv');
    writeFileSync(large, '34200.1,1,5,2000000000,5853300,1\n34200.2,1,6,1,5853300,1\n');
    const { code, err } = await runOn(directory, '--replay', large, '--arrivals', 'constant');
    expect(err).toContain('need a book with rules of its own');
    expect(code).toBe(1);
  });

  test('leaves a folder of something else alone', async () => {
    const directory = join(folder, 'foreign');
    mkdirSync(directory);
    writeFileSync(join(directory, 'letter.txt'), 'dear');
    const { code, err } = await runOn(directory);
    expect(err).toContain(`${directory} is not empty and holds no journal`);
    expect(code).toBe(1);
    expect(readdirSync(directory)).toEqual(['letter.txt']);
  });
});

describe('replay-journal', () => {
  test.each(['empty', 'foreign', 'file', 'gone'])('names a place without one: %s', async (name) => {
    const path = join(folder, `replay-${name}`);
    if (name === 'empty' || name === 'foreign') mkdirSync(path);
    if (name === 'foreign') writeFileSync(join(path, 'letter.txt'), 'dear');
    if (name === 'file') writeFileSync(path, 'dear');
    const { code, out, err } = await finish(start(['replay-journal', path]));
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toContain(path);
    expect(err).not.toContain('ERR_TW_CLOSED');
    expect(err.trim().split('\n')).toHaveLength(1);
    if (name === 'empty') expect(readdirSync(path)).toEqual([]);
    if (name === 'foreign') expect(readdirSync(path)).toEqual(['letter.txt']);
  });
});
