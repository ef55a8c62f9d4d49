/**
 * What a frame costs between TypeScript and DPDK: crossed rings, one thread, bursts of 32.
 *
 * Each sample is the mean over one burst (32 frames) or one batch of calls; the percentiles are
 * those of the samples. On a shared machine the tail is the neighbours': compare p50 with p50.
 *
 * Usage: `bun bench/micro/dpdk.bench.ts`
 *
 * @module
 */

import { cpus } from 'node:os';
import { RxBurst, TxBurst } from '../../packages/phy/src/index.ts';
import {
  createMemPool,
  createRingPair,
  type DpdkDevice,
  EalBuilder,
  hasHugePages,
  hasNative,
  type MemPool,
} from '../../packages/phy-dpdk/src/index.ts';
import { addressOf, native } from '../../packages/phy-dpdk/src/native.ts';

const BURST = 32;
const SAMPLES = 50_000;
const WARM_UP = 20_000;
const CALLS_PER_SAMPLE = 256;
/** Bytes before the transport header in the frames that are summed. */
const HEADERS = 34;

const shown = (value: number): string => value.toFixed(1).padStart(9);

/** Runs `sample` and prints the distribution of nanoseconds per one of its `units`. */
function measure(title: string, units: number, sample: () => void): void {
  const ns = new Float64Array(SAMPLES);
  for (let i = 0; i < WARM_UP; i += 1) sample();
  for (let i = 0; i < SAMPLES; i += 1) {
    const before = Bun.nanoseconds();
    sample();
    ns[i] = (Bun.nanoseconds() - before) / units;
  }
  ns.sort();
  const at = (share: number): string => shown(ns[Math.floor(share * (SAMPLES - 1))]!);
  console.log(`${title.padEnd(46)}${at(0.5)}${at(0.99)}${at(0.999)}${at(1)}`);
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

function main(): void {
  if (!hasNative()) {
    console.log('csrc/build/libtickwire.so is not built: nothing to measure');
    return;
  }
  const builder = new EalBuilder().noPci().memoryMb(128);
  if (!hasHugePages()) builder.noHuge();
  using eal = builder.init();
  using pool = createMemPool(eal);
  const pages = hasHugePages() ? 'huge pages' : 'ordinary pages';
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Bun ${Bun.version}`);
  console.log(`${eal.version}, ${pages}; ${SAMPLES} samples, ns per frame or call\n`);
  console.log(
    `${''.padEnd(46)}${['p50', 'p99', 'p99.9', 'max'].map((s) => s.padStart(9)).join('')}`,
  );

  const shim = native();
  measure('FFI call, one integer', CALLS_PER_SAMPLE, () => {
    for (let i = 0; i < CALLS_PER_SAMPLE; i += 1) shim.tw_nop(i);
  });
  const bytes = addressOf(pool.arena.bytes);
  for (const length of [64, 1460]) {
    measure(`tw_sum of ${length} bytes`, CALLS_PER_SAMPLE, () => {
      for (let i = 0; i < CALLS_PER_SAMPLE; i += 1) shim.tw_sum(bytes, length);
    });
  }
  for (const checksum of ['none', 'full'] as const) {
    const [a, b] = createRingPair(pool, { checksum });
    for (const length of [64, 1514]) {
      measure(`tx+rx, ${length} bytes, checksums ${checksum}`, BURST, transfer(a, b, pool, length));
    }
    const title = `alloc+tx+rx+free, 64 bytes, checksums ${checksum}`;
    measure(title, BURST, transferFresh(a, b, pool));
    measure(`empty poll, checksums ${checksum}`, CALLS_PER_SAMPLE, () => {
      for (let i = 0; i < CALLS_PER_SAMPLE; i += 1) b.receive(EMPTY, BURST, 0);
    });
    a.close();
    b.close();
  }
}

const EMPTY = new RxBurst();

main();
