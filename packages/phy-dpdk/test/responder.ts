/**
 * A host of two dozen lines: answers ARP and ping over a Device until its stdin closes. Prints
 * "ready" when it can be reached and its accounts, as one line of JSON, at the end.
 *
 * Usage: `bun responder.ts <device> <address>`, in a network namespace of its own.
 *
 * @module
 */

import { assert } from '@tickwire/base';
import { type Device, RX_SUMMED, RxBurst, TxBurst } from '@tickwire/phy';
import {
  ARP_REPLY,
  ARP_REQUEST,
  arpOperation,
  arpSenderIp,
  arpSenderMacHigh,
  arpSenderMacLow,
  arpTargetIp,
  CHECKSUM_GOOD,
  checkArp,
  emitArp,
  emitEthernet,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethernetSrcHigh,
  ethernetSrcLow,
  ethernetType,
  fillIpv4Checksum,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  icmpType,
  ipv4Dst,
  ipv4HeaderLength,
  ipv4Protocol,
  ipv4Src,
  ipv4TotalLength,
  setIcmpChecksum,
  setIcmpType,
} from '@tickwire/wire';
import { createMemPool, openDevice } from '../src/index.ts';
import { testEal } from './environment.ts';

const PROTOCOL_ICMP = 1;
const SRC_AT = 12;
const DST_AT = 16;
const ICMP_CHECKSUM_AT = 2;

/** What the responder has seen. */
interface Accounts {
  arpReplies: number;
  echoReplies: number;
  wrongSums: number;
}

class Responder {
  readonly accounts: Accounts = { arpReplies: 0, echoReplies: 0, wrongSums: 0 };
  readonly #device: Device;
  readonly #address: number;
  readonly #macHigh: number;
  readonly #macLow: number;
  readonly #rx = new RxBurst();
  readonly #tx = new TxBurst();

  constructor(device: Device, address: number) {
    const mac = new DataView(device.macAddress.buffer, device.macAddress.byteOffset);
    this.#device = device;
    this.#address = address;
    this.#macHigh = mac.getUint16(0);
    this.#macLow = mac.getInt32(2);
  }

  /** One burst in, its answers out; returns the number of frames received. */
  poll(nowNs: number): number {
    const device = this.#device;
    const received = device.receive(this.#rx, device.capabilities.burst, nowNs);
    let answers = 0;
    for (let i = 0; i < received; i += 1) {
      if (this.#answer(i, answers)) answers += 1;
      else device.arena.free(this.#rx.frame[i]!);
    }
    for (let i = device.transmit(this.#tx, answers, nowNs); i < answers; i += 1) {
      device.arena.free(this.#tx.frame[i]!);
    }
    return received;
  }

  /** Turns received frame `i` into its answer, in place. */
  #answer(i: number, slot: number): boolean {
    const { view } = this.#device.arena;
    const at = this.#rx.at[i]!;
    const body = at + ETHERNET_HEADER_BYTES;
    const length = this.#rx.length[i]!;
    const type = ethernetType(view, at);
    this.#tx.frame[slot] = this.#rx.frame[i]!;
    this.#tx.at[slot] = at;
    this.#tx.length[slot] = length;
    this.#tx.checksumStart[slot] = 0;
    if (type === ETHERTYPE_ARP) return this.#answerArp(at, body, length - ETHERNET_HEADER_BYTES);
    if (type !== ETHERTYPE_IPV4 || ipv4Protocol(view, body) !== PROTOCOL_ICMP) return false;
    const icmp = body + ipv4HeaderLength(view, body);
    if (icmpType(view, icmp) !== ICMP_ECHO_REQUEST || ipv4Dst(view, body) !== this.#address) {
      return false;
    }
    assert((this.#rx.flags[i]! & RX_SUMMED) !== 0, 'the device has not summed the frame');
    // An IPv4 header and an ICMP message both sum to 0xffff, and so do they together.
    if (this.#rx.sum[i] !== CHECKSUM_GOOD) this.accounts.wrongSums += 1;
    const peer = ipv4Src(view, body);
    view.setInt32(body + SRC_AT, this.#address);
    view.setInt32(body + DST_AT, peer);
    fillIpv4Checksum(view, body);
    setIcmpType(view, icmp, ICMP_ECHO_REPLY, 0);
    setIcmpChecksum(view, icmp, 0);
    this.#tx.length[slot] = ETHERNET_HEADER_BYTES + ipv4TotalLength(view, body);
    this.#tx.checksumStart[slot] = icmp;
    this.#tx.checksumAt[slot] = icmp + ICMP_CHECKSUM_AT;
    this.#readdress(at, ETHERTYPE_IPV4);
    this.accounts.echoReplies += 1;
    return true;
  }

  #answerArp(at: number, body: number, length: number): boolean {
    const { view } = this.#device.arena;
    if (checkArp(view, body, length) < 0 || arpOperation(view, body) !== ARP_REQUEST) return false;
    if (arpTargetIp(view, body) !== this.#address) return false;
    const [high, low] = [arpSenderMacHigh(view, body), arpSenderMacLow(view, body)];
    const peer = arpSenderIp(view, body);
    emitArp(view, body, ARP_REPLY, this.#macHigh, this.#macLow, this.#address, high, low, peer);
    this.#readdress(at, ETHERTYPE_ARP);
    this.accounts.arpReplies += 1;
    return true;
  }

  #readdress(at: number, type: number): void {
    const { view } = this.#device.arena;
    const [high, low] = [ethernetSrcHigh(view, at), ethernetSrcLow(view, at)];
    emitEthernet(view, at, high, low, this.#macHigh, this.#macLow, type);
  }
}

const [text, address] = process.argv.slice(2);
assert(text !== undefined && address !== undefined, 'usage: responder.ts <device> <address>');
const pool = createMemPool(testEal(), { frames: 8191 });
const device = openDevice(text, { pool });
const bytes = address.split('.').map(Number);
const responder = new Responder(device, new DataView(Uint8Array.from(bytes).buffer).getInt32(0));

let isDone = false;
process.stdin.on('end', () => {
  isDone = true;
});
process.stdin.resume();
console.log('ready');
while (!isDone) {
  const received = responder.poll(0);
  // Idle: the event loop gets its turn, and the core to whoever else wants it.
  await (received === 0 ? Bun.sleep(1) : new Promise((resolve) => setImmediate(resolve)));
}
const heldWhileOpen = pool.inUse;
device.close();
pool.arena.flush();
const { stats } = device;
console.log(JSON.stringify({ ...responder.accounts, heldWhileOpen, inUse: pool.inUse, stats }));
pool.close();
