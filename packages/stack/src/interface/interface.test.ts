import { describe, expect, test } from 'bun:test';
import { createHeapArena } from '@tickwire/base';
import { createLoopbackPair } from '@tickwire/phy';
import { State } from '@tickwire/tcp';
import { IpAddress } from '@tickwire/wire';
import { pattern } from '../../test/pair.ts';
import { Interface, PollResult, SocketSet } from './index.ts';

function createLink(): {
  ifaces: [Interface, Interface];
  sets: [SocketSet, SocketSet];
  settle: () => void;
  isIdle: () => boolean;
} {
  const arena = createHeapArena({ frames: 2048, dataRoom: 2048 });
  const wire = createLoopbackPair(arena);
  const tcp = { timeWaitNs: 0 };
  const a = new Interface({ addresses: ['10.0.0.1/24'], seed: 1, tcp }, wire.a, 0);
  const b = new Interface({ addresses: ['10.0.0.2/24'], seed: 2, tcp }, wire.b, 0);
  let nowNs = 0;
  return {
    ifaces: [a, b],
    sets: [new SocketSet(a), new SocketSet(b)],
    settle: () => {
      for (let i = 0; i < 20; i += 1) {
        nowNs += 1000;
        a.poll(nowNs);
        b.poll(nowNs);
      }
    },
    isIdle: () => arena.available() === arena.capacity,
  };
}

const peer = { address: IpAddress.parse('10.0.0.2'), port: 7 };

describe('Interface and SocketSet', () => {
  test('a listening socket becomes the connection; bytes are sent, peeked and received', () => {
    const { sets, settle } = createLink();
    const server = sets[1].tcp(sets[1].addTcp());
    const client = sets[0].tcp(sets[0].addTcp());
    server.listen(7);
    expect(server.state).toBe(State.Listen);
    client.connect(peer);
    settle();
    expect(client.state).toBe(State.Established);
    expect(server.state).toBe(State.Established);
    expect(server.remoteEndpoint?.address.toString()).toBe('10.0.0.1');
    const bytes = pattern(3000);
    expect(client.send(bytes)).toBe(3000);
    settle();
    expect(server.recvQueue).toBe(3000);
    const into = new Uint8Array(4000);
    expect(server.peek(into, 0, 100)).toBe(100);
    expect(server.recv(into, 0, 1000)).toBe(1000);
    expect(server.recv(into, 1000)).toBe(2000);
    expect(Bun.hash(into.subarray(0, 3000))).toBe(Bun.hash(bytes));
    expect(server.canRecv).toBe(false);
    client.close();
    settle();
    expect(server.mayRecv).toBe(false);
    expect(server.isEnded).toBe(true);
    server.close();
    settle();
    expect(server.isOpen).toBe(false);
    expect(client.isOpen).toBe(false);
    expect(client.hasFailed).toBe(false);
  });

  test('urgent data touches its socket, and recv counts it down (RFC 9293, 3.8.5)', () => {
    const { ifaces, sets, settle } = createLink();
    const server = sets[1].tcp(sets[1].addTcp());
    const client = sets[0].tcp(sets[0].addTcp());
    server.listen(7);
    client.connect(peer);
    settle();
    expect(server.urgentBytes).toBe(0);
    const { tcp } = ifaces[0].core;
    const tcb = tcp.connection(tcp.firstConnection());
    tcp.writeUrgent(tcb, pattern(100), 0, 100);
    settle();
    expect([server.recvQueue, server.urgentBytes]).toEqual([100, 100]);
    expect(server.recv(new Uint8Array(60))).toBe(60);
    expect(server.urgentBytes).toBe(40);
    expect(server.recv(new Uint8Array(60))).toBe(40);
    expect(server.urgentBytes).toBe(0);
    client.abort();
    server.abort();
    expect(server.urgentBytes).toBe(0);
  });

  test('sockets that listen are the backlog; without one the port refuses', () => {
    const { sets, settle } = createLink();
    sets[1].tcp(sets[1].addTcp()).listen(7);
    sets[1].tcp(sets[1].addTcp()).listen(7);
    const clients = [0, 1].map(() => sets[0].tcp(sets[0].addTcp()));
    for (const client of clients) {
      client.connect(peer);
      settle();
    }
    expect(clients.map((client) => client.state)).toEqual([State.Established, State.Established]);
    const late = sets[0].tcp(sets[0].addTcp());
    late.connect(peer);
    settle();
    expect(late.isOpen).toBe(false);
    expect(late.hasFailed).toBe(true);
  });

  test('poll() says what changed and touched lists the handles', () => {
    const { ifaces, sets, settle } = createLink();
    const quiet = sets[1].addTcp();
    const handle = sets[1].addTcp();
    sets[1].tcp(handle).listen(7);
    sets[1].tcp(quiet).listen(8);
    const client = sets[0].tcp(sets[0].addTcp());
    client.connect(peer);
    settle();
    client.send(pattern(10));
    ifaces[0].poll(1_000_000);
    expect(ifaces[1].poll(1_000_000)).toBe(PollResult.SocketStateChanged);
    expect(ifaces[1].touched).toEqual([handle]);
    expect(ifaces[1].poll(1_000_001)).toBe(PollResult.None);
  });

  test('UDP datagrams wait in order and overflow is counted', () => {
    const { sets, settle } = createLink();
    const server = sets[1].udp(sets[1].addUdp());
    const client = sets[0].udp(sets[0].addUdp());
    server.bind(53);
    client.bind(0);
    settle();
    for (let i = 0; i < 70; i += 1) {
      client.send(Uint8Array.of(i), { address: peer.address, port: 53 });
      if (i % 10 === 0) settle();
    }
    settle();
    expect(server.recvQueue + server.dropped).toBe(70);
    expect(server.dropped).toBe(6);
    const into = new Uint8Array(4);
    for (let i = 0; i < 64; i += 1) {
      expect(server.recv(into)).toBe(1);
      expect(into[0]).toBe(i);
    }
    expect(server.source.port).toBe(client.localPort);
    expect(server.canRecv).toBe(false);
  });

  test('remove() gives everything back', () => {
    const { sets, settle, isIdle } = createLink();
    const server = sets[1].addTcp();
    sets[1].tcp(server).listen(7);
    const client = sets[0].addTcp();
    sets[0].tcp(client).connect(peer);
    settle();
    sets[0].tcp(client).send(pattern(100));
    settle();
    sets[0].remove(client);
    settle();
    expect(sets[1].tcp(server).isOpen).toBe(false);
    sets[1].remove(server);
    settle();
    expect(isIdle()).toBe(true);
    expect(() => sets[1].tcp(server)).toThrow('not a TCP socket');
  });
});
