/**
 * A port of DPDK: configuration, addresses, counters. The control plane; frames go through
 * `DpdkDevice`.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import type { MemPool } from './mem-pool.ts';
import { addressOf, check, cStrings, native, nativeBytes, PortFlag, putAddress } from './native.ts';
import { STRUCT_BYTES, textFrom } from './native.ts';

const MAC_BYTES = 6;

/** Two bytes that, repeated, hash both directions of a connection to one queue (Woo, Park 2012). */
const SYMMETRIC_KEY = [0x6d, 0x5a] as const;

/** Bytes of the RSS key when the driver names no length. */
const RSS_KEY_BYTES = 40;

/** The RSS key that sends both directions of a connection to the same queue. */
export function symmetricRssKey(bytes: number = RSS_KEY_BYTES): Uint8Array<ArrayBuffer> {
  const key = nativeBytes(bytes);
  for (let i = 0; i < bytes; i += 1) key[i] = SYMMETRIC_KEY[i & 1]!;
  return key;
}

/** Options of a port; what is left out is the driver's choice. */
export interface EthDevOptions {
  /** Queue pairs, default 1, at most 16. */
  readonly queues?: number;
  /** Descriptors per receive queue, default 1,024. */
  readonly rxDescriptors?: number;
  /** Descriptors per transmit queue, default 1,024. */
  readonly txDescriptors?: number;
  /** Largest IP packet. */
  readonly mtu?: number;
  /** Lets the NIC check received checksums, where it can. */
  readonly rxChecksum?: boolean;
  /** RSS key; default is {@link symmetricRssKey}. Used with two queues and more. */
  readonly rssKey?: Uint8Array;
}

/** What a port can do; `rte_eth_dev_info`. */
export interface EthDevInfo {
  readonly driver: string;
  readonly rxQueuesMax: number;
  readonly txQueuesMax: number;
  readonly mtuMin: number;
  readonly mtuMax: number;
  readonly mtu: number;
  /** Entries of the table that maps hashes to queues. */
  readonly retaSize: number;
  readonly rssKeyBytes: number;
  /** The NIC can check IPv4, TCP and UDP checksums of received frames. */
  readonly canCheckChecksums: boolean;
  /** The NIC can spread received frames over queues. */
  readonly canSpread: boolean;
  /** Linux interface that belongs to the port, or 0. */
  readonly ifIndex: number;
  /** NUMA node, or -1. */
  readonly socket: number;
}

/** Counters of the port; `rte_eth_stats`. */
export interface EthDevStats {
  readonly rxFrames: number;
  readonly txFrames: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxMissed: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxNoMemory: number;
}

/** A port. Made by {@link EthDev.open}, or over an existing port number. */
export class EthDev implements Disposable {
  /** DPDK's number of the port. */
  readonly port: number;
  /** DPDK's name: `net_tap0`, `0000:01:00.0`. */
  readonly name: string;
  readonly #groups = new Map<string, number>();
  readonly #isOwner: boolean;
  #isOpen = true;

  /** `isOwner` is false in threads that only use a queue of the port. */
  constructor(port: number, name: string, isOwner: boolean = true) {
    this.port = port;
    this.name = name;
    this.#isOwner = isOwner;
  }

  /**
   * Adds a device to the running DPDK.
   *
   * @param devargs - A virtual device with its arguments (`net_tap0,iface=tap7`) or a PCI address.
   * @throws NetError with the driver's errno.
   */
  static open(devargs: string): EthDev {
    const text = cStrings(devargs);
    const port = check(
      native().tw_port_open(addressOf(text)),
      `DPDK cannot open the device "${devargs}"`,
      "see details.log for the driver's reason",
    );
    return new EthDev(port, devargs.split(',', 1)[0] ?? devargs);
  }

  /** Configures the port, sets up its queues over `pool` and starts it. */
  start(pool: MemPool, options: EthDevOptions = {}): void {
    const info = this.info;
    const queues = options.queues ?? 1;
    if (queues > info.rxQueuesMax || queues > info.txQueuesMax) {
      throw new NetError('EINVAL', `${this.name} has fewer than ${queues} queue pairs`, {
        rxQueuesMax: info.rxQueuesMax,
        txQueuesMax: info.txQueuesMax,
      });
    }
    const key = nativeBytes(info.rssKeyBytes || RSS_KEY_BYTES);
    key.set(options.rssKey ?? symmetricRssKey(key.length));
    const config = new DataView(new ArrayBuffer(STRUCT_BYTES.portConfig));
    const flags =
      (queues > 1 ? PortFlag.Rss : 0) | (options.rxChecksum === true ? PortFlag.RxChecksum : 0);
    [
      queues,
      queues,
      options.rxDescriptors ?? 0,
      options.txDescriptors ?? 0,
      options.mtu ?? 0,
      flags,
    ].forEach((value, i) => config.setUint32(4 * i, value, true));
    putAddress(config, 24, addressOf(key));
    config.setUint32(32, info.rssKeyBytes, true);
    const advice = 'see details.log, and info for what the port can do';
    check(
      native().tw_port_configure(this.port, pool.address, addressOf(config)),
      `Cannot configure ${this.name}`,
      advice,
    );
    check(native().tw_port_start(this.port), `Cannot start ${this.name}`, advice);
  }

