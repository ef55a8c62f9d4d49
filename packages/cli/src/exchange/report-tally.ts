/**
 * What a stream of execution reports amounts to, for a venue that sees only those.
 *
 * @module
 */

import {
  Reason,
  reasonName,
  ReportFlag,
  reportFlags,
  ReportKind,
  reportKind,
  reportReason,
} from '@tickwire/protocol';
import type { RunResult } from './result.ts';

/** The figures of a tally. */
export type TallyFigures = Pick<
  RunResult,
  'newOrders' | 'cancels' | 'replaces' | 'fills' | 'rejects' | 'rejectsByReason'
>;

/** Counts reports. */
export class ReportTally {
  #newOrders = 0;
  #cancels = 0;
  #replaces = 0;
  #fills = 0;
  #rejects = 0;
  readonly #reasons = new Map<number, number>();

  /** Takes the report at `at`. */
  push(view: DataView, at: number): void {
    const kind = reportKind(view, at);
    const reason = reportReason(view, at);
    switch (kind) {
      case ReportKind.Filled:
        if ((reportFlags(view, at) & ReportFlag.Taker) !== 0) this.#fills += 1;
        return;
      case ReportKind.Cancelled:
        // Other cancellations (a remainder, a self-trade) answer no message of their own.
        if (reason === Reason.UserCancel) this.#cancels += 1;
        else if (reason === Reason.ReducedToZero) this.#replaces += 1;
        return;
      case ReportKind.Accepted:
        this.#newOrders += 1;
        return;
      case ReportKind.Replaced:
        this.#replaces += 1;
        return;
      case ReportKind.Rejected:
        this.#newOrders += 1;
        break;
      case ReportKind.CancelRejected:
        this.#cancels += 1;
        break;
      default:
        this.#replaces += 1;
        break;
    }
    this.#rejects += 1;
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  /** What was counted. */
  figures(): TallyFigures {
    const named = [...this.#reasons].map(([code, count]) => [reasonName(code), count] as const);
    return {
      newOrders: this.#newOrders,
      cancels: this.#cancels,
      replaces: this.#replaces,
      fills: this.#fills,
      rejects: this.#rejects,
      rejectsByReason: Object.fromEntries(named),
    };
  }
}
