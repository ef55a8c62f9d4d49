/**
 * The layer-3 port and virtual time: bytes in, bytes out, each timer at its own instant.
 */

import { describe, expect, test } from 'bun:test';
import { Conversations } from '../script/conversation.ts';
import { buildPacket } from '../script/packet-build.ts';
import { parsePacket } from '../script/packet-syntax.ts';
import { packetFault } from './layer3-port.ts';
import { createScriptedStack, type ScriptedStack } from './scripted-stack.ts';
import { VirtualTime } from './virtual-time.ts';

const SECOND = 1_000_000_000;

function packet(text: string, attributes: readonly (readonly [string, string])[] = []): Uint8Array {
  return buildPacket(new Conversations(), new Map(attributes), parsePacket(text));
}

/** Sequence number and source port of the SYN that an active open sends. */
function openActive(stack: ScriptedStack, peer = '10.0.0.2', port = 80): [number, number] {
  const fd = stack.sockets.socket('stream');
  stack.sockets.setNonBlocking(fd, true);
  stack.sockets.connect(fd, peer, port);
  stack.time.settle();
  const { bytes } = stack.port.take()!;
  const view = new DataView(bytes.buffer);
  return [view.getUint32(24), view.getUint16(20)];
}

describe('Layer3Port', () => {
  test('emits packets with the instant at which they left', () => {
    using stack = createScriptedStack();
    openActive(stack);
    stack.time.advance(10 * SECOND);
    const instants = stack.port.takeAll().map((emission) => emission.atNs / SECOND);
    // The SYN again after 1, 2 and 4 seconds, to the nanosecond; the clock began at 1 s.
    expect(instants).toEqual([2, 4, 8]);
  });

  test('answers within the same instant', () => {
    using stack = createScriptedStack();
    stack.time.advance(123_456_789);
    stack.port.inject(packet('icmp echo_request id 1 seq 1 (10)'));
    stack.time.settle();
    expect(stack.port.take()!.atNs).toBe(1_123_456_789);
    expect(stack.port.take()).toBeUndefined();
  });

  test('holds no frame when nothing is under way', () => {
    using stack = createScriptedStack();
    expect(stack.leftovers()).toEqual([]);
    stack.port.inject(packet('udp (1000)', [['frag', '0:400+']]));
    stack.time.settle();
    expect(stack.leftovers()).toEqual(['1 frames in IP', '1 frames']);
    stack.time.advance(120 * SECOND);
    expect(stack.leftovers()).toEqual([]);
  });

  test('two stacks with the same seed and the same input send the same bytes', () => {
    const run = (seed: number): string => {
      using stack = createScriptedStack({ seed });
      openActive(stack);
      stack.time.advance(5 * SECOND);
      return stack.port
        .takeAll()
        .map(({ bytes }) => Buffer.from(bytes).toString('hex'))
        .join();
    };
    expect(run(5)).toBe(run(5));
    expect(run(5)).not.toBe(run(6));
  });
});

describe('packetFault()', () => {
  test.each([
    ['a TCP segment', '. 1:11(10) ack 1 win 5'],
    ['a datagram', 'udp (9)'],
    ['an echo', 'icmp echo_request id 1 seq 2 (7)'],
    ['an IGMP message', 'igmp v2_report 239.1.1.1'],
  ])('finds every flipped bit of %s', (_title, text) => {
    const good = packet(text);
    expect(packetFault(good)).toBeUndefined();
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      const bad = good.slice();
      bad[bit >> 3] = bad[bit >> 3]! ^ (1 << (bit & 7));
      // A flipped fragment bit makes the rest unreadable; the header sum tells that too.
      expect(packetFault(bad)).toBeDefined();
    }
  });
});

describe('VirtualTime', () => {
  test('stops at every deadline of every party, in order', () => {
    const time = new VirtualTime(0);
    const seen: [string, number][] = [];
    const party = (name: string, deadlines: number[]): void =>
      time.add({
        poll(nowNs) {
          if (deadlines.length === 0 || deadlines[0]! > nowNs) return 0;
          deadlines.shift();
          seen.push([name, nowNs]);
          return 1;
        },
        pollAt: () => deadlines[0] ?? Number.POSITIVE_INFINITY,
      });
    party('a', [10, 30, 30]);
    party('b', [20, 40]);
    time.advanceTo(35);
    expect(seen).toEqual([
      ['a', 10],
      ['b', 20],
      ['a', 30],
      ['a', 30],
    ]);
    expect(time.nowNs).toBe(35);
    expect(time.nextAt()).toBe(40);
  });

  test('ends a journey where it is asked to', () => {
    const time = new VirtualTime(0);
    let polls = 0;
    time.add({
      poll(nowNs) {
        if (nowNs < (polls + 1) * 10) return 0;
        polls += 1;
        return 1;
      },
      pollAt: () => (polls + 1) * 10,
    });
    expect(time.advanceTo(1000, () => polls === 3)).toBe(true);
    expect(time.nowNs).toBe(30);
  });

  test('says so when somebody never rests', () => {
    const time = new VirtualTime(0);
    time.add({ poll: () => 1, pollAt: () => 0 });
    expect(() => time.settle()).toThrow('No rest');
  });
});

describe('initial sequence numbers', () => {
  test('of one conversation grow by one each 4 microseconds (RFC 9293, 3.4.1)', () => {
    const isnAt = (ns: number): number => {
      using stack = createScriptedStack({ seed: 3 });
      stack.time.advance(ns);
      const [isn] = openActive(stack);
      return isn;
    };
    const first = isnAt(0);
    expect((isnAt(4000) - first) >>> 0).toBe(1);
    expect((isnAt(SECOND) - first) >>> 0).toBe(250_000);
  });

  test('of different conversations and secrets have nothing in common (RFC 6528, 3)', () => {
    const isns = new Set<number>();
    for (let port = 80; port < 180; port += 1) {
      using stack = createScriptedStack({ seed: 3 });
      isns.add(openActive(stack, '10.0.0.2', port)[0]);
    }
    for (let seed = 100; seed < 200; seed += 1) {
      using stack = createScriptedStack({ seed });
      isns.add(openActive(stack)[0]);
    }
    expect(isns.size).toBe(200);
    // Spread over the space: a quarter of them in each quarter, roughly.
    for (const quarter of [0, 1, 2, 3]) {
      const inside = [...isns].filter((isn) => isn >>> 30 === quarter).length;
      expect(inside).toBeGreaterThan(25);
    }
  });
});

describe('local ports', () => {
  test('lie in the dynamic range and repeat only when all are used (RFC 6056, 3.2)', () => {
    using stack = createScriptedStack({ tcp: { connectionsMax: 512 } });
    const ports = new Set<number>();
    for (let i = 0; i < 200; i += 1) ports.add(openActive(stack)[1]);
    expect(ports.size).toBe(200);
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(49_152);
  });

  test('begin at a place that depends on destination and secret (RFC 6056, 3.3.3)', () => {
    const firstPort = (seed: number, peer: string): number => {
      using stack = createScriptedStack({ seed });
      return openActive(stack, peer)[1];
    };
    const starts = new Set<number>();
    for (let seed = 1; seed <= 40; seed += 1) {
      starts.add(firstPort(seed, '10.0.0.2'));
      starts.add(firstPort(seed, '10.0.0.3'));
    }
    expect(starts.size).toBeGreaterThan(75);
  });
});
