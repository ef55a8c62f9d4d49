import { describe, expect, test } from 'bun:test';
import { ManualClock, Status } from '@tickwire/base';
import type { TraderClient } from '@tickwire/engine';
import {
  createOrderFlow,
  encodeExecutionReport,
  type ExecutionReport,
  FLOW_IOC,
  FlowType,
  Reason,
  REDUCE,
  ReportFlag,
  ReportKind,
} from '@tickwire/protocol';
import { LatencyRecorder } from './latency-recorder.ts';
import { ReportTally } from './report-tally.ts';
import { TraderSession } from './trader-session.ts';

/** A client that writes down what it is asked to send, or has no room. */
class FakeClient {
  readonly calls: (readonly (number | string)[])[] = [];
  room = Number.POSITIVE_INFINITY;
  #sequence = 1;

  sendNew(...args: number[]): number {
    return this.#take('new', args);
  }
  sendCancel(...args: number[]): number {
    return this.#take('cancel', args);
  }
  sendReplace(...args: number[]): number {
    return this.#take('replace', args);
  }
  #take(name: string, args: readonly number[]): number {
    if (this.calls.length >= this.room) return Status.Again;
    this.calls.push([name, ...args]);
    return this.#sequence++;
  }
}

function setup() {
  const clock = new ManualClock(1000);
  const recorder = new LatencyRecorder();
  const session = new TraderSession(clock, recorder, undefined);
  const client = new FakeClient();
  session.client = client as unknown as TraderClient;
  const flow = createOrderFlow(4);
  flow.count = 4;
  for (const [row, type] of [0, 1, 2, 3].entries()) {
    flow.type[row] = type;
    flow.orderId[row] = 10 + row;
    flow.price[row] = 500;
    flow.quantity[row] = 7;
  }
  flow.side[0] = 1;
  flow.flags[0] = FLOW_IOC;
  const view = new DataView(new ArrayBuffer(48));
  const report = (r: Partial<ExecutionReport>): void => {
    encodeExecutionReport(view, 0, {
      symbol: 0,
      clientOrderId: 10,
      kind: ReportKind.Accepted,
      reason: 0,
      side: 0,
      flags: 0,
      clientSequence: 1,
      sequence: 1,
      price: 500,
      quantity: 7,
      matchId: 0,
      ...r,
    });
    session.report(view, 0);
  };
  return { clock, recorder, session, client, flow, report };
}

describe('TraderSession', () => {
  test('send() sends each kind of row as its message', () => {
    const { session, client, flow } = setup();
    for (let row = 0; row < 4; row += 1) expect(session.send(flow, row, 0)).toBe(true);
    expect(client.calls).toEqual([
      ['new', 0, 10, 1, 1, 500, 7],
      ['cancel', 0, 11],
      ['replace', 0, 12, 0, 500, 7],
      ['replace', 0, 13, REDUCE, 500, 7],
    ]);
    expect(flow.type[3]).toBe(FlowType.Reduce);
    expect(session).toMatchObject({ sent: 4, newOrders: 1, cancels: 1, replaces: 2 });
  });

  test('send() skips nothing when there is no room, and counts nothing', () => {
    const { session, client, flow } = setup();
    client.room = 1;
    expect(session.send(flow, 0, 0)).toBe(true);
    expect(session.send(flow, 1, 0)).toBe(false);
    expect(session.sent).toBe(1);
    client.room = 2;
    expect(session.send(flow, 1, 0)).toBe(true);
  });

  test('the latency counts from the due time, also when the message left later', () => {
    const { clock, session, flow, report, recorder } = setup();
    session.send(flow, 0, 200);
    clock.set(5200);
    report({ clientSequence: 1 });
    expect(recorder.summary()).toMatchObject({ count: 1, max: 5000 });
    expect(session.outstanding).toBe(0);
  });

  test('only the first report of a message is its answer', () => {
    const { session, flow, report, recorder } = setup();
    session.send(flow, 0, 0);
    report({ kind: ReportKind.Accepted });
    report({ kind: ReportKind.Filled, flags: ReportFlag.Taker });
    report({ kind: ReportKind.Filled, clientSequence: 0 });
    report({ kind: ReportKind.Cancelled, reason: Reason.IocRemainder });
    expect(recorder.count).toBe(1);
    expect(session).toMatchObject({ reports: 4, fills: 1, rejects: 0, answered: 1, skipped: 0 });
  });

  test('a message that is passed over is skipped, which counts as lost', () => {
    const { session, flow, report } = setup();
    for (let row = 0; row < 3; row += 1) session.send(flow, row, 0);
    report({ clientSequence: 1 });
    report({ clientSequence: 3 });
    expect(session).toMatchObject({ skipped: 1, outstanding: 0 });
  });

  test('rejects are counted by reason', () => {
    const { session, flow, report } = setup();
    for (let row = 0; row < 3; row += 1) session.send(flow, row, 0);
    report({ clientSequence: 1, kind: ReportKind.Rejected, reason: Reason.BookFull });
    report({ clientSequence: 2, kind: ReportKind.CancelRejected, reason: Reason.UnknownOrder });
    report({ clientSequence: 3, kind: ReportKind.ReplaceRejected, reason: Reason.UnknownOrder });
    expect(session.rejects).toBe(3);
    expect(session.reasons[Reason.UnknownOrder]).toBe(2);
    expect(session.reasons[Reason.BookFull]).toBe(1);
  });
});

describe('ReportTally', () => {
  test('derives the messages from their answers', () => {
    const tally = new ReportTally();
    const view = new DataView(new ArrayBuffer(48));
    for (const [kind, reason, flags] of [
      [ReportKind.Accepted, 0, 0],
      [ReportKind.Filled, 0, ReportFlag.Taker],
      [ReportKind.Filled, 0, 0],
      [ReportKind.Cancelled, Reason.UserCancel, 0],
      [ReportKind.Cancelled, Reason.IocRemainder, 0],
      [ReportKind.Cancelled, Reason.ReducedToZero, 0],
      [ReportKind.Replaced, 0, 0],
      [ReportKind.Rejected, Reason.BadSide, 0],
      [ReportKind.CancelRejected, Reason.UnknownOrder, 0],
      [ReportKind.ReplaceRejected, Reason.UnknownOrder, 0],
    ] as const) {
      encodeExecutionReport(view, 0, {
        symbol: 0,
        clientOrderId: 1,
        kind,
        reason,
        side: 0,
        flags,
        clientSequence: 1,
        sequence: 1,
        price: 1,
        quantity: 1,
        matchId: 0,
      });
      tally.push(view, 0);
    }
    expect(tally.figures()).toEqual({
      newOrders: 2,
      cancels: 2,
      replaces: 3,
      fills: 1,
      rejects: 3,
      rejectsByReason: { BadSide: 1, UnknownOrder: 2 },
    });
  });
});
