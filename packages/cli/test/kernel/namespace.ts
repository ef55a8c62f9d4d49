/**
 * Network namespaces of the tests: made, used and removed, also by the next run when a run was
 * killed.
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

/** No single command may take longer. */
const COMMAND_TIMEOUT_MS = 50_000;

/** Nor may a pipeline, unless its caller knows better. */
const PIPELINE_TIMEOUT_MS = 120_000;

/** Runs a command to its end. */
export function run(command: readonly string[]): Result {
  const [program = '', ...args] = command;
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: COMMAND_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 64 << 20,
  });
  return { status: result.status ?? -1, output: `${result.stdout}${result.stderr}` };
}

/** Runs a command that has to succeed and returns what it printed. */
export function must(command: readonly string[]): string {
  const { status, output } = run(command);
  if (status !== 0) throw new Error(`${command.join(' ')}: status ${status}: ${output}`);
  return output;
}

/** Why this machine cannot run the tests, or undefined. */
export function whyNot(tools: readonly string[]): string | undefined {
  if (process.platform !== 'linux') return 'needs the Linux kernel as the peer';
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun';
  const missing = ['ip', 'ethtool', 'ping', ...tools].filter((tool) => Bun.which(tool) === null);
  return missing.length === 0 ? undefined : `needs ${missing.join(', ')}`;
}

/** Words before a command whose threads come before everybody else's. */
export function realtime(isWanted = false): readonly string[] {
  return isWanted ? ['chrt', '--rr', '10'] : [];
}

/** The kernel leaves checksums on veth unfinished and merges segments unless told not to. */
const OFFLOADS = ['tx', 'rx', 'tso', 'gso', 'gro'] as const;

/** Removes what a run left behind that was killed: its number is in the name. */
function sweep(): void {
  for (const line of run(['ip', 'netns', 'list']).output.split('\n')) {
    const [, name, pid] = /^(twk-(\d+)-\d+)/.exec(line) ?? [];
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
    this.name = `twk-${process.pid}-${made}`;
    must(['ip', 'netns', 'add', this.name]);
    // The kernel's own router solicitations and reports would be between ours.
    must(this.inside('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1'));
    must(this.inside('sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1'));
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

  /** Runs a command in the namespace to its end. */
  run(...command: readonly string[]): Result {
    return run(this.inside(...command));
  }

  /**
   * Switches IPv6 on for an interface that is up and gives it an address. The kernel then solicits
   * routers, reports its groups, and looks for duplicates: this waits until it has found none.
   */
  async speakIpv6(iface: string, address: string): Promise<void> {
    must(this.inside('sysctl', '-qw', `net.ipv6.conf.${iface}.disable_ipv6=0`));
    this.ip(`addr add ${address} dev ${iface}`);
    const settled = await eventually(() => {
      const { output } = this.run('ip', '-6', 'addr', 'show', 'dev', iface);
      if (output.includes('dadfailed')) throw new Error(`an address is taken: ${output}`);
      return Promise.resolve(output.includes('tentative') ? undefined : true);
    });
    if (settled !== true) throw new Error(`the addresses of ${iface} stay tentative`);
  }

  /** Adds a veth pair without offloads, of which `other` gets the second end. */
  veth(first: string, other: Namespace, second: string): void {
    this.ip(`link add ${first} type veth peer name ${second} netns ${other.name}`);
    for (const [space, iface] of [[this, first] as const, [other, second] as const]) {
      must(space.inside('ethtool', '-K', iface, ...OFFLOADS.flatMap((name) => [name, 'off'])));
      space.ip(`link set ${iface} up`);
    }
  }

  [Symbol.dispose](): void {
    run(['ip', 'netns', 'del', this.name]);
  }
}

/**
 * Runs a shell pipeline in the namespace without blocking this process, which meanwhile hears the
 * other children.
 */
export async function pipeline(
  space: Namespace,
  script: string,
  timeoutMs: number = PIPELINE_TIMEOUT_MS,
): Promise<Result> {
  // `timeout` ends the whole group, also when this process is gone.
  const limit = ['timeout', '-s', 'KILL', String(Math.ceil(timeoutMs / 1000))];
  const child = Bun.spawn(space.inside(...limit, 'sh', '-c', script), {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, output: `${out}${error}` };
}

/** Rounds of {@link eventually}, 10 ms each. */
const ROUNDS_MAX = 1_000;

/** Asks until the answer is there; undefined when patience ends. */
export async function eventually<Answer>(
  ask: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await Bun.sleep(10);
  }
  return undefined;
}
