/**
 * From counters to a result.
 *
 * @module
 */

import { reasonName } from '@tickwire/protocol';
import type { Stack } from '@tickwire/stack';
import type { RunResult } from './result.ts';
import type { TraderSession } from './trader-session.ts';
import type { TraderSide } from './trader-side.ts';

/** The part of a result that the traders know. */
export type TraderFigures = Pick<
  RunResult,
  | 'orders'
  | 'newOrders'
  | 'cancels'
  | 'replaces'
  | 'reports'
  | 'fills'
  | 'rejects'
  | 'rejectsByReason'
  | 'lost'
  | 'latencyNs'
  | 'multicastPackets'
  | 'multicastMessages'
  | 'multicastGaps'
  | 'multicastLost'
>;

function sum(sessions: readonly TraderSession[], of: (session: TraderSession) => number): number {
  return sessions.reduce((total, session) => total + of(session), 0);
}

/** Reject counts by name, from counts by code. */
function byReason(sessions: readonly TraderSession[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const codes = sessions[0]?.reasons.length ?? 0;
  for (let code = 0; code < codes; code += 1) {
    const count = sum(sessions, (session) => session.reasons[code]!);
    if (count > 0) counts[reasonName(code)] = count;
  }
  return counts;
}

/** Adds up what the sessions and the subscriber counted. */
export function traderFigures(traders: TraderSide): TraderFigures {
  const { sessions, subscriber, recorder, earlier } = traders;
  const { packets, messages, lost } = subscriber.counters;
  const lastSequence = Math.max(...sessions.map((session) => session.lastReportSequence));
  return {
    orders: sum(sessions, (session) => session.sent),
    newOrders: sum(sessions, (session) => session.newOrders),
    cancels: sum(sessions, (session) => session.cancels),
    replaces: sum(sessions, (session) => session.replaces),
    reports: sum(sessions, (session) => session.reports),
    fills: sum(sessions, (session) => session.fills),
    rejects: sum(sessions, (session) => session.rejects),
    rejectsByReason: byReason(sessions),
    lost: sum(sessions, (session) => session.outstanding + session.skipped),
    latencyNs: recorder.summary(),
    multicastPackets: packets,
    multicastMessages: messages,
    multicastGaps: subscriber.detector.gaps,
    // What the subscriber gave up, or what the sessions know of and it never saw.
    multicastLost: Math.max(lost, lastSequence - earlier.reports - messages, 0),
  };
}

/** TCP segments of several stacks: sent, and sent again. */
export function segmentFigures(
  stacks: readonly Stack[],
): Pick<RunResult, 'segmentsSent' | 'retransmissions'> {
  let segmentsSent = 0;
  let retransmissions = 0;
  for (const { core } of stacks) {
    segmentsSent += core.tcp.counters.outSegs;
    retransmissions += core.tcp.counters.retransSegs;
  }
  return { segmentsSent, retransmissions };
}
