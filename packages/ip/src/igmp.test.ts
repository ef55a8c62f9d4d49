import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import {
  emitIgmp,
  emitIgmpV3Query,
  formatIgmp,
  IGMP_QUERY,
  IGMP_V2_REPORT,
  igmpChecksumOk,
  igmpRecordGroup,
  igmpRecordType,
  igmpType,
  ipv4Dst,
  ipv4HeaderLength,
  ipv4Options,
  ipv4Ttl,
  IPV4_HAS_ROUTER_ALERT,
  IpAddress,
  MacAddress,
  PROTOCOL_IGMP,
} from '@tickwire/wire';
import { counting, Host, ip4, ipv4, PEER_IP, SECOND, udp, viewOf } from '../test/harness.ts';
import { IGMP_OLDER_QUERIER_NS } from './igmp.ts';
import { Verdict } from './link.ts';

const GROUP = ip4('239.1.2.3');
const ROUTER_ALERT = Uint8Array.of(0x94, 4, 0, 0);

function join(host: Host, group = GROUP): number {
  return host.ip.joinGroup(0, 0, 0xffff, group, host.nowNs);
}

function leave(host: Host, group = GROUP): number {
  return host.ip.leaveGroup(0, 0, 0xffff, group, host.nowNs);
}

/** `destination: description`, with the records of version 3 reports. */
function describeReport(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const at = 14 + ipv4HeaderLength(view, 14);
  expect(ipv4Ttl(view, 14)).toBe(1);
  expect(ipv4Options(view, 14)).toBe(IPV4_HAS_ROUTER_ALERT);
  expect(igmpChecksumOk(view, at, bytes.length - at)).toBe(true);
  let line = String(IpAddress.v4(ipv4Dst(view, 14))) + ': ';
  line += formatIgmp(view, at, bytes.length - at);
  if (igmpType(view, at) !== 0x22) return line;
  for (let record = at + 8; record < bytes.length; record += 8) {
    line += ' ' + String(igmpRecordType(view, record));
    line += ' ' + String(IpAddress.v4(igmpRecordGroup(view, record)));
  }
  return line;
}

function reports(host: Host): string[] {
  return host.take().map((bytes) => describeReport(bytes));
}

/** A query of the router: version by shape, `group` 0 for a general one. */
function query(version: 1 | 2 | 3, group = 0, tenths = 10, src = PEER_IP): Uint8Array {
  const message = new Uint8Array(version === 3 ? 12 : 8);
  const view = viewOf(message);
  if (version === 3) emitIgmpV3Query(view, 0, tenths, group, 2, 125);
  else emitIgmp(view, 0, IGMP_QUERY, version === 1 ? 0 : tenths, group);
  const dst = group === 0 ? ip4('224.0.0.1') : group;
  const to = MacAddress.parse('01:00:5e:00:00:01');
  const options = { src, dst, to, protocol: PROTOCOL_IGMP, ttl: 1, options: ROUTER_ALERT };
  return ipv4(message, options);
}

const JOIN = '224.0.0.22: IGMP v3 report, 1 records 4 239.1.2.3';
const LEAVE = '224.0.0.22: IGMP v3 report, 1 records 3 239.1.2.3';
const STATE = '224.0.0.22: IGMP v3 report, 1 records 2 239.1.2.3';

