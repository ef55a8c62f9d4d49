/**
 * What a frame costs between TypeScript and DPDK: crossed rings, one thread, bursts of 32.
 *
 * Each sample is the mean over one burst (32 frames) or one batch of calls; the percentiles are
 * those of the samples. On a shared machine the tail is the neighbours': compare p50 with p50.
 *
 * ```text
 * bun run bench dpdk
 * ```
 *
 * @module
 */

import { type BenchCase, type Benchmark, type BenchResult, caseOf } from '../contract.ts';
import { RxBurst, TxBurst } from '../../packages/phy/src/index.ts';
import {
  createMemPool,
  createRingPair,
  type DpdkDevice,
  Eal,
  EalBuilder,
  hasHugePages,
  hasNative,
  type MemPool,
} from '../../packages/phy-dpdk/src/index.ts';
import { addressOf, native } from '../../packages/phy-dpdk/src/native.ts';

const BURST = 32;
const SAMPLES = 50_000;
const SAMPLES_TINY = 20;
const WARM_UP_SHARE = 0.4;
const CALLS_PER_SAMPLE = 256;
/** Bytes before the transport header in the frames that are summed. */
const HEADERS = 34;

/** Runs `sample` and returns the distribution of nanoseconds per one of its `units`. */
function measure(title: string, units: number, samples: number, sample: () => void): BenchCase {
  const ns = new Float64Array(samples);
  for (let i = 0; i < samples * WARM_UP_SHARE; i += 1) sample();
  for (let i = 0; i < samples; i += 1) {
    const before = Bun.nanoseconds();
    sample();
    ns[i] = (Bun.nanoseconds() - before) / units;
  }
  return caseOf(title, ns);
}

/** One burst from one port to the other; the same frames go round. */
function transfer(a: DpdkDevice, b: DpdkDevice, pool: MemPool, length: number): () => void {
  const rx = new RxBurst();
  const tx = new TxBurst();
  const isSummed = a.capabilities.checksum === 'full';
  for (let i = 0; i < BURST; i += 1) {
    const frame = pool.arena.alloc();
    tx.frame[i] = frame;
    tx.at[i] = pool.arena.dataAt[frame]!;
    tx.length[i] = length;
    tx.checksumStart[i] = isSummed ? tx.at[i]! + HEADERS : 0;
    tx.checksumAt[i] = tx.at[i]! + HEADERS + 16;
  }
  return () => {
    if (a.transmit(tx, BURST, 0) !== BURST) throw new Error('the ring is full');
    if (b.receive(rx, BURST, 0) !== BURST) throw new Error('frames are missing');
  };
}

/** The same, with frames from the pool and back to it. */
function transferFresh(a: DpdkDevice, b: DpdkDevice, { arena }: MemPool): () => void {
  const rx = new RxBurst();
  const tx = new TxBurst();
  return () => {
    for (let i = 0; i < BURST; i += 1) {
      const frame = arena.alloc();
      tx.frame[i] = frame;
      tx.at[i] = arena.dataAt[frame]!;
      tx.length[i] = 64;
    }
    a.transmit(tx, BURST, 0);
    const count = b.receive(rx, BURST, 0);
    for (let i = 0; i < count; i += 1) arena.free(rx.frame[i]!);
  };
}

const EMPTY = new RxBurst();

function run(samples: number): BenchResult {
  if (!hasNative()) return { cases: [], skipped: 'DPDK or its shim is not there' };
  const builder = new EalBuilder().noPci().memoryMb(128);
  if (!hasHugePages()) builder.noHuge();
  const eal = Eal.current ?? builder.init();
  using pool = createMemPool(eal);
  const cases: BenchCase[] = [];
  const add = (title: string, units: number, sample: () => void): void => {
    cases.push(measure(title, units, samples, sample));
  };
  const shim = native();
  add('FFI call, one integer', CALLS_PER_SAMPLE, () => {
    for (let i = 0; i < CALLS_PER_SAMPLE; i += 1) shim.tw_nop(i);
  });
  const bytes = addressOf(pool.arena.bytes);
  for (const length of [64, 1460]) {
    add(`tw_sum of ${length} bytes`, CALLS_PER_SAMPLE, () => {
      for (let i = 0; i < CALLS_PER_SAMPLE; i += 1) shim.tw_sum(bytes, length);
    });
  }
  for (const checksum of ['none', 'full'] as const) {
    const [a, b] = createRingPair(pool, { checksum });
    for (const length of [64, 1514]) {
      add(`tx+rx, ${length} bytes, checksums ${checksum}`, BURST, transfer(a, b, pool, length));
    }
    const title = `alloc+tx+rx+free, 64 bytes, checksums ${checksum}`;
    add(title, BURST, transferFresh(a, b, pool));
    add(`empty poll, checksums ${checksum}`, CALLS_PER_SAMPLE, () => {
      for (let i = 0; i < CALLS_PER_SAMPLE; i += 1) b.receive(EMPTY, BURST, 0);
    });
    a.close();
    b.close();
  }
  return { cases };
}

/** The benchmark. */
export const benchmark: Benchmark = {
  name: 'dpdk',
  description: 'FFI calls, checksums and bursts of 32 over crossed DPDK rings, one thread',
  run: ({ tiny }) => Promise.resolve(run(tiny ? SAMPLES_TINY : SAMPLES)),
};
