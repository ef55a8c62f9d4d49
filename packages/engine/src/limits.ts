/**
 * Sizes of the pipeline that nobody needs to set.
 *
 * @module
 */

/**
 * Inputs of one batch at most: one commit of the journal each. More would only make the first of
 * them wait for the last.
 */
export const BATCH_MAX = 1024;

/**
 * Rest of an idle thread before it looks at its control words: 20 ms, so that an idle exchange
 * costs a hundred wake-ups a second and a question to a thread is answered at once for a human.
 */
export const IDLE_WAIT_NS = 20_000_000;

/** A full input ring is looked at again after this: about the time of a batch. */
export const CLAIM_WAIT_NS = 1_000_000;

/** A thread that does not start within this is given up: ten seconds. */
export const START_TIMEOUT_NS = 10_000_000_000;

/** A thread that does not end within this is terminated: ten seconds. */
export const STOP_TIMEOUT_NS = 10_000_000_000;

/** The watch over stages that do not move looks this often: a quarter of a second. */
export const WATCH_INTERVAL_NS = 250_000_000;
