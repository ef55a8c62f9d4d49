/**
 * A result to render, with figures that are easy to recognise.
 */

import type { RunResult } from '../src/exchange/result.ts';

/** A run of a million orders as it could have been. */
export const RESULT: RunResult = {
  role: 'embedded',
  device: 'net_ring',
  dpdk: 'DPDK 22.11.11',
  flow: 'generated',
  seed: 1,
  sessions: 4,
  threads: 1,
  journal: 'async',
  interrupted: false,
  orders: 1_000_000,
  newOrders: 481_809,
  cancels: 451_009,
  replaces: 67_182,
  reports: 1_125_484,
  fills: 62_458,
  rejects: 39_949,
  rejectsByReason: { DuplicateOrderId: 2, UnknownOrder: 39_947 },
  lost: 0,
  offeredPerSecond: 100_000,
  ratePerSecond: 99_987.4,
  elapsedNs: 9_000_000_000,
  warmup: { orders: 100_000, maxNs: 50_500_000 },
  latencyNs: {
    count: 900_000,
    p50: 11_703,
    p90: 45_400,
    p99: 91_200,
    p999: 1_234_000,
    p9999: 4_012_000,
    max: 5_678_901,
  },
  multicastPackets: 646_882,
  multicastMessages: 1_125_484,
  multicastGaps: 0,
  multicastLost: 0,
  segmentsSent: 1_690_106,
  retransmissions: 0,
  journalBytes: 55_574_528,
  memory: { collections: 3, heapGrowthBytes: -2048, objectGrowth: 111 },
  reportSha256: '0ffc9991039aa310402abff6518c95f03ec62b5f855d4c6ff480e81bfbf5632b',
  replay: { equal: true, stateHash: 'e97dd910261d177a', records: 1_000_000, elapsedNs: 5e8 },
  ok: true,
};
