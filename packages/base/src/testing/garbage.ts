/**
 * Does a piece of code make garbage? For `*.alloc.test.ts`.
 *
 * `heapStats()` does not count fresh garbage: 300,000 dropped objects leave it as it was. What does
 * tell is whether the collector ran: it does so only when garbage piles up, and then objects that
 * nobody holds are gone.
 *
 * @module
 */

/** Objects that die with the first collection. One would do; many make it independent of luck. */
const CANARIES = 1000;

/**
 * Attempts before garbage is believed: the compiler's own allocations can start a collection in the
 * first, code that makes garbage starts one in each.
 */
const ATTEMPTS = 3;

/**
 * Runs `work` and says whether the garbage collector ran meanwhile, in each of three attempts.
 * `work` must do enough that one object for each operation would make it run: it starts at 8 to 32
 * MB, so two million operations are enough.
 *
 * @example
 * ```ts
 * warmUp();
 * expect(await collectsDuring(() => run(1_000_000))).toBe(false);
 * ```
 */
export async function collectsDuring(work: () => void): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (!(await collectsOnce(work))) return false;
  }
  return true;
}

async function collectsOnce(work: () => void): Promise<boolean> {
  for (;;) {
    // What came before must not add up to a collection.
    Bun.gc(true);
    const canaries: WeakRef<object>[] = [];
    for (let i = 0; i < CANARIES; i += 1) canaries.push(new WeakRef({ i }));
    // A WeakRef keeps its target until the end of the job that made it.
    await new Promise((resolve) => setTimeout(resolve, 0));
    // Bun may collect between two jobs, for what came before: begin again. Asking keeps the target
    // alive for this job, so one canary is asked and no longer counts.
    if (canaries.pop()?.deref() === undefined) continue;
    work();
    return canaries.some((canary) => canary.deref() === undefined);
  }
}
