/**
 * Counts the collections of a child process: JSC logs each one under `BUN_JSC_logGC`, whereas heap
 * sizes read inside a process do not move when short-lived objects come and go.
 *
 * @module
 */

/**
 * Runs `script` with `args` under Bun. The script prints `steady` on stderr when it has warmed up
 * and `done` when it has finished. For `*.alloc.test.ts`, beside a control that makes garbage.
 *
 * @returns the collections that allocation asked for between the two.
 *
 * @example
 * ```ts
 * expect(collectionsOf(probe, 'control')).toBeGreaterThan(0);
 * expect(collectionsOf(probe, 'ring')).toBe(0);
 * ```
 */
export function collectionsOf(script: string, ...args: readonly string[]): number {
  return countCollections({}, script, args);
}

/** Bytes after which a strict probe is collected; otherwise it is 8 MB and more. */
const STRICT_BYTES = '20000';

/**
 * As {@link collectionsOf}, with a collection after each 20 kB: a few hundred objects show, where
 * rare events cannot make millions. The optimising compiler is off, because what it makes for
 * itself, whenever it likes, would be counted too; and nothing is allocated away.
 *
 * @example
 * ```ts
 * expect(strictCollectionsOf(probe, 'control')).toBeGreaterThan(0);
 * expect(strictCollectionsOf(probe, 'timeouts')).toBe(0);
 * ```
 */
export function strictCollectionsOf(script: string, ...args: readonly string[]): number {
  const env = { BUN_JSC_gcMaxHeapSize: STRICT_BYTES, BUN_JSC_useDFGJIT: '0' };
  return countCollections(env, script, args);
}

function countCollections(
  env: Readonly<Record<string, string>>,
  script: string,
  args: readonly string[],
): number {
  const child = Bun.spawnSync([process.execPath, script, ...args], {
    env: { ...process.env, BUN_GC_TIMER_DISABLE: '1', ...env, BUN_JSC_logGC: '1' },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const log = child.stderr.toString() + child.stdout.toString();
  if (!child.success) throw new Error(`${script} ${args.join(' ')} failed: ${log.slice(-500)}`);
  const from = log.indexOf('steady');
  const to = log.lastIndexOf('done');
  if (from < 0 || to < from) throw new Error('The probe did not print its marks');
  return log.slice(from, to).split('Requesting GC').length - 1;
}
