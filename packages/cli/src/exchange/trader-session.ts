// @hot
/**
 * One trader's session: when each of its messages was due, and what came back.
 *
 * The reports of a session come in the order of its messages, and the first report that carries a
 * client sequence is the answer to that message (accepted, cancelled, replaced, or a rejection). So
 * one number says what is answered, and a ring of due times is all the memory a session needs.
 *
 * @module
 */

import { type Clock, Status } from '@tickwire/base';
import type { TraderClient } from '@tickwire/engine';
import {
  FLOW_IOC,
  FlowType,
  type OrderFlow,
  type OracleReporter,
  REDUCE,
  ReportFlag,
  ReportKind,
  reportClientSequence,
  reportFlags,
  reportKind,
  reportReason,
  reportSequence,
  TimeInForce,
} from '@tickwire/protocol';
import type { LatencyRecorder } from './latency-recorder.ts';

/**
 * Messages of one session without an answer at most; then it waits, and the wait is latency. Far
 * below the reports that a venue keeps for a slow reader, so that nobody is taken for one when a
 * pause of the process makes a batch of everything that was due.
 */
const OUTSTANDING_MAX = 1 << 15;
const MASK = OUTSTANDING_MAX - 1;
const REASONS = 256;
const SYMBOL = 0;

/** A session with its counters. */
export class TraderSession {
  /** Messages sent. */
  sent = 0;
  newOrders = 0;
  cancels = 0;
  replaces = 0;
  /** Client sequence of the last message that is answered. */
  answered: number;
  /** Messages that were passed over by the answer to a later one. */
  skipped = 0;
  reports = 0;
  /** Sequence of the last report among all reports of the venue. */
  lastReportSequence = 0;
  /** Fills in which this session was the taker: each trade has one. */
  fills = 0;
  rejects = 0;
  /** Rejects by reason code. */
  readonly reasons: Float64Array = new Float64Array(REASONS);
  /** The connection; set once. */
  client: TraderClient | undefined = undefined;
  /** Where latencies go: one recorder for the warm-up, another for the measured part. */
  recorder: LatencyRecorder;
  /** Client sequence of the last message of earlier runs. */
  readonly #earlier: number;
  readonly #clock: Clock;
  readonly #idBase: number;
  readonly #oracle: OracleReporter | undefined;
  /** Absolute due times, by client sequence. */
  readonly #dueNs: Float64Array = new Float64Array(OUTSTANDING_MAX);

  /**
   * @param earlier - client sequence that the venue already knows of this trader.
   * @param idBase - added to every order id, so that none meets one of an earlier run.
   */
  constructor(
    clock: Clock,
    recorder: LatencyRecorder,
    oracle: OracleReporter | undefined,
    earlier: number = 0,
    idBase: number = 0,
  ) {
    this.answered = earlier;
    this.#earlier = earlier;
    this.#idBase = idBase;
    this.#clock = clock;
    this.recorder = recorder;
    this.#oracle = oracle;
  }

  /** Messages without an answer. */
  get outstanding(): number {
    return this.#earlier + this.sent - this.answered;
  }

  /** Sends one row that was due at `dueNs`. Returns false when there is no room now. */
  send(flow: OrderFlow, row: number, dueNs: number): boolean {
    const client = this.client;
    if (client === undefined || this.outstanding === OUTSTANDING_MAX) return false;
    const id = flow.orderId[row]! + this.#idBase;
    const type = flow.type[row]!;
    let sequence: number;
    if (type === FlowType.New) {
      sequence = client.sendNew(
        SYMBOL,
        id,
        flow.side[row]!,
        (flow.flags[row]! & FLOW_IOC) === 0 ? TimeInForce.Day : TimeInForce.Ioc,
        flow.price[row]!,
        flow.quantity[row]!,
      );
      if (sequence >= 0) this.newOrders += 1;
    } else if (type === FlowType.Cancel) {
      sequence = client.sendCancel(SYMBOL, id);
      if (sequence >= 0) this.cancels += 1;
    } else {
      const flags = type === FlowType.Reduce ? REDUCE : 0;
      sequence = client.sendReplace(SYMBOL, id, flags, flow.price[row]!, flow.quantity[row]!);
      if (sequence >= 0) this.replaces += 1;
    }
    if (sequence < Status.Ok) return false;
    this.#dueNs[sequence & MASK] = dueNs;
    this.sent += 1;
    return true;
  }

  /** Takes a report of this session. */
  report(view: DataView, at: number): void {
    this.reports += 1;
    this.lastReportSequence = reportSequence(view, at);
    const sequence = reportClientSequence(view, at);
    if (sequence > this.answered) {
      this.skipped += sequence - this.answered - 1;
      this.answered = sequence;
      // A reading per answer, not per poll: whatever of the burst was handled before counts.
      this.recorder.record(this.#clock.nowNs() - this.#dueNs[sequence & MASK]!);
    }
    const kind = reportKind(view, at);
    if (kind === ReportKind.Filled) {
      if ((reportFlags(view, at) & ReportFlag.Taker) !== 0) this.fills += 1;
    } else if (kind >= ReportKind.Rejected) {
      this.rejects += 1;
      const reason = reportReason(view, at);
      this.reasons[reason] = this.reasons[reason]! + 1;
    }
    if (this.#oracle !== undefined) this.#oracle.push(view, at);
  }
}
