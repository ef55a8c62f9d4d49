import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import { ipv4Fragment, IPV4_DONT_FRAGMENT, MacAddress } from '@tickwire/wire';
import {
  arpRequest,
  counting,
  Host,
  icmp,
  icmpFrame,
  ip4,
  ipv4,
  OUR_IP,
  PEER_IP,
  SECOND,
  udp,
  viewOf,
} from '../test/harness.ts';
import { IcmpErrorKind } from './icmp-error.ts';
import { Verdict } from './link.ts';
import { PATH_MTU_AGE_NS } from './path-mtu.ts';

/** A packet of ours as a router quotes it. */
function quote(
  options: { src?: number; dst?: number; protocol?: number; length?: number } = {},
): Uint8Array {
  const payload = new Uint8Array(options.length ?? 8);
  viewOf(payload).setUint16(0, 1111);
  viewOf(payload).setUint16(2, 2222);
  viewOf(payload).setInt32(4, -5);
  const src = options.src ?? OUR_IP;
  const dst = options.dst ?? ip4('8.8.8.8');
  return ipv4(payload, { src, dst, protocol: options.protocol ?? 6 }).slice(14);
}

describe('errors about packets of ours', () => {
  test('name the conversation and the sequence number', () => {
    const host = new Host();
    expect(host.receive(icmpFrame(icmp(3, 1, 0, quote())))).toBe(Verdict.IcmpError);
    const error = host.ip.icmpError;
    expect(error).toMatchObject({
      kind: IcmpErrorKind.HostUnreachable,
      isLocal: 0,
      protocol: 6,
      local2: 0xffff,
      local3: OUR_IP,
      remote3: ip4('8.8.8.8'),
      localPort: 1111,
      remotePort: 2222,
      tcpSequence: -5,
    });
    expect(host.framesInUse).toBe(0);
  });

  for (const [type, code, kind] of [
    [3, 0, 'HostUnreachable'],
    [3, 2, 'ProtocolUnreachable'],
    [3, 3, 'PortUnreachable'],
    [3, 13, 'Prohibited'],
    [11, 0, 'TimeExceeded'],
    [12, 0, 'ParameterProblem'],
  ] as const) {
    test(`type ${type} code ${code} is ${kind} (RFC 1122, 3.2.2)`, () => {
      const host = new Host();
      expect(host.receive(icmpFrame(icmp(type, code, 0, quote({ protocol: 17 }))))).toBe(
        Verdict.IcmpError,
      );
      expect(host.ip.icmpError.kind).toBe(IcmpErrorKind[kind]);
    });
  }

  test('are refused when the packet cannot be ours (RFC 5927, 4)', () => {
    const host = new Host();
    for (const data of [
      quote({ src: PEER_IP }),
      quote({ dst: ip4('224.0.0.9') }),
      quote({ dst: ip4('10.0.0.255') }),
      quote().slice(0, 27),
      counting(28),
    ]) {
      expect(host.receive(icmpFrame(icmp(3, 1, 0, data)))).toBe(Verdict.Consumed);
    }
    expect(host.ip.counters().icmpErrorsInvalid).toBe(5);
    const broken = icmp(3, 1, 0, quote());
    broken[20]! ^= 1;
    host.receive(icmpFrame(broken));
    expect(host.ip.counters().icmpBadChecksum).toBe(1);
  });

  test('redirects and source quench are ignored (RFC 6633)', () => {
    const host = new Host();
    host.receive(icmpFrame(icmp(5, 1, PEER_IP, quote())));
    host.receive(icmpFrame(icmp(4, 0, 0, quote())));
    expect(host.ip.counters().icmpIgnored).toBe(2);
  });
});

