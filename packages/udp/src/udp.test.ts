import { describe, expect, test } from 'bun:test';
import { NO_FRAME, Status } from '@tickwire/base';
import {
  checksumAdd,
  checksumFinishUdp,
  checksumFold,
  emitUdp,
  PROTOCOL_UDP,
  pseudoSum4,
} from '@tickwire/wire';
import { Bench, GROUP, ip4, OUR_IP, PEER_IP, V4 } from '../test/harness.ts';
import { UdpState } from './socket.ts';

describe('bind()', () => {
  test('refuses an address and port that overlap, unless both sockets share', () => {
    const bench = new Bench();
    bench.bound(4000);
    const other = bench.udp.open()!;
    expect(bench.udp.bind(other, 0, 0, V4, OUR_IP, 4000)).toBe(Status.Exists);
    other.reuse = 1;
    expect(bench.udp.bind(other, 0, 0, V4, 0, 4000)).toBe(Status.Exists);
    expect(bench.udp.bind(other, 0, 0, V4, 0, 4001)).toBe(Status.Ok);
    bench.bound(4001, 0, 1);
    bench.bound(4002, OUR_IP);
    bench.bound(4002, ip4('10.0.0.9'));
  });

  test('frees the port with close()', () => {
    const bench = new Bench();
    const socket = bench.bound(4000);
    bench.udp.close(socket, 0);
    expect(socket.state).toBe(UdpState.Closed);
    bench.udp.close(socket, 0);
    bench.bound(4000);
    expect(bench.udp.openSockets).toBe(1);
  });

  test('chooses ephemeral ports in the dynamic range without repeating (RFC 6056)', () => {
    const bench = new Bench({ sockets: 300 });
    const ports = new Set<number>();
    for (let i = 0; i < 300; i += 1) ports.add(bench.bound(0).localPort);
    expect(ports.size).toBe(300);
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(49_152);
    const sorted = [...ports];
    expect(sorted.filter((port, i) => i > 0 && port === sorted[i - 1]! + 1).length).toBeLessThan(
      30,
    );
  });

  test('another key gives other ephemeral ports (RFC 6056, 3.3.1)', () => {
    const a = new Bench({ key: [1, 2, 3, 4] }).bound(0).localPort;
    const b = new Bench({ key: [1, 2, 3, 5] }).bound(0).localPort;
    expect(a).not.toBe(b);
  });

  test('refuses a second binding and impossible ports', () => {
    const bench = new Bench();
    const socket = bench.bound(1);
    expect(bench.udp.bind(socket, 0, 0, V4, 0, 2)).toBe(Status.BadState);
    expect(bench.udp.bind(bench.udp.open()!, 0, 0, V4, 0, 65_536)).toBe(Status.OutOfRange);
  });
});

describe('open()', () => {
  test('says null when the pool is empty, and hands out clean sockets', () => {
    const bench = new Bench({ sockets: 1 });
    const socket = bench.bound(9);
    socket.multicastHopLimit = 9;
    socket.token = 5;
    expect(bench.udp.open()).toBeNull();
    bench.udp.close(socket, 0);
    const again = bench.udp.open()!;
    expect([again.token, again.multicastHopLimit, again.localPort]).toEqual([0, 1, 0]);
  });
});

