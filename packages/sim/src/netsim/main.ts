/**
 * `bun packages/sim/src/netsim/main.ts`: runs the whole matrix and writes `netsim/goodput.md` and
 * `netsim/goodput.json` of this package.
 *
 * @module
 */

import { join } from 'node:path';
import { matrixMarkdown, runMatrix } from './matrix.ts';

const folder = join(import.meta.dir, '..', '..', 'netsim');
const file = runMatrix((done, total) => {
  if (done % 10 === 0) process.stderr.write(`${done} of ${total}\n`);
});
await Bun.write(join(folder, 'goodput.json'), `${JSON.stringify(file, undefined, 1)}\n`);
await Bun.write(join(folder, 'goodput.md'), matrixMarkdown(file));
