/**
 * Gives every field its place: large fields first within a group, so that none needs padding.
 *
 * @module
 */

import { type Field, type FieldType, KEPT, MAIN, OWN, RARE } from './fields.ts';

/** Bytes of one field of a type. */
export const FIELD_BYTES: Readonly<Record<FieldType, number>> = {
  own: 0,
  f64: 8,
  i32: 4,
  u32: 4,
  u16: 2,
  u8: 1,
};

const CACHE_LINE_BYTES = 64;

/** A field and the byte offset of it in its record. */
export interface PlacedField extends Field {
  readonly offset: number;
  readonly isRare: boolean;
}

/** Where everything lies. */
export interface Layout {
  readonly fields: readonly PlacedField[];
  /** Properties of the handle. */
  readonly own: readonly Field[];
  /** 32-bit words at the start of the record that a new connection does not reset. */
  readonly keptWords: number;
  /** Bytes of the record that every connection has; whole cache lines. */
  readonly mainBytes: number;
  /** Bytes of the record for the rare; whole cache lines. */
  readonly rareBytes: number;
}

/** Rounds up to a multiple of a power of two. */
function align(bytes: number, to: number): number {
  return (bytes + to - 1) & -to;
}

/** Computes the layout of {@link KEPT}, {@link MAIN} and {@link RARE}. */
export function layout(): Layout {
  const fields: PlacedField[] = [];
  const place = (group: readonly Field[], from: number, isRare: boolean): number => {
    let offset = from;
    const bySize = group.toSorted((a, b) => FIELD_BYTES[b.type] - FIELD_BYTES[a.type]);
    for (const field of bySize) {
      fields.push({ ...field, offset, isRare });
      offset += FIELD_BYTES[field.type];
    }
    return offset;
  };
  const keptBytes = align(place(KEPT, 0, false), 8);
  const mainBytes = align(place(MAIN, keptBytes, false), CACHE_LINE_BYTES);
  const rareBytes = align(place(RARE, 0, true), CACHE_LINE_BYTES);
  return { fields, own: OWN, keptWords: keptBytes / 4, mainBytes, rareBytes };
}
