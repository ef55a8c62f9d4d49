/**
 * Child of the no-garbage test. Arguments: directory; `journal`, or `control`, which makes one
 * object per record; or `commits`, which commits every record alone.
 */

import { FileStorage, Journal } from '../src/index.ts';

const [path = '', mode = ''] = process.argv.slice(2);
const kept: { sequence: number; at: number }[] = [{ sequence: 0, at: 0 }];
const perBatch = mode === 'commits' ? 1 : 32;

function run(journal: Journal, bytes: Uint8Array, batches: number): void {
  for (let batch = 0; batch < batches; batch++) {
    for (let i = 0; i < perBatch; i++) {
      const sequence = journal.nextSequence;
      if (journal.append(bytes, 0, 48, sequence, 1) < 0) throw new Error('append');
      if (mode === 'control') kept[0] = { sequence, at: i };
    }
    if (journal.commit() < 0) throw new Error('commit');
  }
}

// Async: the system calls of the hot path without waiting for the disk. One segment for all.
using journal = Journal.open({
  storage: new FileStorage(path),
  policy: 'async',
  segmentBytes: 134_217_728,
});
const bytes = new Uint8Array(48).fill(7);
run(journal, bytes, 3_000);
Bun.gc(true);
console.error('steady');
run(journal, bytes, mode === 'commits' ? 500_000 : 40_000);
console.error('done');
