/**
 * Several stacks joined by links and switches, driven by events in virtual time. The same seed
 * gives the same run, to the frame.
 *
 * @module
 */

import { Stack, type StackOptions } from '@tickwire/stack';
import type { TcpConfig } from '@tickwire/tcp';
import { IpAddress, MacAddress } from '@tickwire/wire';
import { MemoryDevice } from '../port/memory-device.ts';
import { VirtualTime } from '../port/virtual-time.ts';
import { SimLink, type SimLinkOptions } from './sim-link.ts';

/** Frames of a simulated host's pool. */
const HOST_FRAMES = 4096;

/** Options of {@link SimNetwork.addHost}. */
export interface SimHostOptions {
  readonly mtu?: number;
  readonly tcp?: Partial<TcpConfig>;
  readonly frames?: number;
  /** More options of the stack. */
  readonly stack?: Partial<StackOptions>;
}

/** Something that links can be plugged into. */
interface Node {
  /** A frame arrives on the node's `port`. */
  receive(port: number, frame: Uint8Array, nowNs: number): void;
  /** Links that lead away, by port. */
  readonly ports: SimLink[];
}

/** A stack of the network. */
export class SimHost implements Node {
  readonly address: string;
  readonly stack: Stack;
  readonly device: MemoryDevice;
  readonly mac: MacAddress;
  readonly ports: SimLink[] = [];
  readonly #frames: number;

  constructor(network: SimNetwork, index: number, address: string, options: SimHostOptions) {
    this.address = address.split('/')[0]!;
    const macAddress = Uint8Array.of(2, 0, 0, 0, index >> 8, index & 0xff);
    this.mac = MacAddress.fromBytes(macAddress);
    const sink = (frame: Uint8Array, nowNs: number): void => this.ports[0]?.send(frame, nowNs);
    this.device = new MemoryDevice(sink, {
      name: `sim${index}`,
      macAddress,
      frames: options.frames ?? HOST_FRAMES,
      ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
    });
    this.#frames = this.device.arena.available();
    this.stack = new Stack({
      device: this.device,
      addresses: [address],
      clock: network.time.clock,
      seed: network.seed * 1000 + index,
      announce: false,
      tcp: { connectionsMax: 1024, ...options.tcp },
      ...options.stack,
    });
  }

  receive(_port: number, frame: Uint8Array): void {
    this.device.deliver(frame);
  }

  /** Makes this host know another one without asking for it. */
  knows(other: SimHost, nowNs: number): void {
    this.stack.core.ip.setNeighbour(IpAddress.parse(other.address), other.mac, nowNs);
  }

  /** Frames that somebody holds: 0 when everything has been given back. */
  framesInUse(): number {
    return this.#frames - this.device.arena.available() - this.device.waiting;
  }
}

/** A learning switch without delay of its own; links between switches are where things happen. */
export class SimSwitch implements Node {
  readonly ports: SimLink[] = [];
  readonly #learnt: Map<string, number> = new Map();

  receive(port: number, frame: Uint8Array, nowNs: number): void {
    const destination = key(frame, 0);
    this.#learnt.set(key(frame, 6), port);
    const known = (frame[0]! & 1) === 0 ? this.#learnt.get(destination) : undefined;
    if (known !== undefined) {
      this.ports[known]!.send(frame, nowNs);
      return;
    }
    for (let i = 0; i < this.ports.length; i += 1)
      if (i !== port) this.ports[i]!.send(frame, nowNs);
  }
}

function key(frame: Uint8Array, at: number): string {
  return String.fromCodePoint(...frame.subarray(at, at + 6));
}

/** Options of {@link SimNetwork}. */
export interface SimNetworkOptions {
  /** Seed of everything random in stacks and links. */
  readonly seed: number;
  /** The clock's first reading; default one second. */
  readonly startNs?: number;
}

/**
 * A network in virtual time.
 *
 * @example
 * ```ts
 * simulate(7, (net) => {
 *   const a = net.addHost('10.0.0.1/24');
 *   const b = net.addHost('10.0.0.2/24');
 *   net.connect(a, b, { delayNs: 10_000_000, loss: 0.01 });
 *   // listen on b, connect from a, then:
 *   net.time.advance(5_000_000_000);
 * });
 * ```
 */
export class SimNetwork implements Disposable {
  readonly seed: number;
  readonly time: VirtualTime;
  readonly hosts: SimHost[] = [];
  readonly links: SimLink[] = [];

  constructor(options: SimNetworkOptions) {
    this.seed = options.seed;
    this.time = new VirtualTime(options.startNs ?? 1_000_000_000);
  }

  /** Adds a stack with one own address, such as `10.0.0.1/24`. */
  addHost(address: string, options: SimHostOptions = {}): SimHost {
    const host = new SimHost(this, this.hosts.length + 1, address, options);
    this.hosts.push(host);
    this.time.add({
      poll: (nowNs) => host.stack.poll(nowNs),
      pollAt: () => host.stack.pollAt(),
      hasInput: () => host.device.waiting > 0,
    });
    return host;
  }

  /** Adds a switch. */
  addSwitch(): SimSwitch {
    return new SimSwitch();
  }

  /**
   * Joins two nodes by a link each way; `backward` defaults to `forward`. Returns both directions.
   * A network has no loops.
   */
  connect(
    a: SimHost | SimSwitch,
    b: SimHost | SimSwitch,
    forward: SimLinkOptions = {},
    backward: SimLinkOptions = forward,
  ): { forward: SimLink; backward: SimLink } {
    const portA = a.ports.length;
    const portB = b.ports.length;
    const there = this.#link(forward, (frame, nowNs) => b.receive(portB, frame, nowNs));
    const back = this.#link(backward, (frame, nowNs) => a.receive(portA, frame, nowNs));
    a.ports.push(there);
    b.ports.push(back);
    return { forward: there, backward: back };
  }

  #link(options: SimLinkOptions, deliver: (frame: Uint8Array, nowNs: number) => void): SimLink {
    const link = new SimLink(options, this.seed * 7919 + this.links.length, deliver);
    this.links.push(link);
    this.time.add(link);
    return link;
  }

  /** Makes every host know every other without ARP. */
  introduceAll(): void {
    for (const host of this.hosts) {
      for (const other of this.hosts) if (other !== host) host.knows(other, this.time.nowNs);
    }
  }

  [Symbol.dispose](): void {
    for (const host of this.hosts) host.stack.close();
  }
}

/** Runs `body` on a fresh network. What it throws is told with the seed. */
export function simulate<Result>(seed: number, body: (network: SimNetwork) => Result): Result {
  const network = new SimNetwork({ seed });
  try {
    return body(network);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`With seed ${seed} after ${network.time.nowNs} ns: ${message}`, {
      cause: error,
    });
  } finally {
    network[Symbol.dispose]();
  }
}