describe('receive()', () => {
  test('prefers connected, then exact, then wildcard sockets', () => {
    const bench = new Bench();
    const any = bench.bound(7, 0, 1);
    const exact = bench.bound(7, OUR_IP, 1);
    const connected = bench.bound(7, OUR_IP, 1);
    bench.udp.connect(connected, 0, 0, V4, PEER_IP, 5000, 0);
    bench.receive('a', 7);
    bench.receive('b', 7, { srcPort: 5001 });
    bench.receive('c', 7, { dst: ip4('10.0.0.7') });
    expect(bench.delivered.map((d) => [d.data, d.socket])).toEqual([
      ['a', connected],
      ['b', exact],
      ['c', any],
    ]);
    expect(bench.delivered[1]!.sourcePort).toBe(5001);
    expect(bench.framesInUse).toBe(0);
  });

  test('says NoHandler and leaves the frame when nobody listens', () => {
    const bench = new Bench();
    expect(bench.receive('x', 9)).toBe(Status.NoHandler);
    expect(bench.udp.counters().rxNoSocket).toBe(1);
    expect(bench.framesInUse).toBe(0);
  });

  test('delivers an empty datagram (RFC 768)', () => {
    const bench = new Bench();
    bench.bound(7);
    expect(bench.receive('', 7)).toBe(Status.Ok);
    expect(bench.delivered[0]!.data).toBe('');
  });

  test('gives a multicast to every member of the port (RFC 1122, 4.1.3.3)', () => {
    const bench = new Bench();
    const sockets = [0, 1, 2].map(() => bench.bound(30_001, 0, 1));
    for (const socket of sockets.slice(0, 2)) {
      expect(bench.udp.joinGroup(socket, 0, 0, V4, GROUP, 0)).toBe(Status.Ok);
    }
    const onGroup = bench.bound(30_001, GROUP, 1);
    bench.udp.joinGroup(onGroup, 0, 0, V4, GROUP, 0);
    bench.receive('tick', 30_001, { dst: GROUP });
    expect(new Set(bench.delivered.map((d) => d.socket))).toEqual(
      new Set([sockets[0]!, sockets[1]!, onGroup]),
    );
    expect(bench.ip.joins.get(GROUP)).toBe(3);
    for (const socket of [...sockets, onGroup]) bench.udp.close(socket, 0);
    expect(bench.ip.joins.size).toBe(0);
    expect(bench.framesInUse).toBe(0);
  });

  test('gives a broadcast to every socket of the port', () => {
    const bench = new Bench();
    bench.bound(67, 0, 1);
    bench.bound(67, 0, 1);
    bench.bound(67, OUR_IP, 1);
    bench.receive('b', 67, { dst: -1 });
    expect(bench.delivered).toHaveLength(2);
  });

  test('a receiver may close the next one and reopen it', () => {
    const bench = new Bench({ sockets: 2 });
    const first = bench.bound(5, 0, 1);
    const second = bench.bound(5, 0, 1);
    bench.onDatagram = (socket): void => {
      bench.onDatagram = undefined;
      const other = socket === first ? second : first;
      bench.udp.close(other, 0);
      bench.udp.open();
    };
    bench.receive('x', 5, { dst: -1 });
    expect(bench.delivered).toHaveLength(1);
    expect(bench.framesInUse).toBe(0);
  });

  test('a receiver may keep the frame', () => {
    const bench = new Bench();
    bench.bound(5);
    bench.onDatagram = (): void => bench.arena.retain(bench.meta.frame);
    bench.receive('x', 5);
    expect(bench.framesInUse).toBe(1);
    bench.arena.free(bench.meta.frame);
    expect(bench.framesInUse).toBe(0);
  });
});

describe('send()', () => {
  test('writes a header whose completed checksum is right (RFC 768)', () => {
    const bench = new Bench();
    const socket = bench.bound(4000);
    for (const text of ['', 'a', 'ab', 'hello']) {
      expect(bench.send(socket, PEER_IP, 53, text)).toBe(text.length);
      const { bytes } = bench.ip.sent.pop()!;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      expect(view.getUint16(0)).toBe(4000);
      expect(view.getUint16(2)).toBe(53);
      expect(view.getUint16(4)).toBe(8 + text.length);
      view.setUint16(6, checksumFinishUdp(checksumAdd(view, 0, bytes.length, 0)));
      const sum = pseudoSum4(OUR_IP, PEER_IP, PROTOCOL_UDP, bytes.length);
      expect(checksumFold(checksumAdd(view, 0, bytes.length, sum))).toBe(0xffff);
      expect(view.getUint16(6)).not.toBe(0);
    }
    expect(bench.framesInUse).toBe(0);
  });

  test('sends a range of the bytes, and binds when needed', () => {
    const bench = new Bench();
    const socket = bench.udp.open()!;
    const bytes = Uint8Array.of(0, 1, 2, 3, 4);
    expect(bench.udp.send(socket, 0, 0, V4, PEER_IP, 9, bytes, 1, 3, 0)).toBe(3);
    expect(Array.from(bench.ip.sent[0]!.bytes.subarray(8))).toEqual([1, 2, 3]);
    expect(socket.localPort).toBeGreaterThanOrEqual(49_152);
  });

  test('binds a flow once per destination', () => {
    const bench = new Bench();
    const socket = bench.bound(4000);
    for (let i = 0; i < 10; i += 1) {
      bench.send(socket, PEER_IP, 53, 'x');
      bench.send(socket, GROUP, 53, 'x');
    }
    expect(bench.ip.binds).toBe(2);
  });

  test('uses TTL 1 for multicast and 64 for unicast unless told otherwise (RFC 1112, 6.1)', () => {
    const bench = new Bench();
    const socket = bench.bound(4000);
    bench.send(socket, PEER_IP, 53, 'x');
    bench.send(socket, GROUP, 53, 'x');
    socket.multicastHopLimit = 5;
    socket.trafficClass = 0xb8;
    socket.dontFragment = 1;
    bench.send(socket, GROUP, 53, 'x');
    expect(bench.ip.sent.map((s) => s.hopLimit)).toEqual([64, 1, 5]);
    expect(bench.ip.sent[2]!.trafficClass).toBe(0xb8);
    expect(bench.ip.sent[2]!.dontFragment).toBe(1);
  });

  test('says why it failed and keeps no frame', () => {
    const bench = new Bench();
    const socket = bench.bound(4000);
    expect(bench.send(socket, ip4('192.0.2.1'), 53, 'x')).toBe(Status.Unreachable);
    expect(bench.udp.send(socket, 0, 0, V4, PEER_IP, 1, new Uint8Array(3000), 0, 3000, 0)).toBe(
      Status.TooLong,
    );
    bench.ip.left = 0;
    expect(bench.send(socket, PEER_IP, 53, 'x')).toBe(Status.Again);
    expect(bench.framesInUse).toBe(0);
  });

  test('binds again after IP refused, because addresses may have changed', () => {
    const bench = new Bench();
    const socket = bench.bound(4000);
    bench.send(socket, PEER_IP, 53, 'x');
    bench.ip.result = Status.Unreachable;
    bench.send(socket, PEER_IP, 53, 'x');
    bench.ip.result = 0;
    bench.send(socket, PEER_IP, 53, 'x');
    expect(bench.ip.binds).toBe(2);
    expect(bench.framesInUse).toBe(0);
  });

  test('a socket bound to a group sends from our address', () => {
    const bench = new Bench();
    bench.send(bench.bound(4000, GROUP), GROUP, 4000, 'x');
    expect(bench.ip.sent[0]!.local).toBe(OUR_IP);
  });
});

