/**
 * A published workload through everything: file, TCP, gateway, journal, book, TCP, trader. The
 * SHA-256 over the reports that the trader receives is the published one.
 *
 * The data are not part of the repository: `TICKWIRE_DATA` names the folder that holds them.
 */

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cli } from '../../test/cli.ts';
import { resultOf } from '../../test/process.ts';

setDefaultTimeout(120_000);

const directory =
  process.env['TICKWIRE_DATA'] ?? resolve(import.meta.dir, '../../../../../shared/data');

/** Name of the scenario and its hash in `meb_correctness_hash.txt`. */
const WORKLOADS = [
  ['normal', 'e9b2e3926854410b01a035aeb25dd05f1e597c233be8263de9eb49b6713d367e', 62_474],
] as const;

describe.each(WORKLOADS)('the columnar workload %s', (name, sha256, fills) => {
  const path = join(directory, `meb_${name}_s23.col.gz`);
  const isMissing = !existsSync(path);
  if (isMissing) console.warn(`SKIPPED, ${path} is missing: set TICKWIRE_DATA`);

  test.skipIf(isMissing)('gives the published hash over TCP', async () => {
    const args = ['exchange', '--replay', path, '--rate', '1m', '--quiet', '--json'];
    const { code, out } = await cli(args);
    const result = resultOf(out);
    expect(result.reportSha256).toBe(sha256);
    expect(result).toMatchObject({ orders: 1_996_097, sessions: 1, fills, lost: 0 });
    expect(result.replay).toMatchObject({ equal: true, records: 1_996_097 });
    expect(code).toBe(0);
  });
});
