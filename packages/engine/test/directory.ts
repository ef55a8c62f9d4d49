/**
 * A directory that is gone after the test.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Directory implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'tickwire-engine-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
