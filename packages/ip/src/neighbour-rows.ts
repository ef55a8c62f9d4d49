/**
 * The neighbour table as people read it.
 *
 * @module
 */

import { formatIpv4, formatIpv6, formatMac, IPV4_MAPPED_WORD } from '@tickwire/wire';
import { type Neighbours, NeighbourState } from './neighbours.ts';

/** A row of the neighbour table, for listings. */
export interface NeighbourRow {
  readonly address: string;
  /** Empty while it is not known. */
  readonly mac: string;
  /** Name of a `NeighbourState`, in lower case. */
  readonly state: string;
  /** Frames that wait for resolution. */
  readonly queuedFrames: number;
}

/** Lists the entries in use. */
export function listNeighbours(table: Neighbours): NeighbourRow[] {
  const rows: NeighbourRow[] = [];
  const names = Object.keys(NeighbourState) as (keyof typeof NeighbourState)[];
  for (let entry = 0; entry < table.index.capacity; entry += 1) {
    if (table.index.used[entry] === 0) continue;
    const at = entry * 4;
    const word0 = table.index.words[at]!;
    const word1 = table.index.words[at + 1]!;
    const word2 = table.index.words[at + 2]!;
    const word3 = table.index.words[at + 3]!;
    const state = table.state[entry]!;
    const isV4 = word0 === 0 && word1 === 0 && word2 === IPV4_MAPPED_WORD;
    const isKnown = state >= NeighbourState.Reachable && state !== NeighbourState.Failed;
    rows.push({
      address: isV4 ? formatIpv4(word3) : formatIpv6(word0, word1, word2, word3),
      mac: isKnown ? formatMac(table.macHigh[entry]!, table.macLow[entry]!) : '',
      state: names.find((name) => NeighbourState[name] === state)!.toLowerCase(),
      queuedFrames: table.queue.count[entry]!,
    });
  }
  return rows;
}
