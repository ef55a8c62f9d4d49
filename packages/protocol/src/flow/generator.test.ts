import { describe, expect, test } from 'bun:test';
import { FlowGenerator, type FlowGeneratorOptions } from './generator.ts';
import { createOrderFlow, encodeFlowRow, FLOW_IOC, FlowType } from './order-flow.ts';
import { checkOrderEntry, newOrderReason, replaceOrderReason } from '../order-entry.ts';
import { PRICE_MAX, QUANTITY_MAX } from '../limits.ts';

/** Hash of the first `count` messages as bytes and times. */
function fingerprint(options: FlowGeneratorOptions, count: number, batch: number): string {
  const generator = new FlowGenerator(options);
  const flow = createOrderFlow(batch);
  const hasher = new Bun.CryptoHasher('sha256');
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  for (let done = 0; done < count; done += batch) {
    generator.next(flow);
    for (let row = 0; row < batch; row++) {
      const length = encodeFlowRow(flow, row, view, 0, done + row + 1, 0);
      view.setFloat64(32, flow.timeNs[row]!, true);
      hasher.update(bytes.slice(0, length));
      hasher.update(bytes.slice(32, 40));
    }
  }
  return hasher.digest('hex');
}

describe('FlowGenerator', () => {
  test('next() gives the same flow for a seed, whatever the batch', () => {
    for (const arrivals of ['poisson', 'hawkes'] as const) {
      const options = { seed: 42, arrivals };
      const wanted = fingerprint(options, 6000, 1000);
      expect(fingerprint(options, 6000, 50)).toBe(wanted);
      expect(fingerprint({ ...options, seed: 43 }, 6000, 1000)).not.toBe(wanted);
    }
  });

  test('next() keeps to the mix and to the limits that its docstring states', () => {
    const generator = new FlowGenerator({ seed: 1 });
    const flow = createOrderFlow(100_000);
    generator.next(flow);
    const view = new DataView(new ArrayBuffer(32));
    const counts = [0, 0, 0, 0];
    const open = new Set<number>();
    let crossing = 0;
    let roundLots = 0;
    let strayed = 0;
    for (let row = 0; row < flow.count; row++) {
      const type = flow.type[row]!;
      const id = flow.orderId[row]!;
      counts[type]!++;
      const length = encodeFlowRow(flow, row, view, 0, row + 1, 0);
      expect(checkOrderEntry(view, 0, length)).toBe(0);
      if (type === FlowType.New) {
        expect(newOrderReason(view, 0, PRICE_MAX, QUANTITY_MAX)).toBe(0);
        expect(open.has(id)).toBe(false);
        if ((flow.flags[row]! & FLOW_IOC) === 0) open.add(id);
        else crossing++;
        if (flow.quantity[row] === 100) roundLots++;
        if (Math.abs(flow.price[row]! - 100_000) > 2000) strayed++;
      } else {
        expect(open.has(id)).toBe(true);
        if (type === FlowType.Cancel) open.delete(id);
        else expect(replaceOrderReason(view, 0, PRICE_MAX, QUANTITY_MAX)).toBe(0);
      }
    }
    const adds = counts[FlowType.New]!;
    expect(adds / flow.count).toBeWithin(0.46, 0.51);
    expect(counts[FlowType.Cancel]! / adds).toBeWithin(0.88, 1);
    expect(counts[FlowType.Replace]! / flow.count).toBeWithin(0.05, 0.09);
    expect(crossing / adds).toBeWithin(0.025, 0.035);
    expect(roundLots / adds).toBeWithin(0.53, 0.57);
    expect(strayed).toBe(0);
    // `open` still holds what the generator believes filled by a crossing order.
    expect(generator.live).toBeWithin(open.size - crossing, open.size + 1);
  });

  test('next() has the asked mean rate, and hawkes comes in bursts', () => {
    const dispersion = (arrivals: 'poisson' | 'hawkes'): { mean: number; index: number } => {
      const flow = createOrderFlow(200_000);
      new FlowGenerator({ seed: 7, arrivals, meanGapNs: 1000 }).next(flow);
      const span = flow.timeNs[flow.count - 1]!;
      const windowNs = 100_000;
      const windows = new Float64Array(Math.floor(span / windowNs) + 1);
      for (let row = 0; row < flow.count; row++) {
        if (row > 0) expect(flow.timeNs[row]!).toBeGreaterThanOrEqual(flow.timeNs[row - 1]!);
        windows[Math.floor(flow.timeNs[row]! / windowNs)]!++;
      }
      const mean = flow.count / windows.length;
      let squares = 0;
      for (const count of windows) squares += (count - mean) ** 2;
      return { mean: span / flow.count, index: squares / windows.length / mean };
    };
    const poisson = dispersion('poisson');
    const hawkes = dispersion('hawkes');
    expect(poisson.mean).toBeWithin(980, 1020);
    expect(hawkes.mean).toBeWithin(900, 1100);
    // Variance over mean of the counts: 1 for Poisson, 1 / (1 - 0.8)^2 = 25 for long windows.
    expect(poisson.index).toBeWithin(0.9, 1.1);
    expect(hawkes.index).toBeGreaterThan(5);
  });

  test('the constructor refuses options that make no sense', () => {
    expect(() => new FlowGenerator({ seed: 1, liveMax: 2 })).toThrow('liveMax');
    expect(() => new FlowGenerator({ seed: 1, meanGapNs: 0 })).toThrow('meanGapNs');
    expect(() => new FlowGenerator({ seed: 1, distanceMax: 0 })).toThrow('distanceMax');
  });
});
