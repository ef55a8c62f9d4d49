/**
 * `bun packages/sim/src/script/main.ts FILE...`: runs scripts and prints what happened. Without
 * files it runs all scripts and prints failures only. `--ip=6` runs them over IPv6, those that say
 * the same there. Ends with status 1 when one is not as it should be.
 *
 * @module
 */

import { resolve } from 'node:path';
import { isForBothFamilies } from './family.ts';
import { findScripts, loadScripts, scriptTitle } from './load-script.ts';
import { runScript } from './run-script.ts';

const files = process.argv.slice(2).filter((word) => word !== '--ip=6');
const overIpv6 = process.argv.includes('--ip=6');
let passed = 0;
let failed = 0;
let expected = 0;
const write = (text: string): void => void process.stdout.write(`${text}\n`);
for (const path of files.length > 0 ? files.map((file) => resolve(file)) : findScripts()) {
  for (const script of loadScripts(path)) {
    if (overIpv6 && !isForBothFamilies(script)) continue;
    const result = overIpv6 ? runScript(script, 6) : runScript(script);
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
