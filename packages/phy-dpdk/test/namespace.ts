/**
 * Network namespaces of a test: made, used and removed.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What a command printed and how it ended. */
export interface Result {
  readonly status: number;
  readonly output: string;
}

/** Runs a command to its end. */
export function run(command: readonly string[], env: Record<string, string> = {}): Result {
  const [program = '', ...args] = command;
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  return { status: result.status ?? -1, output: `${result.stdout}${result.stderr}` };
}

function must(command: readonly string[]): void {
  const { status, output } = run(command);
  if (status !== 0) throw new Error(`${command.join(' ')}: ${output}`);
}

/**
 * The kernel leaves checksums of veth frames unfinished and merges segments unless it is told not
 * to.
 */
const OFFLOADS = ['tx', 'tso', 'gso', 'gro'] as const;

function setUp(iface: string, inside: (...command: string[]) => string[]): void {
  must(inside('ethtool', '-K', iface, ...OFFLOADS.flatMap((name) => [name, 'off'])));
  must(inside('ip', 'link', 'set', iface, 'up'));
}

/** Adds a veth pair in the namespace that this process is in. */
export function addVeth(first: string, second: string): void {
  must(['ip', 'link', 'add', first, 'type', 'veth', 'peer', 'name', second]);
  for (const iface of [first, second]) setUp(iface, (...command) => command);
}

/** Frames that the kernel keeps for the reader of a TAP before it drops. */
const TAP_QUEUE_FRAMES = '8192';

/** Joins interfaces by a bridge in the namespace that this process is in. */
export function addBridge(bridge: string, ifaces: readonly string[]): void {
  // Without spanning tree and multicast snooping a bridge says nothing of its own.
  const quiet = ['stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0'];
  must(['ip', 'link', 'add', bridge, 'type', 'bridge', ...quiet]);
  must(['ip', 'link', 'set', bridge, 'up']);
  for (const iface of ifaces) {
    must(['ip', 'link', 'set', iface, 'txqueuelen', TAP_QUEUE_FRAMES, 'master', bridge, 'up']);
  }
}

/** Removes an interface, and its peer, from the namespace that this process is in. */
export function removeLink(iface: string): void {
  must(['ip', 'link', 'del', iface]);
}

/** Removes what a run left behind that was killed: its number is in the name. */
function sweep(): void {
  for (const line of run(['ip', 'netns', 'list']).output.split('\n')) {
    const [, name, pid] = /^(tw-(\d+)-\d+)/.exec(line) ?? [];
    if (name !== undefined && !existsSync(`/proc/${pid}`)) run(['ip', 'netns', 'del', name]);
  }
}

let made = 0;

/** A namespace with its own interfaces; everything in it goes when it is disposed. */
export class Namespace implements Disposable {
  readonly name: string;

  constructor() {
    if (made === 0) sweep();
    made += 1;
    this.name = `tw-${process.pid}-${made}`;
    must(['ip', 'netns', 'add', this.name]);
    this.ip('link set lo up');
  }

  /** Runs `ip` in the namespace, with words separated by spaces. */
  ip(words: string): void {
    must(['ip', '-n', this.name, ...words.split(' ')]);
  }

  /** The command line that runs `command` in the namespace. */
  inside(...command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...command];
  }

  /** Adds a veth pair of which `other` gets the second end. */
  veth(first: string, other: Namespace, second: string): void {
    this.ip(`link add ${first} type veth peer name ${second} netns ${other.name}`);
    setUp(first, (...command) => this.inside(...command));
    setUp(second, (...command) => other.inside(...command));
  }

  [Symbol.dispose](): void {
    run(['ip', 'netns', 'del', this.name]);
  }
}
