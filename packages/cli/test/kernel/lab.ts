/**
 * Our stack over one driver, the kernel on the other end of the link, a recorder on the kernel's
 * end, and the verdict over both.
 *
 * @module
 */

import { expect } from 'bun:test';
import type { Faults } from '@tickwire/phy';
import { BridgeProcess, type BridgeReport } from './bridge-process.ts';
import { Capture, type Recording } from './capture.ts';
import type { Accounts, HostOptions } from './host-protocol.ts';
import { HostProcess } from './host-process.ts';
import { complaints, type KernelCounters, kernelCounters } from './kernel-counters.ts';
import { Namespace } from './namespace.ts';
import type { Opinion } from './opinion.ts';

/** The stack's address. */
export const STACK = '10.77.0.2';
/** The kernel's address. */
export const KERNEL = '10.77.0.1';
/** The interface at the kernel's end. */
export const KERNEL_IFACE = 'twk';

const PREFIX = 24;

/** Frames that wait for the reader of a TAP: what is lost is lost by the bridge. */
const QUEUE_FRAMES = 8192;

export type Driver = 'net_tap' | 'net_af_packet' | 'net_af_xdp';

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
   * The stack on a TAP, the kernel in another namespace on another, and a lossy bridge between
   * them. The recorder is on the stack's side: it sees what was sent, not what became of it.
   */
  static async startLossy(
    seed: number,
    faults: Faults,
    options: Partial<HostOptions> = {},
    recording: Recording = {},
  ): Promise<Lab> {
    await using made = new AsyncDisposableStack();
    const own = made.use(new Namespace());
    const kernel = made.use(new Namespace());
    const stackIface = 'tws';
    const address = `${STACK}/${PREFIX}`;
    const device = `net_tap:iface=${stackIface}`;
    const host = made.use(await HostProcess.start(own, { device, address, ...options }));
    own.ip(`link set ${stackIface} txqueuelen ${QUEUE_FRAMES} up`);
    const bridge = made.use(
      await BridgeProcess.start(own, {
        stackIface,
        kernelIface: KERNEL_IFACE,
        seed,
        forward: faults,
        backward: faults,
      }),
    );
    own.ip(`link set ${KERNEL_IFACE} netns ${kernel.name}`);
    kernel.ip(`link set ${KERNEL_IFACE} txqueuelen ${QUEUE_FRAMES} up`);
    kernel.ip(`addr add ${KERNEL}/${PREFIX} dev ${KERNEL_IFACE}`);
    const capture = made.use(await Capture.start(own, stackIface, recording));
    return new Lab('net_tap', host, kernel, capture, bridge, made.move());
  }

  /**
   * Closes the stack and fails the test unless everything is given back, the kernel has no
   * complaint, and tshark finds nothing wrong with what we sent.
   */
  async verdict(exceptions: Exceptions = {}): Promise<Verdict> {
    await this.host.ask({ op: 'settle' });
    // Before the mark, whose echo finds a closed port.
    const after = kernelCounters(this.kernel);
    await this.capture.reach(this.kernel, STACK);
    const accounts = await this.host.close();
    await this.capture.stop();
    expect(complaints(this.#before, after, exceptions.kernel)).toEqual({});
    expect(accounts).toMatchObject({ connections: 0, tcpTimers: 0, ipFrames: 0 });
    expect(accounts.stats).toMatchObject({ rxErrors: 0, txDropped: 0 });
    // net_af_xdp of DPDK 22.11 never frees the frames that wait in the kernel's fill ring.
    const held = this.driver === 'net_af_xdp' ? accounts.heldByDriver : 0;
    expect(accounts.inUse).toBeLessThanOrEqual(held);
    // Every frame is judged by itself whether or not its neighbours were recorded.
    const opinion = this.capture.opinion(STACK);
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

/** A probe into silence is no fault; a busy machine causes some. */
function wasResent(accounts: Accounts): boolean {
  return (accounts.tcp['retransSegs'] ?? 0) > 0;
}
