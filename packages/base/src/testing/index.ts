/**
 * What the tests of several packages use.
 *
 * @packageDocumentation
 */

export { collectionsOf } from './collections.ts';
export { collectsDuring } from './garbage.ts';
