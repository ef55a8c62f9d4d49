/**
 * Never crash, never leak, never answer nonsense: packets that were bent in every way, thrown at a
 * stack through which one live connection runs. Structure-aware: a mutated packet is valid but for
 * the mutation, and most get their checksums repaired, so that they reach the layer that is tried.
 */

import { describe, expect, test } from 'bun:test';
import { Prng } from '@tickwire/base';
import {
  checksumAdd,
  checksumFinish,
  checksumFinishUdp,
  icmpIsError,
  ipv4HeaderLength,
  PROTOCOL_ICMP,
  PROTOCOL_IGMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoSum4,
  TCP_RST,
  tcpFlags,
} from '@tickwire/wire';
import { Conversations, streamByte } from '../script/conversation.ts';
import { buildPacket } from '../script/packet-build.ts';
import { readPacket } from '../script/packet-read.ts';
import { parseAttributes, parsePacket } from '../script/packet-syntax.ts';
import { type Emission, packetFault } from './layer3-port.ts';
import { createScriptedStack, type ScriptedStack } from './scripted-stack.ts';

const SECOND = 1_000_000_000;
const ROUNDS = 10_000;

/** Packets to begin with: one of each kind, for the live connection, the listener and nobody. */
const CORPUS: readonly string[] = [
  '[sport 6000] . 1:1(0) ack 1 win 100',
  '[sport 6000] P. 1:101(100) ack 1 win 65535 <nop,nop,sack 1:100>',
  '[sport 6000] . 1001:2001(1000) ack 1 win 65535',
  '[sport 6000] . 501:1501(1000) ack 1 win 65535',
  '[sport 6000] F. 101:101(0) ack 1 win 5',
  '[sport 6000] R 1:1(0) win 5',
  '[sport 6001] . 1:1(0) ack 1 win 100',
  '[sport 6001] FP. 1:101(100) ack 1 win 0',
  'S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>',
  '[sport 6000] S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK,nop,wscale 7>',
  '[sport 6001] S 0:10(10) win 65535 <mss 1460,FO 0011223344556677>',
  '[sport 6002, dport 9] S. 5:5(0) ack 9 win 0',
  '[sport 6003] R. 5:5(0) ack 9 win 0',
  '[sport 6000] PU. 1:50(49) ack 1 win 5 urg 7',
  '[dport 53] udp (64)',
  '[dport 7777] udp (300)',
  '[frag 0:64+, id 9] udp (200)',
  '[frag 64:128+, id 9] udp (200)',
  'icmp echo_request id 3 seq 4 (56)',
  'icmp unreachable port about 1:1(0)',
  '[src 10.0.0.254] icmp unreachable frag_needed mtu 900 about 1:1(0)',
  'icmp time_exceeded ttl about udp (8)',
  '[multicast, dst 224.0.0.1] igmp query 0.0.0.0 10',
  'ip 89 (40)',
];

class Fuzzer {
  readonly stack: ScriptedStack;
  readonly random: Prng;
  readonly conversations = new Conversations();
  readonly #listener: number;
  readonly #open: number[] = [];
  readonly #fd: number;
  /** Bytes of the live connection: sent by the peer, and read here. */
  #peerSent = 0;
  #read = 0;

