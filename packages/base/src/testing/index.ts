/**
 * What the tests of several packages use.
 *
 * @packageDocumentation
 */

export { collectsDuring } from './garbage.ts';
