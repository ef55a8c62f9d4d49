/**
 * Where the time of the TCP fast path goes: tables by function, from Bun's sampling profiler.
 *
 * A child process sends, receives and acknowledges full-sized segments in bursts of 32 over crossed
 * rings (as the benchmark `tcp-segment`) under `--cpu-prof`; this one folds the profile, one table
 * for each stage. Functions that the compiler has inlined are counted under their own names.
 * Sampling shifts shares of short functions by some percent: it says where to look, not how long.
 *
 * ```text
 * bun bench/profile.ts
 * ```
 *
 * @module
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Congestion } from '../packages/tcp/src/index.ts';
import { Crossed } from '../packages/tcp/src/testing/crossed.ts';

const BURST = 32;
const SEGMENT_BYTES = 1448;
const STEP_NS = 20_000;
/** About four seconds of the loop. */
const BURSTS = 1_000_000;
const INTERVAL_US = 100;
const PROFILE_NAME = 'fast-path.cpuprofile';
/** Functions below this share of their stage are summed up. */
const SHARE_MIN = 0.01;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** What `--cpu-prof` writes; there is more in it. */
export interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
}

/** Samples in one function, as a share of those below the stage. */
export interface ProfileRow {
  readonly name: string;
  readonly file: string;
  readonly share: number;
}

/** The stages of the loop; their names are those of the profile. */
const stages: Readonly<Record<string, (pair: Crossed) => void>> = {
  sendBurst: function sendBurst(pair) {
    const { a } = pair;
    for (let n = 0; n < BURST && a.tcp.reserve(a.tcb!, SEGMENT_BYTES) >= 0; n += 1) {
      a.tcp.commit(a.tcb!, SEGMENT_BYTES);
    }
    a.tcp.egress(pair.nowNs);
  },
  receiveBurst: function receiveBurst(pair) {
    pair.deliver(pair.a, pair.b);
    pair.b.tcp.egress(pair.nowNs);
  },
  takeAck: function takeAck(pair) {
    pair.deliver(pair.b, pair.a);
    pair.a.tcp.timers(pair.nowNs);
    pair.b.tcp.timers(pair.nowNs);
  },
};

const TITLES: Readonly<Record<string, string>> = {
  sendBurst: 'reserve, commit, egress',
  receiveBurst: 'segments arrive and are acknowledged',
  takeAck: 'the ACK arrives, timers',
};

/** Folds the samples whose stack goes through the function `stage`, the largest share first. */
export function foldProfile(profile: Profile, stage: string): ProfileRow[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const isBelow = new Set<number>();
  // Parents come before their children in no particular order: walk down from each stage.
  const open = profile.nodes.filter((node) => node.callFrame.functionName === stage);
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isBelow.has(node.id)) continue;
    isBelow.add(node.id);
    for (const child of node.children ?? []) {
      const next = nodes.get(child);
      if (next !== undefined) open.push(next);
    }
  }
  const counts = new Map<string, number>();
  let total = 0;
  for (const id of profile.samples) {
    if (!isBelow.has(id)) continue;
    const { functionName, url } = nodes.get(id)!.callFrame;
    const key = `${functionName === '' ? '(anonymous)' : functionName}\n${basename(url)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    total += 1;
  }
  return [...counts]
    .map(([key, count]) => {
      const [name = '', file = ''] = key.split('\n');
      return { name, file, share: count / total };
    })
    .toSorted((a, b) => b.share - a.share);
}

/** A Markdown table of self time; small ones in one row. */
export function renderProfile(rows: readonly ProfileRow[]): string {
  const large = rows.filter(({ share }) => share >= SHARE_MIN);
  const small = rows.slice(large.length);
  const rest = small.reduce((sum, { share }) => sum + share, 0);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return [
    '| self time | function | file |',
    '| ---: | --- | --- |',
    ...large.map(({ name, file, share }) => `| ${percent(share)} | \`${name}\` | ${file} |`),
    ...(small.length === 0 ? [] : [`| ${percent(rest)} | ${small.length} others | |`]),
  ].join('\n');
}

/** The loop that is profiled; returns nanoseconds per segment. */
function runLoop(bursts: number): number {
  const pair = new Crossed({ congestion: Congestion.NewReno });
  pair.open();
  const startNs = Bun.nanoseconds();
  for (let i = 0; i < bursts; i += 1) {
    pair.nowNs += STEP_NS;
    stages['sendBurst']!(pair);
    stages['receiveBurst']!(pair);
    stages['takeAck']!(pair);
  }
  return (Bun.nanoseconds() - startNs) / (bursts * BURST);
}

/** Profiles the loop in a process of its own and prints the tables. */
function main(): void {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-profile-'));
  try {
    const flags = ['--cpu-prof', '--cpu-prof-interval', String(INTERVAL_US)];
    const place = ['--cpu-prof-dir', folder, '--cpu-prof-name', PROFILE_NAME];
    const child = Bun.spawnSync([process.execPath, ...flags, ...place, import.meta.path, '--run'], {
      env: { ...process.env, BUN_GC_TIMER_DISABLE: '1' },
      stdout: 'pipe',
      stderr: 'inherit',
    });
    if (!child.success) throw new Error('The profiled process has failed');
    const profile = JSON.parse(readFileSync(join(folder, PROFILE_NAME), 'utf8')) as Profile;
    console.log(`${child.stdout.toString().trim()}; ${profile.samples.length} samples`);
    for (const [stage, title] of Object.entries(TITLES)) {
      console.log(`\n${title}\n\n${renderProfile(foldProfile(profile, stage))}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  if (process.argv.includes('--run')) {
    console.log(`${runLoop(BURSTS).toFixed(1)} ns per segment, all stages`);
  } else main();
}