describe('path MTU (RFC 1191)', () => {
  /** A router's message about a TCP segment, which TCP finds in flight. */
  function tooBig(host: Host, mtu: number, quoted: Uint8Array = quote()): void {
    host.receive(icmpFrame(icmp(3, 4, mtu, quoted)));
    host.ip.acceptTooBig(host.ip.icmpError, host.nowNs);
  }

  test('a claim about a TCP segment waits for TCP to find it in flight (RFC 5927, 7)', () => {
    const host = new Host();
    const flow = host.flow(ip4('8.8.8.8'));
    expect(host.receive(icmpFrame(icmp(3, 4, 600, quote())))).toBe(Verdict.IcmpError);
    expect(host.ip.icmpError.mtu).toBe(600);
    expect(host.flow(ip4('8.8.8.8')).mtu).toBe(1500);
    expect(host.sendUdp(flow, 1400)).toBeGreaterThanOrEqual(0);
    host.ip.acceptTooBig(host.ip.icmpError, host.nowNs);
    expect(host.flow(ip4('8.8.8.8')).mtu).toBe(600);
  });

  test('a router lowers it for one destination, flows learn of it, time forgets it', () => {
    const host = new Host();
    const flow = host.flow(ip4('8.8.8.8'));
    expect(flow.mtu).toBe(1500);
    expect(host.receive(icmpFrame(icmp(3, 4, 1400, quote())))).toBe(Verdict.IcmpError);
    expect(host.ip.icmpError).toMatchObject({ kind: IcmpErrorKind.PacketTooBig, mtu: 1400 });
    host.ip.acceptTooBig(host.ip.icmpError, host.nowNs);
    expect(host.sendUdp(flow, 1400)).toBe(Status.TooLong);
    expect(flow.mtu).toBe(1400);
    expect(host.flow(ip4('8.8.4.4')).mtu).toBe(1500);
    tooBig(host, 1450);
    expect(host.flow(ip4('8.8.8.8')).mtu).toBe(1400);
    host.advance(PATH_MTU_AGE_NS + SECOND);
    expect(host.flow(ip4('8.8.8.8')).mtu).toBe(1500);
  });

  test('never falls below 576, and packets of that size go without DF', () => {
    const host = new Host();
    host.receive(arpRequest(ip4('10.0.0.254')));
    host.take();
    tooBig(host, 100);
    const flow = host.flow(ip4('8.8.8.8'));
    expect(flow.mtu).toBe(576);
    host.sendUdp(flow, 10);
    expect(ipv4Fragment(viewOf(host.take()[0]!), 14) & IPV4_DONT_FRAGMENT).toBe(0);
  });

  test('a claim below 68 is ignored; an old router means the next plateau (RFC 1191, 7.1)', () => {
    const host = new Host();
    expect(host.receive(icmpFrame(icmp(3, 4, 67, quote())))).toBe(Verdict.Consumed);
    expect(host.flow(ip4('8.8.8.8')).mtu).toBe(1500);
    tooBig(host, 0, quote({ length: 1480 }));
    expect(host.flow(ip4('8.8.8.8')).mtu).toBe(1492);
  });

  test('the cache is bounded; the oldest estimate gives way', () => {
    const host = new Host({ limits: { pathMtus: 4 } });
    for (let i = 0; i < 10; i += 1) {
      tooBig(host, 1400, quote({ dst: ip4('8.8.8.0') + i }));
      host.advance(SECOND);
    }
    expect(host.flow(ip4('8.8.8.5')).mtu).toBe(1500);
    expect(host.flow(ip4('8.8.8.9')).mtu).toBe(1400);
  });
});

describe('errors we send', () => {
  function refuse(host: Host, options: Parameters<typeof ipv4>[1]): void {
    host.receive(ipv4(counting(8), { protocol: 99, ...options }));
  }

  test('are limited by a token bucket (RFC 1812, 4.3.2.8)', () => {
    const host = new Host({ limits: { icmpErrorBurst: 5, icmpErrorsPerSecond: 10 } });
    host.receive(arpRequest());
    host.take();
    for (let i = 0; i < 20; i += 1) refuse(host, {});
    expect(host.take()).toHaveLength(5);
    expect(host.ip.counters().icmpErrorsRateLimited).toBe(15);
    host.advance(0.35 * SECOND);
    for (let i = 0; i < 20; i += 1) refuse(host, {});
    expect(host.take()).toHaveLength(3);
  });

  test('are never about errors, later fragments or groups (RFC 1122, 3.2.2)', () => {
    const host = new Host();
    host.receive(arpRequest());
    host.take();
    const group = { dst: ip4('224.0.0.1'), to: MacAddress.parse('01:00:5e:00:00:01') };
    refuse(host, group);
    refuse(host, { dst: ip4('10.0.0.255'), to: MacAddress.broadcast });
    refuse(host, { dst: ip4('10.0.0.255') });
    const bad = Uint8Array.of(7, 9, 4, 0);
    host.receive(icmpFrame(icmp(3, 1, 0, quote()), { options: bad }));
    host.receive(ipv4(udp(counting(8)), { options: bad, fragment: 2 }));
    expect(host.take()).toHaveLength(0);
    host.receive(ipv4(udp(counting(8)), { options: bad }));
    expect(host.take()).toHaveLength(1);
    expect(host.framesInUse).toBe(0);
  });

  test('give way when the link has no room or memory is short', () => {
    const host = new Host();
    host.receive(arpRequest());
    host.link.left = 0;
    refuse(host, {});
    host.receive(icmpFrame(icmp(8, 0, 1, counting(8)), {}), 0, true);
    expect(host.ip.counters().icmpNoMemory).toBe(1);
    expect(host.ip.counters().icmpEchoIgnored).toBe(1);
  });
});

test('echo replies are limited per second', () => {
  const host = new Host({ limits: { echoRepliesPerSecond: 1000 } });
  host.receive(arpRequest());
  host.take();
  for (let i = 0; i < 1000; i += 1) host.receive(icmpFrame(icmp(8, 0, i, counting(8))));
  expect(host.take()).toHaveLength(256);
});