describe('reserve() and commit()', () => {
  test('send what was written into the frame', () => {
    const bench = new Bench();
    const socket = bench.bound(4000);
    const frame = bench.udp.reserve();
    bench.arena.bytes[bench.arena.dataAt[frame]!] = 42;
    expect(bench.udp.commit(socket, frame, 1, 0, 0, V4, PEER_IP, 9, 0)).toBe(1);
    expect(bench.ip.sent[0]!.bytes[8]).toBe(42);
    expect(bench.framesInUse).toBe(0);
  });

  test('reserve() says NO_FRAME when the link has no room', () => {
    const bench = new Bench();
    bench.ip.left = 0;
    expect(bench.udp.reserve()).toBe(NO_FRAME);
  });
});

describe('multicast loop', () => {
  test('delivers own multicasts to local members, by reference', () => {
    const bench = new Bench();
    const receiver = bench.bound(30_001);
    const sender = bench.bound(4000);
    bench.udp.joinGroup(receiver, 0, 0, V4, GROUP, 0);
    bench.send(sender, GROUP, 30_001, 'tick');
    expect(bench.framesInUse).toBe(1);
    expect(bench.udp.framesHeld).toBe(1);
    expect(bench.udp.receiveLooped(0)).toBe(true);
    expect(bench.udp.receiveLooped(0)).toBe(false);
    expect(bench.delivered[0]).toEqual({
      socket: receiver,
      data: 'tick',
      sourcePort: 4000,
      source: OUR_IP,
    });
    expect(bench.framesInUse).toBe(0);
  });

  test('does not when switched off, nor when nobody is a member', () => {
    const bench = new Bench();
    const receiver = bench.bound(30_001);
    const sender = bench.bound(4000);
    bench.send(sender, GROUP, 30_001, 'tick');
    bench.udp.joinGroup(receiver, 0, 0, V4, GROUP, 0);
    sender.multicastLoop = 0;
    bench.send(sender, GROUP, 30_001, 'tick');
    expect(bench.udp.receiveLooped(0)).toBe(false);
    expect(bench.ip.sent).toHaveLength(2);
  });

  test('with TTL 0 stays on this host (RFC 1112, 6.1)', () => {
    const bench = new Bench();
    const receiver = bench.bound(30_001);
    bench.udp.joinGroup(receiver, 0, 0, V4, GROUP, 0);
    receiver.multicastHopLimit = 0;
    bench.send(receiver, GROUP, 30_001, 'me');
    expect(bench.ip.sent).toHaveLength(0);
    bench.udp.receiveLooped(0);
    expect(bench.delivered).toHaveLength(1);
    expect(bench.framesInUse).toBe(0);
  });

  test('frees the frame when the member has left, and drops beyond the limit', () => {
    const bench = new Bench({ loopedFrames: 2 });
    const receiver = bench.bound(30_001);
    bench.udp.joinGroup(receiver, 0, 0, V4, GROUP, 0);
    for (let i = 0; i < 3; i += 1) bench.send(receiver, GROUP, 30_001, 'x');
    expect(bench.udp.counters().loopedDropped).toBe(1);
    bench.udp.close(receiver, 0);
    while (bench.udp.receiveLooped(0)) expect(bench.delivered).toHaveLength(0);
    expect(bench.framesInUse).toBe(0);
  });
});

