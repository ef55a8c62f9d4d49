import { expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import fc from 'fast-check';
import { Journal } from './journal.ts';
import { MemoryStorage } from './memory-storage.ts';

const record = fc.record({ bytes: fc.uint8Array({ maxLength: 200 }), type: fc.nat(65_535) });
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: record,
  },
  { weight: 2, arbitrary: fc.constant('commit' as const) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
  { weight: 1, arbitrary: fc.constant('maintain' as const) },
);

test('a journal gives back what was appended, across batches, segments and restarts', () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 120 }),
      fc.constantFrom('async' as const, 'group-commit' as const),
      (actions, policy) => {
        const storage = new MemoryStorage();
        const options = { storage, policy, segmentBytes: 2_048, batchBytes: 512 };
        const model: { bytes: Uint8Array; type: number }[] = [];
        let journal = Journal.open(options);
        for (const step of actions) {
          if (step === 'commit') expect(journal.commit()).toBe(Status.Ok);
          else if (step === 'maintain') expect(journal.maintain()).toBeGreaterThanOrEqual(0);
          else if (step === 'restart') {
            expect(journal.close()).toBe(Status.Ok);
            journal = Journal.open(options);
            expect(journal.durableSequence).toBe(model.length);
          } else {
            const { bytes, type } = step;
            const sequence = model.length + 1;
            let status = journal.append(bytes, 0, bytes.length, sequence, type);
            if (status === Status.Again) {
              expect(journal.commit()).toBe(Status.Ok);
              status = journal.append(bytes, 0, bytes.length, sequence, type);
            }
            expect(status).toBe(Status.Ok);
            model.push(step);
          }
        }
        journal.commit();
        const reader = journal.reader(1);
        for (const [index, { bytes, type }] of model.entries()) {
          expect(reader.next()).toBe(true);
          expect(reader.sequence).toBe(index + 1);
          expect(reader.type).toBe(type);
          const read = reader.bytes.slice(reader.at, reader.at + reader.length);
          expect([...read]).toEqual([...bytes]);
        }
        expect(reader.next()).toBe(false);
      },
    ),
    { numRuns: 150 },
  );
});