  /** What the port can do. */
  get info(): EthDevInfo {
    const out = new DataView(new ArrayBuffer(STRUCT_BYTES.portInfo));
    this.#check(native().tw_port_info(this.port, addressOf(out)), 'describe');
    const word = (i: number): number => out.getUint32(4 * i, true);
    return {
      driver: textFrom((text, bytes) => native().tw_port_driver(this.port, text, bytes)),
      rxQueuesMax: word(0),
      txQueuesMax: word(1),
      mtuMin: word(2),
      mtuMax: word(3),
      retaSize: word(4),
      rssKeyBytes: word(5),
      canCheckChecksums: word(6) === 1,
      canSpread: word(7) === 1,
      ifIndex: word(8),
      socket: out.getInt32(36, true),
      mtu: word(10),
    };
  }

  /** A copy of the six bytes. */
  get macAddress(): Uint8Array {
    const mac = nativeBytes(MAC_BYTES);
    this.#check(native().tw_port_mac(this.port, addressOf(mac)), 'read the MAC address of');
    return mac;
  }

  /** Changes the MAC address; not every driver can. */
  setMacAddress(mac: Uint8Array): void {
    const copy = nativeBytes(MAC_BYTES);
    copy.set(mac);
    this.#check(native().tw_port_set_mac(this.port, addressOf(copy)), 'set the MAC address of');
  }

  /** Largest IP packet that the port sends and receives. */
  get mtu(): number {
    return this.info.mtu;
  }

  /** Changes the MTU; some drivers want the port stopped. */
  setMtu(mtu: number): void {
    this.#check(native().tw_port_set_mtu(this.port, mtu), 'set the MTU of');
  }

  /** Receives frames for every address, or not. */
  setPromiscuous(on: boolean): void {
    this.#check(native().tw_port_promiscuous(this.port, on ? 1 : 0), 'set promiscuous mode of');
  }

  /** True when the link is up. */
  get isUp(): boolean {
    return this.#check(native().tw_port_link(this.port), 'read the link state of') === 1;
  }

  /** Counters of the driver. */
  get stats(): EthDevStats {
    const out = new Float64Array(new ArrayBuffer(STRUCT_BYTES.portStats));
    this.#check(native().tw_port_stats(this.port, addressOf(out)), 'read the counters of');
    return {
      rxFrames: out[0]!,
      txFrames: out[1]!,
      rxBytes: out[2]!,
      txBytes: out[3]!,
      rxMissed: out[4]!,
      rxErrors: out[5]!,
      txErrors: out[6]!,
      rxNoMemory: out[7]!,
    };
  }

  /** Multicast addresses that the port receives now, as twelve hexadecimal digits. */
  get multicastList(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** Receives a multicast address (high 16 bits, low 32 bits); counted, so leave as often. */
  joinMulticast(macHigh: number, macLow: number): void {
    const key = groupKey(macHigh, macLow);
    const members = this.#groups.get(key) ?? 0;
    this.#groups.set(key, members + 1);
    if (members === 0) this.#sendGroups();
  }

  /** Undoes {@link EthDev.joinMulticast}. */
  leaveMulticast(macHigh: number, macLow: number): void {
    const key = groupKey(macHigh, macLow);
    const members = this.#groups.get(key);
    if (members === undefined) return;
    if (members > 1) {
      this.#groups.set(key, members - 1);
      return;
    }
    this.#groups.delete(key);
    this.#sendGroups();
  }

  /** Stops and removes the port. Its pool must live until then. */
  close(): void {
    if (!this.#isOpen || !this.#isOwner) return;
    this.#isOpen = false;
    this.#check(native().tw_port_close(this.port), 'close');
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #sendGroups(): void {
    if (!this.#isOwner) {
      // Nobody here knows the addresses of the other threads: all multicast is received.
      this.#check(native().tw_port_multicast(this.port, null, 0), 'receive all multicast on');
      return;
    }
    const macs = nativeBytes(MAC_BYTES * Math.max(1, this.#groups.size));
    [...this.#groups.keys()].forEach((key, i) => macs.set(Buffer.from(key, 'hex'), MAC_BYTES * i));
    const status = native().tw_port_multicast(this.port, addressOf(macs), this.#groups.size);
    this.#check(status, 'change the multicast addresses of');
  }

  #check(status: number, what: string): number {
    return check(status, `Cannot ${what} ${this.name}`, 'the driver may not support it');
  }
}

function groupKey(macHigh: number, macLow: number): string {
  const high = macHigh.toString(16).padStart(4, '0');
  return `${high}${(macLow >>> 0).toString(16).padStart(8, '0')}`;
}
