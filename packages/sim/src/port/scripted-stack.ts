/**
 * One whole stack behind a layer-3 port, in virtual time, with sockets on top.
 *
 * @module
 */

import type { IpLimits } from '@tickwire/ip';
import { resolveOptions, StackCore } from '@tickwire/stack';
import type { TcpOptions } from '@tickwire/tcp';
import { IpAddress } from '@tickwire/wire';
import { Posix } from '../posix/posix.ts';
import { Layer3Port, PEER_MAC } from './layer3-port.ts';
import { VirtualTime } from './virtual-time.ts';

/** How long an IPv6 address waits for objections before it is used (RFC 4862, 5.4), and more. */
const ADDRESS_NS = 2_000_000_000;

/** Options of {@link createScriptedStack}. */
export interface ScriptedStackOptions {
  /** Own address with prefix; default `10.0.0.1/24`. */
  readonly address?: string;
  /** Simulated neighbours, all behind one MAC; default `10.0.0.2`, `.3` and `.254`. */
  readonly neighbours?: readonly string[];
  /** Default gateway; default `10.0.0.254`. Must be among the neighbours. */
  readonly gateway?: string;
  /** The port carries IPv6; give addresses, gateway and neighbours of it. */
  readonly ipv6?: boolean;
  /** Default 1500. */
  readonly mtu?: number;
  /** Frames of the pool; default 4096. */
  readonly frames?: number;
  /** Deviations from the TCP defaults. */
  readonly tcp?: TcpOptions;
  readonly ipLimits?: Partial<IpLimits>;
  /** Seed of sequence numbers, ports and delays; default 1. */
  readonly seed?: number;
  /** The clock's first reading; default one second. */
  readonly startNs?: number;
}

/** A stack whose network and whose time belong to the test. */
export class ScriptedStack implements Disposable {
  readonly core: StackCore;
  readonly port: Layer3Port;
  readonly sockets: Posix;
  readonly time: VirtualTime;
  readonly #frames: number;

  constructor(options: ScriptedStackOptions = {}) {
    const mtu = options.mtu ?? 1500;
    const seed = options.seed ?? 1;
    this.time = new VirtualTime(options.startNs ?? 1_000_000_000);
    const { frames, ipv6 = false } = options;
    this.port = new Layer3Port({ mtu, ipv6, ...(frames === undefined ? {} : { frames }) });
    this.sockets = new Posix();
    const neighbours = options.neighbours ?? ['10.0.0.2', '10.0.0.3', '10.0.0.254'];
    const device = this.port.device;
    this.#frames = device.arena.available();
    const resolved = resolveOptions({
      device,
      clock: this.time.clock,
      seed,
      addresses: [options.address ?? '10.0.0.1/24'],
      gateway: options.gateway ?? '10.0.0.254',
      neighbours: neighbours.map((text) => ({ address: IpAddress.parse(text), mac: PEER_MAC })),
      announce: false,
      tcp: { connectionsMax: 1024, ...options.tcp },
      ...(options.ipLimits === undefined ? {} : { ipLimits: options.ipLimits }),
    });
    this.core = new StackCore(resolved, this.sockets, this.sockets);
    this.sockets.attach(this.core);
    this.time.add({
      poll: (nowNs) => this.core.poll(nowNs),
      pollAt: () => this.core.pollAt(),
      hasInput: () => device.waiting > 0,
    });
    this.time.settle();
    if (ipv6) this.time.advance(ADDRESS_NS);
  }

  /** The virtual now. */
  get nowNs(): number {
    return this.time.nowNs;
  }

  /** Frames that somebody holds: 0 when everything has been given back. */
  framesInUse(): number {
    return this.#frames - this.core.arena.available() - this.port.device.waiting;
  }

  /** What is left behind, as text; empty when connections, timers and frames are all back. */
  leftovers(): string[] {
    const { tcp, ip } = this.core;
    const left: string[] = [];
    if (tcp.connectionCount > 0) left.push(`${tcp.connectionCount} connections`);
    if (tcp.halfOpenCount > 0) left.push(`${tcp.halfOpenCount} half-open connections`);
    if (tcp.timersArmed > 0) left.push(`${tcp.timersArmed} TCP timers`);
    if (ip.framesHeld > 0) left.push(`${ip.framesHeld} frames in IP`);
    if (this.framesInUse() !== 0) left.push(`${this.framesInUse()} frames`);
    return left;
  }

  [Symbol.dispose](): void {
    this.sockets.closeAll();
    this.core.close();
    this.port.device.close();
  }
}

/**
 * One stack at 10.0.0.1 over a layer-3 port, in virtual time, with sockets on top.
 *
 * @example
 * ```ts
 * using stack = createScriptedStack({ tcp: { timestamps: false } });
 * const fd = stack.sockets.socket('stream');
 * stack.sockets.bind(fd, '0.0.0.0', 80);
 * stack.sockets.listen(fd, 8);
 * stack.port.inject(syn);
 * stack.time.settle();
 * const synAck = stack.port.take(); // { atNs, bytes }
 * ```
 */
export function createScriptedStack(options: ScriptedStackOptions = {}): ScriptedStack {
  return new ScriptedStack(options);
}
