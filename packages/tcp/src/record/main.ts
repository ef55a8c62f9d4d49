/**
 * Writes `packages/tcp/src/tcb-record.ts` from `fields.ts`.
 *
 * @module
 */

import { join } from 'node:path';
import { layout } from './layout.ts';
import { recordSource } from './source.ts';

const path = join(import.meta.dir, '..', 'tcb-record.ts');
await Bun.write(path, recordSource());
const { fields, mainBytes, rareBytes } = layout();
process.stdout.write(
  `${fields.length} fields in ${mainBytes} bytes each and ${rareBytes} more for the rare\n`,
);
