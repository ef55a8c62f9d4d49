/**
 * Child of the kill test: writes for ever and says after each commit what may be relied on.
 * Arguments: directory, policy.
 */

import { writeSync } from 'node:fs';
import { FileStorage, Journal, type JournalPolicy } from '../src/index.ts';
import { appendRecords } from './records.ts';

const [path = '', policy = ''] = process.argv.slice(2);
const journal = Journal.open({
  storage: new FileStorage(path),
  policy: policy as JournalPolicy,
  segmentBytes: 65_536,
  batchBytes: 8_192,
});
for (let round = 0; ; round++) {
  appendRecords(journal, 1 + (round % 40));
  if (journal.commit() < 0) throw journal.failure ?? new Error('commit failed');
  if (round % 3 === 0) journal.maintain();
  // A pipe takes so short a line whole; the parent believes only lines that end.
  writeSync(1, `${journal.releasableSequence}\n`);
}
