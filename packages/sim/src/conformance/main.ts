/**
 * `bun packages/sim/src/conformance/main.ts`: writes `docs/conformance.md`.
 *
 * @module
 */

import { join } from 'node:path';
import { collectEvidence, ROOT } from './collect.ts';
import { conformanceMarkdown } from './report.ts';

await Bun.write(join(ROOT, 'docs', 'conformance.md'), conformanceMarkdown(collectEvidence()));
