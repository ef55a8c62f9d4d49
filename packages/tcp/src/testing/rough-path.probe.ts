/**
 * A process that recovers from everything a path can do, for `recovery.alloc.test.ts`.
 *
 * Fails when some way to recover was not taken in the measured part: a count of collections says
 * something about code that has run only.
 *
 * @module
 */

import { writeSync } from 'node:fs';
import { Congestion, type TcpConfig } from '../config.ts';
import { TcpCounters } from '../counters.ts';
import { RoughPath } from './rough-path.ts';

const WARM_UP_CYCLES = 40;
const SETTLE_CYCLES = 20;
const CYCLES = 80;
/** A way that is taken less often says too little: 20 kB are some 300 objects. */
const TIMES_MIN = 20;

const always = ['retransSegs', 'timeouts', 'fastRetransmits', 'spuriousUndone'] as const;
const withSack = ['tailLossProbes', 'dsackReceived', 'mtuProbes', 'mtuBlackHoles'] as const;
const ofReceiver = ['outOfOrder', 'duplicates'] as const;

const sorts: Readonly<Record<string, Partial<TcpConfig>>> = {
  reno: { congestion: Congestion.NewReno, sack: false },
  cubic: { congestion: Congestion.Cubic },
  // Without timestamps F-RTO and DSACK have to find out what was spurious.
  single: {
    congestion: Congestion.Cubic,
    pacing: true,
    timestamps: false,
    receiveRuns: false,
    sendBursts: false,
  },
  bbr: { congestion: Congestion.Bbr },
  control: { congestion: Congestion.Cubic },
};

function mustHaveHappened(
  names: readonly (keyof TcpCounters)[],
  before: TcpCounters,
  after: TcpCounters,
): void {
  for (const name of names) {
    const times = after[name] - before[name];
    writeSync(1, `${name} ${times}\n`);
    if (times < TIMES_MIN) throw new Error(`${name}: ${times} times; ${TIMES_MIN} are needed`);
  }
}

const sort = process.argv[2] ?? 'cubic';
const path = new RoughPath(sorts[sort]!, 20_261);
const { a, b } = path.pair;
const kept: object[] = [{}];
for (let i = 0; i < WARM_UP_CYCLES; i += 1) path.cycle();
if (sort === 'control') {
  path.onLost = () => {
    kept[0] = { lost: path.lost };
  };
}
// A collection throws compiled code away: it has to come back before the count begins.
Bun.gc(true);
for (let i = 0; i < SETTLE_CYCLES; i += 1) path.cycle();
const sentBefore = Object.assign(new TcpCounters(), a.tcp.counters);
const receivedBefore = Object.assign(new TcpCounters(), b.tcp.counters);
const bytesBefore = b.received;
writeSync(2, 'steady\n');
for (let i = 0; i < CYCLES; i += 1) path.cycle();
writeSync(2, 'done\n');
mustHaveHappened(always, sentBefore, a.tcp.counters);
if (sorts[sort]!.sack !== false) mustHaveHappened(withSack, sentBefore, a.tcp.counters);
mustHaveHappened(ofReceiver, receivedBefore, b.tcp.counters);
writeSync(1, `${b.received - bytesBefore} bytes, ${path.lost} packets lost\n`);
if (a.tcb === undefined || b.tcb === undefined) throw new Error('The connection is gone');
