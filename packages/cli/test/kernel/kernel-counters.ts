/**
 * The kernel's own opinion of us: SNMP, TcpExt, IpExt and IPv6 counters of a namespace.
 *
 * @module
 */

import { must, type Namespace } from './namespace.ts';

/** Counters by `Group.Name`; those of IPv6 by the kernel's `Ip6Name`. */
export type KernelCounters = Readonly<Record<string, number>>;

/** Reads all of them. */
export function kernelCounters(space: Namespace): KernelCounters {
  const text = must(space.inside('cat', '/proc/net/snmp', '/proc/net/netstat'));
  const lines = text.trim().split('\n');
  const counters: Record<string, number> = {};
  // Lines come in pairs: names, then values.
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const names = lines[i]!.split(' ');
    const values = lines[i + 1]!.split(' ');
    for (let k = 1; k < names.length; k += 1) {
      counters[`${names[0]!.replace(':', '')}.${names[k]}`] = Number(values[k]);
    }
  }
  // Of IPv6 there is a name and a value per line; without it there is no such file.
  for (const line of space.run('cat', '/proc/net/snmp6').output.split('\n')) {
    const [name = '', value] = line.split(/\s+/);
    if (value !== undefined && Number.isInteger(Number(value))) counters[name] = Number(value);
  }
  return counters;
}

/** Counters that only move when somebody on the wire does something wrong. */
const WRONG = [
  'Ip.InHdrErrors',
  'Ip.InAddrErrors',
  'Ip.InUnknownProtos',
  'Ip.ReasmFails',
  'Ip.ReasmTimeout',
  'Icmp.InErrors',
  'Icmp.InCsumErrors',
  'Tcp.AttemptFails',
  'Tcp.EstabResets',
  'Tcp.InErrs',
  'Tcp.InCsumErrors',
  'Tcp.OutRsts',
  'Udp.InErrors',
  'Udp.InCsumErrors',
  'Udp.NoPorts',
  'TcpExt.EmbryonicRsts',
  'TcpExt.OutOfWindowIcmps',
  'TcpExt.PAWSActive',
  'TcpExt.PAWSEstab',
  'TcpExt.TCPAbortOnData',
  'TcpExt.TCPAbortOnClose',
  'TcpExt.TCPAbortOnMemory',
  'TcpExt.TCPAbortOnTimeout',
  'TcpExt.TCPAbortOnLinger',
  'TcpExt.TCPAbortFailed',
  'TcpExt.TCPChallengeACK',
  'TcpExt.TCPSYNChallenge',
  'TcpExt.TCPSACKReneging',
  'TcpExt.TCPSackDiscard',
  'TcpExt.TCPDSACKIgnoredDubious',
  'TcpExt.TCPZeroWindowDrop',
  'TcpExt.TCPMD5Unexpected',
  'TcpExt.TCPFastOpenPassiveFail',
  'Ip6InHdrErrors',
  'Ip6InAddrErrors',
  'Ip6InUnknownProtos',
  'Ip6InTruncatedPkts',
  'Ip6ReasmFails',
  'Ip6ReasmTimeout',
  'Icmp6InErrors',
  'Icmp6InCsumErrors',
  'Udp6InErrors',
  'Udp6InCsumErrors',
  'Udp6NoPorts',
  'IpExt.InCsumErrors',
  'IpExt.InTruncatedPkts',
  'IpExt.InNoRoutes',
] as const;

/**
 * Counters of {@link WRONG} that moved, with by how much; `except` are expected to.
 *
 * A reset per segment that the kernel sent again is nobody's fault: on a busy machine our
 * acknowledgement of its FIN comes after its timer, it sends the FIN again, the first answer ends
 * LAST-ACK, and the second, which TIME-WAIT owes (RFC 9293, 3.10.7.4), finds no socket (3.10.7.1).
 */
export function complaints(
  before: KernelCounters,
  after: KernelCounters,
  except: readonly string[] = [],
): Record<string, number> {
  const sentAgain = (after['Tcp.RetransSegs'] ?? 0) - (before['Tcp.RetransSegs'] ?? 0);
  const moved: Record<string, number> = {};
  for (const name of WRONG) {
    const change = (after[name] ?? 0) - (before[name] ?? 0);
    if (name === 'Tcp.OutRsts' && change <= sentAgain) continue;
    if (change !== 0 && !except.includes(name)) moved[name] = change;
  }
  return moved;
}
