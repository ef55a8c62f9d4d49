import { expect, test } from 'bun:test';
import { collectsDuring } from '@tickwire/base/testing';
import { IpAddress } from '@tickwire/wire';
import { Pair, pattern } from '../test/pair.ts';
import type { TcpSocket } from './index.ts';

/** An object for each would be tens of megabytes: several collections. */
const ROUNDS = 600_000;

/** Polls both stacks `rounds` times, one microsecond of virtual time each. */
function run(pair: Pair, rounds: number): void {
  for (let i = 0; i < rounds; i += 1) {
    pair.clock.advance(1000);
    const nowNs = pair.clock.nowNs();
    pair.a.poll(nowNs);
    pair.b.poll(nowNs);
  }
}

test('a TCP ping-pong makes no garbage per packet', async () => {
  const pair = new Pair();
  const one = Uint8Array.of(1);
  let rounds = 0;
  pair.b.listen({
    port: 7,
    socket: { data: (socket, bytes, at, length) => void socket.write(bytes, at, length) },
  });
  pair.a.connect({
    hostname: '10.0.0.2',
    port: 7,
    data: undefined,
    socket: {
      open: (socket) => void socket.write(one),
      data: (socket) => {
        rounds += 1;
        socket.write(one);
      },
    },
  });
  run(pair, 20_000);
  const before = rounds;
  expect(await collectsDuring(() => run(pair, ROUNDS))).toBe(false);
  expect(rounds - before).toBeGreaterThan(ROUNDS / 4);
});

test('a TCP bulk transfer makes no garbage per packet', async () => {
  const pair = new Pair();
  const chunk = pattern(64 * 1024);
  let received = 0;
  pair.b.listen({
    port: 9,
    socket: { data: (_socket, _bytes, _at, length) => void (received += length) },
  });
  const fill = (socket: TcpSocket<undefined>): void => {
    while (socket.write(chunk) === chunk.length);
  };
  pair.a.connect({
    hostname: '10.0.0.2',
    port: 9,
    data: undefined,
    socket: { open: fill, drain: fill },
  });
  run(pair, 2000);
  const before = received;
  expect(await collectsDuring(() => run(pair, 30_000))).toBe(false);
  // An object of 53 bytes for each of so many segments would be 32 MB.
  expect((received - before) / 1460).toBeGreaterThan(600_000);
});

test('UDP datagrams, multicast included, make no garbage', async () => {
  const pair = new Pair();
  let received = 0;
  using member = pair.b.udp({
    port: 6000,
    groups: ['239.1.2.3'],
    socket: { data: () => void (received += 1) },
  });
  using publisher = pair.a.udp();
  const group = IpAddress.parse('239.1.2.3');
  const bytes = pattern(100);
  const send = (count: number): void => {
    for (let i = 0; i < count; i += 1) {
      publisher.send(bytes, 0, 100, group, member.localPort);
      run(pair, 1);
    }
  };
  send(20_000);
  const before = received;
  expect(await collectsDuring(() => send(ROUNDS))).toBe(false);
  expect((received - before) % ROUNDS).toBe(0);
  expect(received).toBeGreaterThan(before);
});