  constructor(seed: number) {
    this.random = new Prng(seed);
    this.stack = createScriptedStack({ seed, tcp: { timestamps: false, timeWaitNs: SECOND } });
    const { sockets } = this.stack;
    const listener = sockets.socket('stream');
    this.#listener = listener;
    sockets.bind(listener, '0.0.0.0', 8080);
    sockets.setsockopt(listener, 'TCP_FASTOPEN', 4);
    sockets.listen(listener, 16);
    const datagram = sockets.socket('datagram');
    sockets.bind(datagram, '0.0.0.0', 53);
    this.inject('S 0:0(0) win 65535 <mss 1000>');
    const [synAck] = this.stack.port.takeAll();
    const view = new DataView(synAck!.bytes.buffer);
    this.conversations.of(this.conversations.current).learnSyn(view.getInt32(24));
    this.inject('. 1:1(0) ack 1 win 65535');
    this.#fd = sockets.accept(listener);
    expect(this.#fd).toBeGreaterThan(0);
  }

  inject(text: string): void {
    this.stack.port.inject(this.#bytes(text));
    this.stack.time.settle();
  }

  #bytes(text: string): Uint8Array {
    const { attributes, rest } = parseAttributes(text);
    return buildPacket(this.conversations, attributes, parsePacket(rest));
  }

  /** One mutated packet, and what the stack answered. */
  round(): void {
    const { random, stack } = this;
    const packet = this.#bytes(CORPUS[random.nextBelow(CORPUS.length)]!);
    const mutated = this.#mutate(packet);
    const link = random.nextBelow(20) === 0 ? 'broadcast' : 'unicast';
    stack.port.inject(mutated, link);
    stack.time.settle();
    for (const emission of stack.port.takeAll()) this.#judge(mutated, emission, link);
    this.#useSockets();
    if (random.nextBelow(10) === 0) stack.time.advance(random.nextBelow(SECOND));
    for (const emission of stack.port.takeAll())
      expect(packetFault(emission.bytes)).toBeUndefined();
  }

  /** What mutated handshakes have opened is used a little, and closed after a while. */
  #useSockets(): void {
    const { sockets } = this.stack;
    const { random } = this;
    const accepted = sockets.accept(this.#listener);
    if (accepted > 0) this.#open.push(accepted);
    if (this.#open.length === 0) return;
    const which = random.nextBelow(this.#open.length);
    const fd = this.#open[which]!;
    switch (random.nextBelow(40)) {
      case 0:
        sockets.close(fd);
        this.#open.splice(which, 1);
        break;
      case 1:
        sockets.shutdown(fd, 'SHUT_WR');
        break;
      case 2:
        sockets.write(fd, new Uint8Array(random.nextBelow(3000)));
        break;
      default:
        sockets.read(fd, new Uint8Array(50));
    }
    this.stack.time.settle();
  }

  #mutate(packet: Uint8Array): Uint8Array {
    const { random } = this;
    let bytes = packet.slice();
    const times = 1 + random.nextBelow(3);
    for (let i = 0; i < times; i += 1) {
      const at = random.nextBelow(bytes.length);
      switch (random.nextBelow(5)) {
        case 0:
          bytes[at] = bytes[at]! ^ (1 << random.nextBelow(8));
          break;
        case 1:
          bytes[at] = random.nextBelow(256);
          break;
        case 2:
          bytes[at] = random.nextBelow(2) === 0 ? 0 : 0xff;
          break;
        case 3:
          if (bytes.length > 24) bytes = bytes.slice(0, 20 + random.nextBelow(bytes.length - 20));
          break;
        default: {
          const from = random.nextBelow(bytes.length);
          bytes.copyWithin(at, from, from + random.nextBelow(8));
        }
      }
    }
    // The live connection's peer is honest: nobody else may reset it or move its numbers.
    if (this.#wouldBeBelieved(bytes)) return packet.slice(0, 10);
    if (random.nextBelow(4) !== 0) repair(bytes);
    return bytes;
  }

  /** Whether the packet belongs to the live connection: then it could do what its peer may. */
  #wouldBeBelieved(bytes: Uint8Array): boolean {
    if (bytes.length < 24) return false;
    const at = (bytes[0]! & 15) * 4;
    if (at < 20 || at + 4 > bytes.length || bytes[9] !== PROTOCOL_TCP) return false;
    const view = new DataView(bytes.buffer);
    return view.getUint16(at) === 5000 && view.getUint16(at + 2) === 8080;
  }

  /** Nothing that leaves is malformed, no reset answers a reset, no error answers an error. */
  #judge(cause: Uint8Array, emission: Emission, link: string): void {
    const { bytes } = emission;
    expect(packetFault(bytes)).toBeUndefined();
    // Learns sequence numbers, so that later packets fit.
    readPacket(this.conversations, emission);
    const view = new DataView(bytes.buffer);
    const at = ipv4HeaderLength(view, 0);
    const causeView = new DataView(cause.buffer);
    const causeAt = cause.length >= 20 ? ipv4HeaderLength(causeView, 0) : 0;
    const isError = bytes[9] === PROTOCOL_ICMP && icmpIsError(bytes[at]!);
    if (link === 'broadcast') expect(isError).toBe(false);
    if (isError && cause[9] === PROTOCOL_ICMP && causeAt < cause.length) {
      expect(icmpIsError(cause[causeAt]!)).toBe(false);
    }
    const isReset = bytes[9] === PROTOCOL_TCP && (tcpFlags(view, at) & TCP_RST) !== 0;
    if (isReset && cause[9] === PROTOCOL_TCP && causeAt + 14 <= cause.length) {
      expect(tcpFlags(causeView, causeAt) & TCP_RST).toBe(0);
    }
  }

  /** The live connection carries some bytes, exactly. */
  converse(): void {
    const length = 1 + this.random.nextBelow(1000);
    const seq = 1 + this.#peerSent;
    this.inject(`P. ${seq}:${seq + length}(${length}) ack 1 win 65535`);
    this.#peerSent += length;
    const into = new Uint8Array(length);
    expect(this.stack.sockets.read(this.#fd, into)).toBe(length);
    for (const byte of into) {
      expect(byte).toBe(streamByte(this.#read));
      this.#read += 1;
    }
    this.stack.time.advance(SECOND / 10);
    this.stack.port.takeAll();
  }

  finish(): void {
    // The packets came as far as they should: states were reached, errors sent, damage noticed.
    const { tcp, ip } = this.stack.core;
    expect(tcp.counters.passiveOpens).toBeGreaterThan(5);
    expect(tcp.counters.inSegs).toBeGreaterThan(1000);
    expect(tcp.counters.outRsts).toBeGreaterThan(20);
    expect(ip.counters().icmpErrorsTx).toBeGreaterThan(20);
    expect(ip.counters().tcpBadChecksum).toBeGreaterThan(20);
    expect(ip.counters().fragmentsRx).toBeGreaterThan(20);
    this.stack.sockets.closeAll();
    this.stack.time.advance(3600 * SECOND);
    this.stack.port.takeAll();
    expect(this.stack.leftovers()).toEqual([]);
  }
}

/** Makes the checksums right again, so that the mutation reaches its layer. */
function repair(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer);
  const at = (bytes[0]! & 15) * 4;
  if (at < 20 || at > bytes.length) return;
  view.setUint16(10, 0);
  view.setUint16(10, checksumFinish(checksumAdd(view, 0, at, 0)));
  const length = bytes.length - at;
  const protocol = bytes[9]!;
  const pseudo = pseudoSum4(view.getInt32(12), view.getInt32(16), protocol, length);
  if (protocol === PROTOCOL_TCP && length >= 18) {
    view.setUint16(at + 16, 0);
    view.setUint16(at + 16, checksumFinish(checksumAdd(view, at, length, pseudo)));
  } else if (protocol === PROTOCOL_UDP && length >= 8) {
    view.setUint16(at + 6, 0);
    view.setUint16(at + 6, checksumFinishUdp(checksumAdd(view, at, length, pseudo)));
  } else if ((protocol === PROTOCOL_ICMP || protocol === PROTOCOL_IGMP) && length >= 4) {
    view.setUint16(at + 2, 0);
    view.setUint16(at + 2, checksumFinish(checksumAdd(view, at, length, 0)));
  }
}

describe('mutated packets', () => {
  test.each([1, 2, 3, 4])('do no harm (seed %d)', (seed) => {
    const fuzzer = new Fuzzer(seed);
    using _stack = fuzzer.stack;
    for (let i = 0; i < ROUNDS; i += 1) {
      fuzzer.round();
      if (i % 50 === 0) fuzzer.converse();
    }
    fuzzer.finish();
  });
});
