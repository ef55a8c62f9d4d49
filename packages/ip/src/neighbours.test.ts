import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import {
  ARP_REPLY,
  ARP_REQUEST,
  arpOperation,
  arpSenderIp,
  arpTargetIp,
  Cidr,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethernetType,
  IpAddress,
  ipv4Dst,
  MacAddress,
} from '@tickwire/wire';
import {
  arp,
  arpRequest,
  Host,
  ip4,
  OUR_IP,
  OUR_MAC,
  PEER_IP,
  PEER_MAC,
  SECOND,
  viewOf,
} from '../test/harness.ts';
import { DEFAULT_LIMITS, type IpLimits } from './config.ts';
import { ACTIVE_NS, REACHABLE_NS } from './neighbours.ts';

const OTHER_MAC = MacAddress.parse('02:00:00:00:00:03');
const SILENT = ip4('10.0.0.66');

function state(host: Host, address = '10.0.0.2'): string | undefined {
  return host.ip.neighbours().find((row) => row.address === address)?.state;
}

function requestsFor(frames: Uint8Array[], target: number): Uint8Array[] {
  return frames.filter((bytes) => {
    const view = viewOf(bytes);
    const isArp = ethernetType(view, 0) === ETHERTYPE_ARP;
    return isArp && arpOperation(view, 14) === ARP_REQUEST && arpTargetIp(view, 14) === target;
  });
}

function packetsTo(frames: Uint8Array[], target: number): Uint8Array[] {
  return frames.filter((bytes) => {
    const view = viewOf(bytes);
    return ethernetType(view, 0) === ETHERTYPE_IPV4 && ipv4Dst(view, 14) === target;
  });
}

function resolved(): Host {
  const host = new Host();
  host.sendUdp(host.flow(PEER_IP), 1);
  host.resolve();
  host.take();
  return host;
}