describe('connect()', () => {
  test('fixes the local address, and disconnect() frees it again', () => {
    const bench = new Bench();
    const socket = bench.udp.open()!;
    expect(bench.udp.connect(socket, 0, 0, V4, PEER_IP, 53, 0)).toBe(Status.Ok);
    expect(socket.local3).toBe(OUR_IP);
    const bytes = Uint8Array.of(1, 2);
    expect(bench.udp.sendConnected(socket, bytes, 0, 2, 0)).toBe(2);
    expect(bench.receive('x', socket.localPort, { srcPort: 54 })).toBe(Status.NoHandler);
    expect(bench.receive('x', socket.localPort, { srcPort: 53 })).toBe(Status.Ok);
    expect(bench.udp.disconnect(socket)).toBe(Status.Ok);
    expect(socket.local3).toBe(0);
    expect(bench.receive('x', socket.localPort, { srcPort: 54 })).toBe(Status.Ok);
    expect(bench.udp.sendConnected(socket, bytes, 0, 2, 0)).toBe(Status.BadState);
  });

  test('refuses a 4-tuple that is taken and a peer without a route', () => {
    const bench = new Bench();
    const a = bench.bound(7, OUR_IP, 1);
    const b = bench.bound(7, OUR_IP, 1);
    expect(bench.udp.connect(a, 0, 0, V4, PEER_IP, 53, 0)).toBe(Status.Ok);
    expect(bench.udp.connect(b, 0, 0, V4, PEER_IP, 53, 0)).toBe(Status.Exists);
    expect(bench.udp.connect(b, 0, 0, V4, ip4('192.0.2.9'), 53, 0)).toBe(Status.Unreachable);
    expect(bench.udp.connect(b, 0, 0, V4, PEER_IP, 54, 0)).toBe(Status.Ok);
  });

  test('icmpError() reaches the connected socket only (RFC 1122, 4.1.3.3)', () => {
    const bench = new Bench();
    const socket = bench.udp.open()!;
    bench.udp.connect(socket, 0, 0, V4, PEER_IP, 53, 0);
    const error = {
      kind: 1,
      isLocal: 0,
      local0: 0,
      local1: 0,
      local2: V4,
      local3: OUR_IP,
      localPort: socket.localPort,
      remote0: 0,
      remote1: 0,
      remote2: V4,
      remote3: PEER_IP,
      remotePort: 53,
      mtu: 0,
    };
    expect(bench.udp.icmpError(error, 0)).toBe(Status.Ok);
    expect(bench.errors).toEqual([[socket, 1]]);
    expect(bench.udp.icmpError({ ...error, remotePort: 54 }, 0)).toBe(Status.NoHandler);
  });
});

test('an IPv6 peer is an address like any other', () => {
  const bench = new Bench();
  const socket = bench.udp.open()!;
  expect(bench.udp.send(socket, 1, 0, V4, 9, 53, Uint8Array.of(1), 0, 1, 0)).toBe(1);
  expect([socket.local0, socket.local2, socket.local3]).toEqual([0, 0, 0]);
  expect(bench.udp.connect(socket, 0x20010db8, 0, 0, 2, 53, 0)).toBe(Status.Ok);
  bench.meta.src0 = 0x20010db8;
  bench.meta.src2 = 0;
  const frame = bench.arena.alloc();
  const at = bench.arena.dataAt[frame]!;
  emitUdp(bench.arena.view, at, 53, socket.localPort, 8, 0);
  Object.assign(bench.meta, { src3: 2, dst2: 0, dst3: OUR_IP, at, length: 8, frame });
  expect(bench.udp.receive(bench.meta, 0)).toBe(Status.Ok);
  bench.arena.retain(frame);
  bench.meta.src1 = 1;
  expect(bench.udp.receive(bench.meta, 0)).toBe(Status.NoHandler);
});

describe('joinGroup()', () => {
  test('counts per socket and refuses what is no group', () => {
    const bench = new Bench({ memberships: 2 });
    const socket = bench.bound(7);
    expect(bench.udp.joinGroup(socket, 0, 0, V4, PEER_IP, 0)).toBe(Status.OutOfRange);
    expect(bench.udp.joinGroup(socket, 0, 0, V4, GROUP, 0)).toBe(Status.Ok);
    expect(bench.udp.joinGroup(socket, 0, 0, V4, GROUP, 0)).toBe(Status.Exists);
    expect(bench.udp.joinGroup(socket, 0, 0, V4, GROUP + 1, 0)).toBe(Status.Ok);
    expect(bench.udp.joinGroup(socket, 0, 0, V4, GROUP + 2, 0)).toBe(Status.LimitReached);
    expect(bench.udp.leaveGroup(socket, 0, 0, V4, GROUP, 0)).toBe(Status.Ok);
    expect(bench.udp.leaveGroup(socket, 0, 0, V4, GROUP, 0)).toBe(Status.NotFound);
    bench.udp.close(socket, 0);
    expect(bench.ip.joins.size).toBe(0);
  });
});
