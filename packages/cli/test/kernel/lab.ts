/**
 * Our stack over one driver, the kernel on the other end of the link, a recorder on the kernel's
 * end, and the verdict over both.
 *
 * @module
 */

import { expect } from 'bun:test';
import { Capture } from './capture.ts';
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

export type Driver = 'net_tap' | 'net_af_packet' | 'net_af_xdp';

/** What a test expects to differ from a silent, perfect link. */
export interface Exceptions {
  /** Counters of the kernel that the test moves on purpose. */
  readonly kernel?: readonly string[];
  /** Do not judge the capture of TCP in order: the link itself loses and swaps frames. */
  readonly impaired?: boolean;
}

/** Warnings of tshark that a retransmission explains, needed or not. */
const RETRANSMISSION =
  /out-of-order segment|Previous segment\(s\) not captured|ACKed segment that wasn't captured/;

/** Everything of one test. Made by {@link Lab.start}, removed by disposal. */
export class Lab implements AsyncDisposable {
  readonly driver: Driver;
  readonly host: HostProcess;
  /** Where the kernel's end of the link is. */
  readonly kernel: Namespace;
  readonly capture: Capture;
  readonly #stack: AsyncDisposableStack;
  readonly #before: KernelCounters;

  private constructor(
    driver: Driver,
    host: HostProcess,
    kernel: Namespace,
    capture: Capture,
    stack: AsyncDisposableStack,
  ) {
    this.driver = driver;
    this.host = host;
    this.kernel = kernel;
    this.capture = capture;
    this.#stack = stack;
    this.#before = kernelCounters(kernel);
  }

  /** Makes the link, starts the stack and the recorder, and gives the kernel its address. */
  static async start(
    driver: Driver,
    options: Partial<HostOptions> = {},
    captureFilter = '',
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
    const capture = made.use(await Capture.start(kernel, KERNEL_IFACE, captureFilter));
    return new Lab(driver, host, kernel, capture, made.move());
  }

  /**
   * Closes the stack and fails the test unless everything is given back, the kernel has no
   * complaint, and tshark finds nothing wrong with what we sent.
   */
  async verdict(exceptions: Exceptions = {}): Promise<{ accounts: Accounts; opinion: Opinion }> {
    await this.host.ask({ op: 'settle' });
    await this.capture.reach(this.kernel, STACK);
    const accounts = await this.host.close();
    const after = kernelCounters(this.kernel);
    await this.capture.stop();
    expect(complaints(this.#before, after, exceptions.kernel)).toEqual({});
    expect(accounts).toMatchObject({ connections: 0, tcpTimers: 0, ipFrames: 0 });
    expect(accounts.stats).toMatchObject({ rxErrors: 0, txDropped: 0 });
    // net_af_xdp of DPDK 22.11 never frees the frames that wait in the kernel's fill ring.
    const held = this.driver === 'net_af_xdp' ? accounts.heldByDriver : 0;
    expect(accounts.inUse).toBeLessThanOrEqual(held);
    const opinion = this.capture.opinion(STACK);
    expect(opinion.errors).toEqual({});
    expect(opinion.frames).toBeGreaterThan(0);
    const warnings = Object.entries(opinion.warnings).filter(
      ([message]) =>
        !(RETRANSMISSION.test(message) && (exceptions.impaired || wasResent(accounts))),
    );
    expect(warnings).toEqual([]);
    return { accounts, opinion };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A probe into silence is no fault; a busy machine causes some. */
function wasResent(accounts: Accounts): boolean {
  return (accounts.tcp['retransSegs'] ?? 0) > 0;
}
