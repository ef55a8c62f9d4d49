import { describe, expect, test } from 'bun:test';
import { ReportHash } from './report-hash.ts';

describe('ReportHash', () => {
  test.each([0, 1, 340, 341, 342, 1000])('hashes %p reports as one piece of bytes', (count) => {
    const bytes = new Uint8Array(48 * count);
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = Math.imul(i, 2_654_435_761) >>> 24;
    const hash = new ReportHash();
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i += 1) hash.push(view, 48 * i);
    expect(hash.count).toBe(count);
    expect(hash.digest()).toBe(new Bun.CryptoHasher('sha256').update(bytes).digest('hex'));
  });
});
