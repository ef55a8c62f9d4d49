import { describe, expect, test } from 'bun:test';
import { ManualClock } from '@tickwire/base';
import { OrderBook } from '@tickwire/book';
import { encodeNewOrder, NEW_ORDER_BYTES, reportClientOrderId } from '@tickwire/protocol';
import { BookStage } from './book-stage.ts';
import { ExchangeCounters } from './counters.ts';
import type { Gateway } from './gateway.ts';
import { Intake } from './intake.ts';
import { LatencyHistograms } from './latency.ts';
import { exchangeLimits } from './options.ts';
import { createRings } from './pipeline.ts';
import { Releaser } from './releaser.ts';

const VIEW = new DataView(new ArrayBuffer(NEW_ORDER_BYTES));

describe('Releaser', () => {
  // Across the wraps of the low half of the sequence as well.
  for (const before of [0, 2 ** 31 - 2, 2 ** 32 - 2, 2 ** 40]) {
    test(`lets a report go when its input is durable, behind ${before} inputs`, () => {
      const rings = createRings(exchangeLimits(), 'group-commit', 1, 'block', before);
      const counters = new ExchangeCounters();
      const book = new OrderBook();
      book.counters.inputSequence = before;
      const stage = new BookStage(rings.input, rings.output, book, rings.quotes);
      const intake = new Intake(rings.input, counters, () => false);
      const released: number[] = [];
      const gateway = {
        report: (_trader: number, view: DataView, at: number) =>
          void released.push(reportClientOrderId(view, at)),
      };
      const clock = new ManualClock(100);
      const latency = new LatencyHistograms();
      const releaser = new Releaser({
        output: rings.output,
        gateway: gateway as unknown as Gateway,
        publisher: undefined,
        counters,
        latency,
        clock,
      });
      // The third order meets the first two: two fills of two sides each.
      for (const [id, side, quantity] of [
        [1, 0, 1],
        [2, 0, 1],
        [3, 1, 2],
        [4, 0, 1],
      ] as const) {
        encodeNewOrder(VIEW, 0, id, 0, id, side, 0, 100, quantity);
        expect(intake.put(side, VIEW, 0, NEW_ORDER_BYTES, 100)).toBe(0);
      }
      intake.publish();
      expect(stage.run(100)).toBe(4);
      clock.set(150);
      expect(releaser.run(before)).toBe(0);
      expect(latency.matched.totalCount).toBe(4);
      clock.set(200);
      expect(releaser.run(before + 1)).toBe(1);
      expect(releaser.run(before + 1)).toBe(0);
      expect(releaser.run(before + 3)).toBe(6);
      expect(released).toEqual([1, 2, 3, 3, 1, 3, 2]);
      releaser.replied();
      expect(latency.replied.totalCount).toBe(3);
      expect(releaser.waiting).toBe(1);
      expect(releaser.run(before + 4)).toBe(1);
      releaser.replied();
      expect(counters.reports).toBe(8);
      expect([latency.matched.maxValue, latency.replied.maxValue]).toEqual([50, 100]);
      expect([latency.matched.totalCount, latency.replied.totalCount]).toEqual([4, 4]);
    });
  }
});
