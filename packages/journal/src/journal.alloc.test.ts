import { heapStats } from 'bun:jsc';
import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStorage } from './file-storage.ts';
import { Journal } from './journal.ts';

function run(journal: Journal, bytes: Uint8Array, batches: number): void {
  for (let batch = 0; batch < batches; batch++) {
    for (let i = 0; i < 32; i++) {
      if (journal.append(bytes, 0, 48, journal.nextSequence, 1) < 0) throw new Error('append');
    }
    if (journal.commit() < 0) throw new Error('commit');
  }
}

test('append and commit leave no garbage in 640,000 records', () => {
  const path = mkdtempSync(join(tmpdir(), 'tickwire-journal-'));
  try {
    const storage = new FileStorage(path);
    // Async without maintain(): the system calls of the hot path, not the disk.
    using journal = Journal.open({ storage, policy: 'async' });
    const bytes = new Uint8Array(48).fill(7);
    run(journal, bytes, 2_000);
    Bun.gc(true);
    const before = heapStats().heapSize;
    run(journal, bytes, 20_000);
    const grown = heapStats().heapSize - before;
    // One 16-byte object per record would be 10 MB, one per commit 320 kB.
    expect(grown).toBeLessThan(200_000);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
});