describe('version 3 (RFC 9776)', () => {
  test('a join is reported at once and once more within a second (5.1)', () => {
    const host = new Host();
    expect(join(host)).toBe(Status.Ok);
    expect(reports(host)).toEqual([JOIN]);
    host.advance(SECOND);
    expect(reports(host)).toEqual([JOIN]);
    host.advance(100 * SECOND);
    expect(reports(host)).toEqual([]);
  });

  test('joins are counted; the last leave is reported twice and frees the group', () => {
    const host = new Host();
    join(host);
    join(host);
    host.advance(2 * SECOND);
    host.take();
    expect(leave(host)).toBe(Status.Ok);
    expect(reports(host)).toEqual([]);
    expect(leave(host)).toBe(Status.Ok);
    expect(leave(host)).toBe(Status.NotFound);
    expect(reports(host)).toEqual([LEAVE]);
    host.advance(SECOND);
    expect(reports(host)).toEqual([LEAVE]);
    expect(host.link.joined).toEqual(['01:00:5e:00:00:01']);
    expect(host.ip.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('a group joined again while its leave is repeated reports the join', () => {
    const host = new Host();
    join(host);
    host.advance(2 * SECOND);
    leave(host);
    host.take();
    join(host);
    host.advance(2 * SECOND);
    expect(reports(host)).toEqual([JOIN, JOIN]);
  });

  test('a general query is answered by one report of all groups, after a delay (5.2)', () => {
    const host = new Host();
    join(host);
    join(host, ip4('239.9.9.9'));
    host.advance(2 * SECOND);
    host.take();
    host.receive(query(3, 0, 50));
    expect(host.take()).toHaveLength(0);
    host.advance(5 * SECOND);
    const [answer, ...rest] = reports(host);
    expect(rest).toEqual([]);
    expect(answer).toContain('2 records');
    expect(answer).toContain('2 239.1.2.3');
    expect(answer).toContain('2 239.9.9.9');
  });

  test('a group query is answered for that group only, from 0.0.0.0 as well (RFC 4541)', () => {
    const host = new Host();
    join(host);
    join(host, ip4('239.9.9.9'));
    host.advance(2 * SECOND);
    host.take();
    host.receive(query(3, GROUP, 10, 0));
    host.advance(SECOND);
    expect(reports(host)).toEqual([STATE]);
    host.receive(query(3, ip4('239.7.7.7')));
    host.advance(SECOND);
    expect(reports(host)).toEqual([]);
  });

  test('a nearer query does not delay an answer that is due', () => {
    const host = new Host();
    join(host);
    host.advance(2 * SECOND);
    host.take();
    host.receive(query(3, 0, 10));
    for (let i = 0; i < 10; i += 1) {
      host.advance(0.1 * SECOND);
      host.receive(query(3, 0, 100));
    }
    host.advance(0.1 * SECOND);
    expect(host.take().length).toBeGreaterThan(0);
  });
});

describe('older queriers (RFC 9776, 7.2)', () => {
  test('version 2: short reports to the group, a leave to all routers', () => {
    const host = new Host();
    host.receive(query(2));
    join(host);
    expect(reports(host)).toEqual(['239.1.2.3: IGMP v2 report 239.1.2.3']);
    host.advance(11 * SECOND);
    host.take();
    host.receive(query(2));
    host.advance(SECOND);
    expect(reports(host)).toEqual(['239.1.2.3: IGMP v2 report 239.1.2.3']);
    leave(host);
    expect(reports(host)).toEqual(['224.0.0.2: IGMP v2 leave 239.1.2.3']);
  });

  test('version 2: another host that reports spares ours (RFC 2236, 3)', () => {
    const host = new Host();
    host.receive(query(2));
    join(host);
    host.advance(11 * SECOND);
    host.take();
    host.receive(query(2, 0, 100));
    const message = new Uint8Array(8);
    emitIgmp(viewOf(message), 0, IGMP_V2_REPORT, 0, GROUP);
    const to = MacAddress.parse('01:00:5e:01:02:03');
    host.receive(ipv4(message, { dst: GROUP, to, protocol: PROTOCOL_IGMP, ttl: 1 }));
    host.advance(11 * SECOND);
    expect(reports(host)).toEqual([]);
  });

  test('version 1: reports, no leave; and version 3 again when the querier is gone', () => {
    const host = new Host();
    host.receive(query(1));
    join(host);
    expect(reports(host)).toEqual(['239.1.2.3: IGMP v1 report 239.1.2.3']);
    host.advance(11 * SECOND);
    host.take();
    leave(host);
    expect(reports(host)).toEqual([]);
    host.advance(IGMP_OLDER_QUERIER_NS);
    join(host);
    expect(reports(host)).toEqual([JOIN]);
  });
});

describe('membership', () => {
  test('decides which multicasts are taken', () => {
    const host = new Host();
    const to = MacAddress.parse('01:00:5e:01:02:03');
    const frame = ipv4(udp(counting(3), PEER_IP, GROUP), { dst: GROUP, to });
    expect(host.receive(frame)).toBe(Verdict.Consumed);
    join(host);
    expect(host.link.joined).toContain('01:00:5e:01:02:03');
    expect(host.receive(frame)).toBe(Verdict.Udp);
    host.arena.free(host.ip.meta.frame);
    leave(host);
    expect(host.receive(frame)).toBe(Verdict.Consumed);
  });

  test('groups that share a MAC address keep it until the last leaves (RFC 1112, 6.4)', () => {
    const host = new Host();
    join(host, ip4('239.1.2.3'));
    join(host, ip4('239.129.2.3'));
    leave(host, ip4('239.1.2.3'));
    host.advance(2 * SECOND);
    expect(host.link.joined).toContain('01:00:5e:01:02:03');
    leave(host, ip4('239.129.2.3'));
    host.advance(2 * SECOND);
    expect(host.link.joined).not.toContain('01:00:5e:01:02:03');
  });

  test('refuses what is no group, and one group too many', () => {
    const host = new Host({ limits: { groups: 1 } });
    expect(join(host, PEER_IP)).toBe(Status.OutOfRange);
    expect(host.ip.joinGroup(1, 0, 0, 1, 0)).toBe(Status.OutOfRange);
    expect(join(host)).toBe(Status.Ok);
    expect(join(host, GROUP + 1)).toBe(Status.LimitReached);
  });

  test('forged queries from beyond the link are counted and ignored', () => {
    const host = new Host();
    join(host);
    host.advance(2 * SECOND);
    host.take();
    const message = new Uint8Array(8);
    emitIgmp(viewOf(message), 0, IGMP_QUERY, 10, 0);
    const dst = ip4('224.0.0.1');
    host.receive(ipv4(message, { dst, protocol: PROTOCOL_IGMP, ttl: 2 }));
    message[7] = 1;
    host.receive(ipv4(message, { dst, protocol: PROTOCOL_IGMP, ttl: 1 }));
    expect(host.ip.counters().igmpMalformed).toBe(2);
    host.advance(10 * SECOND);
    expect(host.take()).toHaveLength(0);
  });
});
