/**
 * Our stack over one driver, the kernel on the other end of the link, a recorder on the kernel's
 * end, and the verdict over both.
 *
 * @module
 */

import { expect } from 'bun:test';
import type { Faults } from '@tickwire/phy';
import type { IdleStrategy } from '@tickwire/stack';
import { BridgeProcess, type BridgeReport } from './bridge-process.ts';
import { Capture, type Recording } from './capture.ts';
import type { Accounts, HostOptions } from './host-protocol.ts';
import { HostProcess } from './host-process.ts';
import { complaints, type KernelCounters, kernelCounters } from './kernel-counters.ts';
import { must, Namespace } from './namespace.ts';
import type { Opinion } from './opinion.ts';

/** The stack's address. */
export const STACK = '10.77.0.2';
/** The kernel's address. */
export const KERNEL = '10.77.0.1';
/** The stack's address over IPv6. */
export const STACK6 = 'fd77::2';
/** The kernel's address over IPv6. */
export const KERNEL6 = 'fd77::1';
/** The interface at the kernel's end. */
export const KERNEL_IFACE = 'twk';
/** The interface at the first end of a lossy line. */
export const STACK_IFACE = 'tws';
/** The other end of it, when it is a veth. */
export const BRIDGE_IFACE = 'twb';

const PREFIX = 24;
const PREFIX6 = 64;

/** Frames that wait for the reader of a TAP: what is lost is lost by the bridge. */
const QUEUE_FRAMES = 8192;

export type Driver = 'net_tap' | 'net_af_packet' | 'net_af_xdp';

/** How the ends of a lossy line are made. */
export type Link = 'tap' | 'veth';

/** A lossy line between the stack and the kernel. */
export interface LossyLine {
  readonly seed: number;
  /** In both directions. */
  readonly faults: Faults;
  /** Default `tap`. */
  readonly link?: Link;
  /** What stack and bridge do when nothing arrives; default `sleep`. */
  readonly idle?: IdleStrategy;
}

/** What a test expects to differ from a silent, perfect link. */
export interface Exceptions {
  /** Counters of the kernel that the test moves on purpose. */
  readonly kernel?: readonly string[];
  /** Warnings of tshark about what the kernel's end said, and our answers repeat. */
  readonly tshark?: RegExp;
}

/** Warnings of tshark that a retransmission explains, needed or not, or a frame not recorded. */
const OUT_OF_SEQUENCE =
  /out-of-order segment|Previous segment\(s\) not captured|ACKed segment that wasn't captured/;

/** What {@link Lab.verdict} found. */
export interface Verdict {
  readonly accounts: Accounts;
  readonly opinion: Opinion;
  /** What the bridge did; undefined without one. */
  readonly bridge: BridgeReport | undefined;
}

/** Everything of one test. Made by {@link Lab.start}, removed by disposal. */
export class Lab implements AsyncDisposable {
  readonly driver: Driver;
  readonly host: HostProcess;
  /** Where the kernel's end of the link is. */
  readonly kernel: Namespace;
  readonly capture: Capture;
  readonly #stack: AsyncDisposableStack;
  readonly #before: KernelCounters;
  /** The stack's. */
  #address = STACK;

  /** What is between, when the link is impaired. */
  readonly bridge: BridgeProcess | undefined;

  private constructor(
    driver: Driver,
    host: HostProcess,
    kernel: Namespace,
    capture: Capture,
    bridge: BridgeProcess | undefined,
    stack: AsyncDisposableStack,
  ) {
    this.driver = driver;
    this.host = host;
    this.kernel = kernel;
    this.capture = capture;
    this.bridge = bridge;
    this.#stack = stack;
    this.#before = kernelCounters(kernel);
  }

  /** Makes the link, starts the stack and the recorder, and gives the kernel its address. */
  static async start(
    driver: Driver,
    options: Partial<HostOptions> = {},
    recording: Recording = {},
  ): Promise<Lab> {
    await using made = new AsyncDisposableStack();
    const own = made.use(new Namespace());
    const isTap = driver === 'net_tap';
    const kernel = isTap ? own : made.use(new Namespace());
    if (!isTap) own.veth('tws', kernel, KERNEL_IFACE);
    const device = `${driver}:iface=${isTap ? KERNEL_IFACE : 'tws'}`;
    const address = `${STACK}/${PREFIX}`;
    const host = made.use(await HostProcess.start(own, { device, address, ...options }));
    kernel.ip(`addr add ${KERNEL}/${PREFIX} dev ${KERNEL_IFACE}`);
    kernel.ip(`link set ${KERNEL_IFACE} up`);
    const capture = made.use(await Capture.start(kernel, KERNEL_IFACE, recording));
    return new Lab(driver, host, kernel, capture, undefined, made.move());
  }

  /**
   * As {@link start}, over IPv6 alone. What the kernel says by itself is on the link: solicitations
   * of routers, reports of groups, duplicate address detection. Judged is every frame with our MAC.
   */
  static async startIpv6(driver: 'net_tap' | 'net_af_packet'): Promise<Lab> {
    await using made = new AsyncDisposableStack();
    const own = made.use(new Namespace());
    const isTap = driver === 'net_tap';
    const kernel = isTap ? own : made.use(new Namespace());
    if (!isTap) own.veth('tws', kernel, KERNEL_IFACE);
    const device = `${driver}:iface=${isTap ? KERNEL_IFACE : 'tws'}`;
    const address = `${STACK6}/${PREFIX6}`;
    const host = made.use(await HostProcess.start(own, { device, address }));
    kernel.ip(`link set ${KERNEL_IFACE} up`);
    const capture = made.use(await Capture.start(kernel, KERNEL_IFACE));
    await kernel.speakIpv6(KERNEL_IFACE, `${KERNEL6}/${PREFIX6}`);
    const lab = new Lab(driver, host, kernel, capture, undefined, made.move());
    lab.#address = STACK6;
    return lab;
  }

