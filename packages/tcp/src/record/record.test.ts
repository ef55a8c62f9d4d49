import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { Prng } from '@tickwire/base';
import { tcpConfig } from '../config.ts';
import { RARE_SLAB } from '../limits.ts';
import type { Tcb } from '../tcb.ts';
import { TcbPool } from '../tcb-pool.ts';
import { MAIN_BYTES, RARE_BYTES } from '../tcb-record.ts';
import { FIELD_BYTES, layout, type PlacedField } from './layout.ts';
import { RarePool } from './rare-pool.ts';
import { recordSource } from './source.ts';

const { fields, own, keptWords, mainBytes, rareBytes } = layout();
const all = [...own, ...fields];

/** A value that a field of this type can hold, and few others. */
function valueFor(type: PlacedField['type'], random: Prng): number {
  const word = random.nextUint32();
  if (type === 'u8') return word & 0xff;
  if (type === 'u16') return word & 0xffff;
  if (type === 'u32') return word;
  return type === 'i32' ? word | 0 : word * 1_048_576 + 0.5;
}

function get(tcb: Tcb, name: string): number {
  return Reflect.get(tcb, name) as number;
}

describe('the layout of a connection', () => {
  test('takes at most 512 bytes of typed memory', () => {
    expect(mainBytes).toBeLessThanOrEqual(512);
    expect([mainBytes, rareBytes]).toEqual([MAIN_BYTES, RARE_BYTES]);
  });

  test('has no two fields in one place, none across the end, all aligned', () => {
    for (const isRare of [false, true]) {
      const bytes = isRare ? rareBytes : mainBytes;
      const owner = Array.from({ length: bytes }, () => '');
      for (const field of fields.filter((each) => each.isRare === isRare)) {
        const size = FIELD_BYTES[field.type];
        expect(field.offset % size).toBe(0);
        for (let at = field.offset; at < field.offset + size; at += 1) {
          expect(owner[at]).toBe('');
          owner[at] = field.name;
        }
      }
    }
  });

  test('has each name once', () => {
    expect(new Set(all.map((field) => field.name)).size).toBe(all.length);
  });

  test('is what tcb-record.ts was made from', async () => {
    const path = join(import.meta.dir, '..', 'tcb-record.ts');
    const normal = (text: string): string => text.replaceAll(/\s+/g, '');
    expect(normal(await Bun.file(path).text())).toBe(normal(recordSource()));
  });
});

describe('records', () => {
  test('every field of every connection holds what was written to it', () => {
    const tcbs = new TcbPool(tcpConfig()).make(0, 5);
    const random = new Prng(7);
    const wanted = tcbs.map((tcb) =>
      all.map((field) => {
        const value = valueFor(field.type, random);
        Reflect.set(tcb, field.name, value);
        return value;
      }),
    );
    const found = tcbs.map((tcb) => all.map((field) => get(tcb, field.name)));
    expect(found).toEqual(wanted);
  });

  test('reset() restores every field but those that are kept', () => {
    const pool = new TcbPool(tcpConfig({ sendBufferBytes: 12_345, userTimeoutNs: 77 }));
    const [fresh, tcb] = pool.make(0, 2);
    const random = new Prng(9);
    for (const field of all) Reflect.set(tcb!, field.name, valueFor(field.type, random));
    const before = all.map((field) => get(tcb!, field.name));
    tcb!.reset(pool, 0);
    fresh!.reset(pool, 0);
    const kept = new Set(['state', 'ports', 'generation', 'remote3']);
    for (const field of fields) {
      if (!field.isRare && field.offset < keptWords * 4) kept.add(field.name);
    }
    all.forEach((field, i) => {
      if (field.name === 'flags') return;
      const value = get(tcb!, field.name);
      expect([field.name, value]).toEqual([
        field.name,
        kept.has(field.name) ? before[i]! : get(fresh!, field.name),
      ]);
    });
    expect(tcb!.sndBufBytes).toBe(12_345);
    expect(tcb!.userTimeoutNs).toBe(77);
    expect(pool.rare.inUse).toBe(0);
  });

  test('the rare are attached by the first value that differs, and given back', () => {
    const pool = new TcbPool(tcpConfig());
    const [a, b] = pool.make(0, 2);
    a!.undoCount = -1;
    a!.dsackLeft = 0;
    expect(pool.rare.inUse).toBe(0);
    a!.dsackLeft = 5;
    expect(pool.rare.inUse).toBe(1);
    expect([a!.dsackLeft, a!.undoCount, a!.rackReoMult]).toEqual([5, -1, 1]);
    expect([b!.dsackLeft, b!.undoCount, b!.rackReoMult]).toEqual([0, -1, 1]);
    a!.releaseRare();
    a!.releaseRare();
    expect([a!.dsackLeft, pool.rare.inUse]).toEqual([0, 0]);
    b!.lostBytes = 1;
    expect([b!.dsackLeft, b!.lostBytes]).toEqual([0, 1]);
  });
});

test('RarePool lends each record once, whatever comes and goes', () => {
  const pool = new RarePool(RARE_BYTES);
  const random = new Prng(3);
  const lent: number[] = [];
  for (let step = 0; step < 5000; step += 1) {
    if (lent.length > 0 && random.nextUint32() % 5 < 2) {
      const [number] = lent.splice(random.nextUint32() % lent.length, 1);
      const { i32 } = pool.slabOf(number!);
      expect(i32[(pool.placeOf(number!) << 1) + 5]).toBe(number);
      pool.give(number!);
    } else {
      const number = pool.take();
      expect(number % RARE_SLAB).not.toBe(0);
      expect(pool.indexAt(pool.placeOf(number))).toBe(number % RARE_SLAB);
      const { i32 } = pool.slabOf(number);
      expect(i32[(pool.placeOf(number) << 1) + 5]).toBe(0);
      i32[(pool.placeOf(number) << 1) + 5] = number;
      lent.push(number);
    }
    expect(pool.inUse).toBe(lent.length);
  }
  expect(new Set(lent).size).toBe(lent.length);
  expect(lent.length).toBeGreaterThan(10 * RARE_SLAB);
});
