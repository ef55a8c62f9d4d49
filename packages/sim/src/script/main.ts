/**
 * `bun packages/sim/src/script/main.ts FILE...`: runs scripts and prints what happened. Without
 * files it runs all scripts and prints failures only. Ends with status 1 when one is not as it
 * should be.
 *
 * @module
 */

import { resolve } from 'node:path';
import { findScripts, loadScripts, scriptTitle } from './load-script.ts';
import { runScript } from './run-script.ts';

const files = process.argv.slice(2);
let passed = 0;
let failed = 0;
let expected = 0;
const write = (text: string): void => void process.stdout.write(`${text}\n`);
for (const path of files.length > 0 ? files.map((file) => resolve(file)) : findScripts()) {
  for (const script of loadScripts(path)) {
    const result = runScript(script);
    const wanted = script.header.expectFail === undefined;
    if (result.ok && wanted) passed += 1;
    else if (!result.ok && !wanted) expected += 1;
    else failed += 1;
    if (files.length > 0) write(`# ${scriptTitle(script)}\n${result.trace.join('\n')}`);
    if (result.ok === wanted) continue;
    write(result.failure ?? `${script.file}: passes; take its expect-fail line away`);
  }
}
write(`${passed} passed, ${failed} failed, ${expected} failed as expected`);
process.exit(failed > 0 ? 1 : 0);