describe('neighbour unreachability detection (RFC 4861, 7.3)', () => {
  test('a solicited reply makes the neighbour reachable, time makes it stale', () => {
    const host = resolved();
    expect(state(host)).toBe('reachable');
    host.advance(REACHABLE_NS * 1.5);
    expect(state(host)).toBe('stale');
    expect(host.take()).toHaveLength(0);
  });

  test('use of a stale neighbour sends at once, then probes by unicast after 5 s', () => {
    const host = resolved();
    host.advance(REACHABLE_NS * 1.5);
    host.sendUdp(host.flow(PEER_IP), 1);
    expect(packetsTo(host.take(), PEER_IP)).toHaveLength(1);
    expect(state(host)).toBe('delay');
    host.advance(4.9 * SECOND);
    expect(host.take()).toHaveLength(0);
    host.advance(0.2 * SECOND);
    expect(state(host)).toBe('probe');
    const [probe] = host.take();
    expect(String(MacAddress.fromBytes(probe!.slice(0, 6)))).toBe(String(PEER_MAC));
    host.resolve();
    expect(state(host)).toBe('reachable');
  });

  test('confirm() from a transport spares the probe', () => {
    const host = resolved();
    host.advance(REACHABLE_NS * 1.5);
    const flow = host.flow(PEER_IP);
    host.sendUdp(flow, 1);
    host.ip.confirm(flow, host.nowNs);
    host.take();
    host.advance(10 * SECOND);
    expect(state(host)).toBe('reachable');
    expect(host.take()).toHaveLength(0);
  });

  test('a neighbour that moved is found by broadcast after three probes (RFC 7048, 3)', () => {
    const host = resolved();
    host.advance(REACHABLE_NS * 1.5);
    host.sendUdp(host.flow(PEER_IP), 1);
    host.take();
    host.advance(8.5 * SECOND);
    const to = requestsFor(host.take(), PEER_IP).map((f) =>
      String(MacAddress.fromBytes(f.slice(0, 6))),
    );
    expect(to).toEqual([String(PEER_MAC), String(PEER_MAC), String(PEER_MAC), 'ff:ff:ff:ff:ff:ff']);
    host.resolve(PEER_IP, OTHER_MAC);
    host.sendUdp(host.flow(PEER_IP), 1);
    expect(String(MacAddress.fromBytes(host.take()[0]!.slice(0, 6)))).toBe(String(OTHER_MAC));
  });

  test('an unsolicited reply changes the address but proves nothing (RFC 4861, 7.2.5)', () => {
    const host = resolved();
    host.receive(arp(ARP_REPLY, OTHER_MAC, PEER_IP, OUR_MAC, OUR_IP, OUR_MAC));
    expect(state(host)).toBe('stale');
    host.receive(arp(ARP_REPLY, OTHER_MAC, ip4('10.0.0.77'), OTHER_MAC, ip4('10.0.0.77')));
    expect(state(host, '10.0.0.77')).toBeUndefined();
  });

  test('gratuitous ARP updates a known neighbour at once (RFC 5227, 3)', () => {
    const host = resolved();
    host.receive(arp(ARP_REQUEST, OTHER_MAC, PEER_IP, new MacAddress(0, 0), PEER_IP));
    host.sendUdp(host.flow(PEER_IP), 1);
    expect(String(MacAddress.fromBytes(host.take()[0]!.slice(0, 6)))).toBe(String(OTHER_MAC));
  });

  test('three requests a second apart, then failure: frames dropped and reported', () => {
    const host = new Host();
    const errors: number[][] = [];
    host.ip.events = {
      ...host.ip.events,
      icmpError(error): void {
        errors.push([error.isLocal, error.kind, error.remote3, error.localPort, error.remotePort]);
      },
    };
    host.sendUdp(host.flow(SILENT), 1);
    host.sendUdp(host.flow(SILENT), 1);
    host.advance(2.9 * SECOND);
    expect(requestsFor(host.take(), SILENT)).toHaveLength(3);
    expect(host.ip.framesHeld).toBe(2);
    host.advance(0.2 * SECOND);
    expect(state(host, '10.0.0.66')).toBe('failed');
    expect(errors).toEqual([
      [1, 0, SILENT, 1000, 2000],
      [1, 0, SILENT, 1000, 2000],
    ]);
    expect(host.sendUdp(host.flow(SILENT), 1)).toBe(Status.Unreachable);
    expect(host.framesInUse).toBe(0);
  });

  test('retries back off, and a peer that comes back is used at once', () => {
    const host = new Host();
    const flow = host.flow(SILENT);
    let requests = 0;
    for (let second = 0; second < 60; second += 1) {
      host.sendUdp(flow, 1);
      host.advance(SECOND);
      requests += requestsFor(host.take(), SILENT).length;
    }
    expect(requests).toBeGreaterThan(12);
    expect(requests).toBeLessThan(30);
    host.receive(arpRequest(SILENT));
    host.take();
    expect(host.sendUdp(flow, 1)).toBe(Status.Ok);
    expect(packetsTo(host.take(), SILENT)).toHaveLength(1);
  });
});

describe('static neighbours', () => {
  test('are never asked for and never changed', () => {
    const host = new Host({
      neighbours: [{ address: IpAddress.parse('10.0.0.2'), mac: PEER_MAC }],
    });
    host.receive(arpRequest(PEER_IP, OTHER_MAC));
    host.take();
    host.sendUdp(host.flow(PEER_IP), 1);
    expect(String(MacAddress.fromBytes(host.take()[0]!.slice(0, 6)))).toBe(String(PEER_MAC));
    expect(host.ip.counters().neighbourStaticRefused).toBe(1);
    host.advance(1000 * SECOND);
    expect(host.take()).toHaveLength(0);
  });
});

