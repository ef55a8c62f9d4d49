// @hot
/**
 * Assertions that stay on in production.
 *
 * The message is always a literal: a template literal is built eagerly, before the condition is
 * looked at, and made a tight loop ten times slower when it was measured. Details belong in a
 * separate branch that calls {@link fail}.
 *
 * @module
 */

/** Thrown when the program itself is wrong; never thrown for what a peer or a user did. */
export class AssertionError extends Error {
  override readonly name: string = 'AssertionError';
}

/** Throws {@link AssertionError} with `message`. @cold */
export function fail(message: string): never {
  throw new AssertionError(message);
}

/**
 * Throws {@link AssertionError} when `condition` is false.
 *
 * @example
 * ```ts
 * assert(length <= MTU_MAX, 'frame longer than the largest MTU');
 * ```
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}
