/**
 * What the tests of several packages use.
 *
 * @packageDocumentation
 */

export { collectionsOf, strictCollectionsOf } from './collections.ts';
export { collectsDuring } from './garbage.ts';
export { type Band, type Chart, type Line, type Mark, type Panel, svgChart } from './svg-chart.ts';
