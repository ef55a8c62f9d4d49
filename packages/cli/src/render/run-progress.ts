/**
 * The progress of a run in one line.
 *
 * @module
 */

import type { TraderSide } from '../exchange/trader-side.ts';
import type { VenueSide } from '../exchange/venue-side.ts';
import { formatCount, formatElapsed, formatNs } from './format.ts';
import type { ProgressLine } from './progress.ts';

/** Best bid and ask; a dash for an empty side. */
function bookTop(venue: VenueSide | undefined): string {
  if (venue === undefined) return '';
  const bid = venue.exchange.bestBid();
  const ask = venue.exchange.bestAsk();
  return `book ${formatCount(bid)} / ${formatCount(ask)}`;
}

/** Shows rate since the last line, p99 so far and the top of the book. */
export class RunProgress {
  readonly #line: ProgressLine;
  readonly #traders: TraderSide;
  readonly #venue: VenueSide | undefined;
  #startNs = -1;
  #lastNs = 0;
  #lastOrders = 0;

  constructor(line: ProgressLine, traders: TraderSide, venue: VenueSide | undefined) {
    this.#line = line;
    this.#traders = traders;
    this.#venue = venue;
  }

  /** To be called in every round: a comparison, unless a line is due. */
  round(nowNs: number): void {
    if (!this.#line.isDue(nowNs)) return;
    const orders = this.#traders.feed.index;
    if (this.#startNs < 0) {
      this.#startNs = nowNs;
      this.#lastNs = nowNs;
    }
    const perSecond =
      nowNs > this.#lastNs ? ((orders - this.#lastOrders) * 1e9) / (nowNs - this.#lastNs) : 0;
    this.#lastNs = nowNs;
    this.#lastOrders = orders;
    const { recorder, warmRecorder } = this.#traders;
    const p99 = recorder.roughPercentile(99);
    const isWarming = recorder.count === 0 && warmRecorder.count > 0;
    const share = `${Math.floor((100 * orders) / this.#traders.feed.total)} %`;
    const parts = [
      formatElapsed(nowNs - this.#startNs).padStart(7),
      share.padStart(5),
      `${formatCount(orders)} orders`,
      `${formatCount(perSecond)}/s`,
      isWarming ? 'warming up' : p99 === 0 ? '' : `p99 < ${formatNs(p99)}`,
      bookTop(this.#venue),
    ];
    this.#line.show(nowNs, parts.filter((part) => part !== '').join('  '));
  }
}
