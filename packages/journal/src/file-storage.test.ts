import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetError, Prng, Status } from '@tickwire/base';
import { appendRecords, verifyRecords } from '../test/records.ts';
import { FileStorage } from './file-storage.ts';
import { Journal } from './journal.ts';
import type { JournalPolicy } from './options.ts';
import { JournalReader } from './reader.ts';
import { recover } from './recovery.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tickwire-journal-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function open(path: string, policy: JournalPolicy): Journal {
  const storage = new FileStorage(path);
  return Journal.open({ storage, policy, segmentBytes: 65_536, batchBytes: 8_192 });
}

/**
 * Runs the child until it has said enough, kills it with -9 at once, returns the last thing it
 * said.
 */
async function runAndKill(path: string, policy: JournalPolicy, linesMin: number): Promise<number> {
  const script = new URL('../test/kill-writer.ts', import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, script, path, policy], {
    stdout: 'pipe',
    stderr: 'inherit',
  });
  let text = '';
  let lines = 0;
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    lines = text.split('\n').length - 1;
    if (lines >= linesMin && !child.killed) child.kill('SIGKILL');
  }
  await child.exited;
  return Number(text.split('\n').at(-2) ?? 0);
}

describe('a journal on files', () => {
  test.each(['async', 'group-commit'] as const)(
    'kill -9 under %s loses nothing that was released, six times over',
    async (policy) => {
      const seed = 20_261;
      const prng = new Prng(seed);
      const path = join(root, `kill-${policy}`);
      let before = 0;
      for (let life = 0; life < 6; life++) {
        const released = await runAndKill(path, policy, 1 + prng.nextBelow(400));
        expect(released).toBeGreaterThan(before);
        // Read without a writer: the next child finds what the kill left, not an orderly end.
        const storage = new FileStorage(path);
        const found = recover(storage)!;
        const last = verifyRecords(new JournalReader(storage, found.segments, 1), 1);
        expect(last).toBe(found.lastSequence);
        expect(last).toBeGreaterThanOrEqual(released);
        before = last;
      }
    },
    60_000,
  );

  test('a second writer in the same process and in another one is refused', async () => {
    const path = join(root, 'locked');
    using journal = open(path, 'group-commit');
    expect(journal.nextSequence).toBe(1);
    let code = '';
    try {
      open(path, 'group-commit');
    } catch (error) {
      code = (error as NetError).code;
    }
    expect(code).toBe('EADDRINUSE');
    const script = new URL('../test/kill-writer.ts', import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, script, path, 'group-commit'], { stderr: 'pipe' });
    expect(await new Response(child.stderr).text()).toContain('has another writer');
    expect(await child.exited).not.toBe(0);
  });

  test('async makes everything durable in the other thread', () => {
    const path = join(root, 'async');
    using journal = open(path, 'async');
    appendRecords(journal, 20);
    expect(journal.commit()).toBe(Status.Ok);
    while (journal.durableSequence < 20) expect(journal.maintain()).toBeGreaterThanOrEqual(0);
    expect(journal.durableSequence).toBe(20);
  });

  test('rotates and restarts on a real file system', () => {
    const path = join(root, 'rotate');
    let last = 0;
    for (let life = 0; life < 3; life++) {
      using journal = open(path, 'group-commit');
      expect(verifyRecords(journal.reader(1), 1)).toBe(last);
      for (let i = 0; i < 40; i++) {
        appendRecords(journal, 100);
        expect(journal.commit()).toBe(Status.Ok);
        journal.maintain();
      }
      last = journal.durableSequence;
    }
    expect(last).toBe(12_000);
  });

  test('a directory that cannot be made is a typed error that says so', () => {
    const make = (): FileStorage => new FileStorage('/proc/tickwire');
    expect(make).toThrow(NetError);
    expect(make).toThrow('cannot create the directory /proc/tickwire');
  });
});