  /**
   * The stack on one end, the kernel in another namespace on the other, and a lossy bridge between
   * them. The recorder is on the stack's side: it sees what was sent, not what became of it.
   */
  static async startLossy(
    line: LossyLine,
    options: Partial<HostOptions> = {},
    recording: Recording = {},
  ): Promise<Lab> {
    const { link = 'tap', seed, faults, idle = 'sleep' } = line;
    await using made = new AsyncDisposableStack();
    const own = made.use(new Namespace());
    const kernel = made.use(new Namespace());
    const isTap = link === 'tap';
    const driver = isTap ? 'net_tap' : 'net_af_packet';
    if (!isTap) own.veth(STACK_IFACE, own, BRIDGE_IFACE);
    const address = `${STACK}/${PREFIX}`;
    const device = `${driver}:iface=${STACK_IFACE}`;
    const host = made.use(await HostProcess.start(own, { device, address, idle, ...options }));
    own.ip(`link set ${STACK_IFACE} txqueuelen ${QUEUE_FRAMES} up`);
    // Of what packet sockets send tcpdump sees nothing: it listens where the stack's frames arrive.
    const heard = isTap ? STACK_IFACE : BRIDGE_IFACE;
    const first = `net_af_packet:iface=${heard}`;
    const ends = { first, second: secondEnd(link, own, kernel) };
    const both = { seed, forward: faults, backward: faults, idle };
    const bridge = made.use(await BridgeProcess.start(own, { ...ends, ...both }));
    joinKernel(link, own, kernel);
    const capture = made.use(await Capture.start(own, heard, recording));
    return new Lab(driver, host, kernel, capture, bridge, made.move());
  }

  /**
   * Closes the stack and fails the test unless everything is given back, the kernel has no
   * complaint, and tshark finds nothing wrong with what we sent.
   */
  async verdict(exceptions: Exceptions = {}): Promise<Verdict> {
    await this.host.ask({ op: 'settle' });
    // Over IPv6 a host speaks from several addresses, and while it looks for duplicates from none.
    const judged = this.#address === STACK6 ? macOf(this.kernel, STACK6) : STACK;
    // Before the mark, whose echo finds a closed port.
    const after = kernelCounters(this.kernel);
    await this.capture.reach(this.kernel, this.#address);
    const accounts = await this.host.close();
    await this.capture.stop();
    expect(complaints(this.#before, after, exceptions.kernel)).toEqual({});
    expect(accounts).toMatchObject({ connections: 0, tcpTimers: 0, ipFrames: 0 });
    expect(accounts.stats).toMatchObject({ rxErrors: 0, txDropped: 0 });
    // net_af_xdp of DPDK 22.11 never frees the frames that wait in the kernel's fill ring.
    const held = this.driver === 'net_af_xdp' ? accounts.heldByDriver : 0;
    expect(accounts.inUse).toBeLessThanOrEqual(held);
    // Every frame is judged by itself whether or not its neighbours were recorded.
    const opinion = this.capture.opinion(judged);
    expect(opinion.errors).toEqual({});
    expect(opinion.frames).toBeGreaterThan(0);
    const isOutOfSequence =
      this.bridge !== undefined || wasResent(accounts) || this.capture.holes > 0;
    const warnings = Object.entries(opinion.warnings).filter(
      ([message]) =>
        exceptions.tshark?.test(message) !== true &&
        !(isOutOfSequence && OUT_OF_SEQUENCE.test(message)),
    );
    expect(warnings).toEqual([]);
    const bridge = await this.bridge?.stop();
    expect(bridge?.inUse ?? 0).toBe(0);
    return { accounts, opinion, bridge };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The MAC address that the kernel has found for a neighbour. */
function macOf(kernel: Namespace, neighbour: string): string {
  const text = must(['ip', '-n', kernel.name, 'neigh', 'show', 'to', neighbour]);
  const [, mac] = / lladdr (\S+)/.exec(text) ?? [];
  if (mac === undefined) throw new Error(`the kernel does not know ${neighbour}: ${text}`);
  return mac;
}

/** A probe into silence is no fault; a busy machine causes some. */
function wasResent(accounts: Accounts): boolean {
  return (accounts.tcp['retransSegs'] ?? 0) > 0;
}

/** Makes the kernel's end of a lossy line; returns the device that the bridge opens. */
export function secondEnd(link: Link, own: Namespace, kernel: Namespace): string {
  if (link === 'tap') return `net_tap:iface=${KERNEL_IFACE}`;
  own.veth('twc', kernel, KERNEL_IFACE);
  return 'net_af_packet:iface=twc';
}

/** Gives the kernel its end, and that an address, when the bridge is there. */
export function joinKernel(link: Link, own: Namespace, kernel: Namespace): void {
  if (link === 'tap') own.ip(`link set ${KERNEL_IFACE} netns ${kernel.name}`);
  kernel.ip(`link set ${KERNEL_IFACE} txqueuelen ${QUEUE_FRAMES} up`);
  kernel.ip(`addr add ${KERNEL}/${PREFIX} dev ${KERNEL_IFACE}`);
}