describe('queue behind resolution', () => {
  test('keeps the newest frames and sends them in order', () => {
    const host = new Host({ limits: { neighbourQueueFrames: 8 } }, 2048);
    const flow = host.flow(PEER_IP);
    for (let i = 0; i < 11; i += 1) host.sendUdp(flow, 1, i);
    expect(host.ip.counters().neighbourQueueOverflow).toBe(3);
    host.take();
    host.resolve();
    expect(host.take().map((bytes) => bytes[42])).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('goes out as the link has room, and newer frames wait behind it', () => {
    const host = new Host();
    const flow = host.flow(PEER_IP);
    for (let i = 0; i < 4; i += 1) host.sendUdp(flow, 1, i);
    host.take();
    host.link.left = 2;
    host.resolve();
    host.link.left = 1;
    host.sendUdp(flow, 1, 4);
    expect(host.take().map((bytes) => bytes[42])).toEqual([0, 1]);
    host.link.left = 100;
    host.ip.timers(host.nowNs);
    expect(host.take().map((bytes) => bytes[42])).toEqual([2, 3, 4]);
    expect(host.framesInUse).toBe(0);
  });

  test('refuses the same frame twice, because its headers are taken', () => {
    const host = new Host();
    const frame = host.arena.alloc();
    host.arena.retain(frame);
    const at = host.arena.dataAt[frame]!;
    expect(host.ip.output(host.flow(PEER_IP), 17, frame, at, 8, 6, host.nowNs)).toBe(Status.Ok);
    expect(host.ip.output(host.flow(SILENT), 17, frame, at, 8, 6, host.nowNs)).toBe(
      Status.BadState,
    );
    host.advance(10 * SECOND);
    expect(host.framesInUse).toBe(0);
  });
});

describe('field failures of other stacks', () => {
  function limited(limits: Partial<IpLimits>): Host {
    return new Host({ limits }, 2048);
  }

  test('smoltcp#594: an unreachable peer does not clog the transmit queue', () => {
    const host = resolved();
    const dead = host.flow(SILENT);
    const alive = host.flow(PEER_IP);
    for (let i = 0; i < 100; i += 1) {
      host.sendUdp(dead, 1);
      host.sendUdp(alive, 1);
    }
    expect(packetsTo(host.take(), PEER_IP)).toHaveLength(100);
    expect(host.ip.framesHeld).toBe(DEFAULT_LIMITS.neighbourQueueFrames);
    host.advance(4 * SECOND);
    expect(host.framesInUse).toBe(0);
  });

  test('smoltcp#1101: one request does not starve another', () => {
    const host = new Host();
    const targets = [SILENT, ip4('10.0.0.67'), PEER_IP];
    for (const target of targets) host.sendUdp(host.flow(target), 1);
    for (const target of targets) {
      expect(requestsFor(host.link.sent, target)).toHaveLength(1);
    }
    host.resolve();
    expect(packetsTo(host.take(), PEER_IP)).toHaveLength(1);
  });

  test('smoltcp#319: the request rate is per peer, never global', () => {
    const host = limited({});
    for (let i = 2; i < 200; i += 1) host.sendUdp(host.flow(ip4('10.0.0.' + String(i))), 1);
    expect(host.take()).toHaveLength(198);
    for (let i = 2; i < 200; i += 1) host.sendUdp(host.flow(ip4('10.0.0.' + String(i))), 1);
    expect(host.take()).toHaveLength(0);
    host.advance(SECOND);
    expect(host.take()).toHaveLength(198);
  });

  test('smoltcp#597: the first packet to a new peer is not lost', () => {
    const host = new Host();
    host.sendUdp(host.flow(PEER_IP), 1, 99);
    host.resolve();
    expect(packetsTo(host.take(), PEER_IP)[0]![42]).toBe(99);
  });

  test('smoltcp#965: an active peer is not evicted from a full table', () => {
    const host = limited({ neighbours: 4 });
    const flow = host.flow(PEER_IP);
    host.sendUdp(flow, 1);
    host.resolve();
    host.take();
    for (let i = 100; i < 200; i += 1) {
      host.sendUdp(host.flow(ip4('10.0.0.' + String(i))), 1);
      host.sendUdp(flow, 1);
    }
    expect(state(host)).toBe('reachable');
    expect(packetsTo(host.take(), PEER_IP)).toHaveLength(100);
    expect(host.ip.counters().neighbourEvicted).toBe(97);
    host.advance(10 * SECOND);
    expect(host.framesInUse).toBe(0);
  });

  test('when every peer is active a new one is refused; idle ones make room', () => {
    const host = limited({ neighbours: 2 });
    for (const last of [2, 3]) {
      host.sendUdp(host.flow(ip4('10.0.0.' + String(last))), 1);
      host.resolve(ip4('10.0.0.' + String(last)));
    }
    const flow = host.flow(SILENT);
    expect(host.sendUdp(flow, 1)).toBe(Status.Unreachable);
    expect(host.ip.counters().neighbourTableFull).toBeGreaterThan(0);
    host.advance(ACTIVE_NS + SECOND);
    expect(host.sendUdp(host.flow(SILENT), 1)).toBe(Status.Ok);
    host.advance(10 * SECOND);
    expect(host.framesInUse).toBe(0);
  });

  test('a gateway is never evicted, however idle', () => {
    const host = limited({ neighbours: 2 });
    host.sendUdp(host.flow(ip4('8.8.8.8')), 1);
    host.resolve(ip4('10.0.0.254'));
    host.advance(10 * ACTIVE_NS);
    for (let i = 2; i < 50; i += 1) host.sendUdp(host.flow(ip4('10.0.0.' + String(i))), 1);
    expect(state(host, '10.0.0.254')).toBe('stale');
  });

  test('silent peers do not take the queue from one that answers', () => {
    const host = limited({ neighbourQueueFramesTotal: 8 });
    for (let i = 100; i < 120; i += 1) host.sendUdp(host.flow(ip4('10.0.0.' + String(i))), 1);
    host.sendUdp(host.flow(PEER_IP), 1);
    host.resolve();
    expect(packetsTo(host.take(), PEER_IP)).toHaveLength(1);
    expect(host.ip.counters().neighbourQueueTotalOverflow).toBe(13);
    host.advance(4 * SECOND);
    expect(host.framesInUse).toBe(0);
  });
});

describe('addresses', () => {
  test('are announced twice, two seconds apart (RFC 5227, 2.3)', () => {
    const host = new Host({ announce: true });
    const first = host.take();
    expect(first).toHaveLength(1);
    const view = viewOf(first[0]!);
    expect(arpSenderIp(view, 14)).toBe(OUR_IP);
    expect(arpTargetIp(view, 14)).toBe(OUR_IP);
    host.advance(10 * SECOND);
    expect(host.take()).toHaveLength(1);
  });

  test('a conflict is counted, reported, and defended once in ten seconds (RFC 5227, 2.4)', () => {
    const host = new Host();
    const seen: string[] = [];
    host.ip.events = {
      ...host.ip.events,
      addressConflict(address, macHigh, macLow): void {
        seen.push(String(IpAddress.v4(address)) + ' ' + String(new MacAddress(macHigh, macLow)));
      },
    };
    for (let i = 0; i < 3; i += 1) {
      host.receive(arp(ARP_REQUEST, OTHER_MAC, OUR_IP, new MacAddress(0, 0), OUR_IP));
    }
    expect(host.take()).toHaveLength(1);
    expect(seen).toHaveLength(3);
    expect(seen[0]).toBe('10.0.0.1 02:00:00:00:00:03');
    expect(host.ip.counters().addressConflicts).toBe(3);
    host.advance(10 * SECOND);
    host.receive(arp(ARP_REQUEST, OTHER_MAC, OUR_IP, new MacAddress(0, 0), OUR_IP));
    expect(host.take()).toHaveLength(1);
  });

  test('a probe for our address is answered (RFC 5227, 2.1.1)', () => {
    const host = new Host();
    host.receive(arp(ARP_REQUEST, OTHER_MAC, 0, new MacAddress(0, 0), OUR_IP));
    expect(arpOperation(viewOf(host.take()[0]!), 14)).toBe(ARP_REPLY);
  });

  test('strangers to the link are not learnt from', () => {
    const host = new Host();
    host.receive(arp(ARP_REQUEST, OTHER_MAC, ip4('192.168.9.9'), new MacAddress(0, 0), OUR_IP));
    host.receive(arp(ARP_REQUEST, OTHER_MAC, ip4('10.0.0.255'), new MacAddress(0, 0), OUR_IP));
    expect(host.ip.neighbours()).toHaveLength(0);
  });

  test('removeAddress() takes the subnet and makes flows unbound', () => {
    const host = resolved();
    const flow = host.flow(PEER_IP);
    host.ip.addAddress(Cidr.parse('172.16.0.1/16'), host.nowNs);
    host.take();
    host.sendUdp(host.flow(ip4('172.16.3.4')), 1);
    expect(arpSenderIp(viewOf(host.take()[0]!), 14)).toBe(ip4('172.16.0.1'));
    expect(host.ip.removeAddress(IpAddress.parse('10.0.0.1'), host.nowNs)).toBe(true);
    expect(host.ip.removeAddress(IpAddress.parse('10.0.0.1'), host.nowNs)).toBe(false);
    expect(host.sendUdp(flow, 1)).toBe(Status.Unreachable);
  });
});
