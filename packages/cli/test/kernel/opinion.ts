/**
 * What tshark thinks of the frames of one host.
 *
 * @module
 */

import { must } from './namespace.ts';

/** What tshark says about frames of one host, counted by message. */
export interface Opinion {
  /** Bad checksums, malformed packets. */
  readonly errors: Readonly<Record<string, number>>;
  readonly warnings: Readonly<Record<string, number>>;
  /** Frames of that host. */
  readonly frames: number;
}

/** `_ws.expert.severity`; epan/proto.h. */
const SEVERITY_ERROR = 0x800000;
const SEVERITY_WARNING = 0x600000;

/**
 * What TCP may say of itself on a link that loses nothing: a peer that reads slowly fills the
 * window, and a reset is what some tests ask for.
 */
const HARMLESS = [
  /^TCP window specified by the receiver is now completely full/,
  /^TCP Zero Window segment/,
  /^Connection reset \(RST\)/,
  // We tell the kernel that its tail loss probe was not needed (RFC 2883).
  /^D-SACK Sequence/,
  // A device fills in 0xffff where the sum is 0, as Linux does (CSUM_MANGLED_0): for UDP it must,
  // for TCP it may, since both are the same number in ones' complement.
  /^TCP Checksum 0xffff instead of 0x0000/,
] as const;

/** Nothing above the transport: guesses at the application find faults in pseudo-random streams. */
const NO_APPLICATIONS = ['-d', 'tcp.port==1-65535,data', '-d', 'udp.port==1-65535,data'] as const;

/** Who sent a frame: a MAC address, or an IPv4 one. */
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;

/**
 * Lets tshark judge the frames of a file that `host` sent, with every checksum checked. `host` is
 * an IPv4 address, or the MAC address of somebody who has many.
 */
export function opinionOf(path: string, host: string, filter = ''): Opinion {
  const checks = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);
  // The first address: an ICMP error quotes the addresses of somebody else's packet.
  const byAddress = `(ip.src#1 == ${host} || arp.src.proto_ipv4 == ${host})`;
  const own = MAC.test(host) ? `eth.src == ${host}` : byAddress;
  const filters = filter === '' ? own : `${own} && (${filter})`;
  const fields = ['_ws.expert.severity', '_ws.expert.message', '_ws.malformed'];
  const text = must([
    'tshark',
    '-r',
    path,
    ...checks,
    ...NO_APPLICATIONS,
    '-Y',
    filters,
    '-T',
    'fields',
    '-E',
    'aggregator=|',
    ...fields.flatMap((field) => ['-e', field]),
  ]);
  return judge(text);
}

/** Counts what tshark printed: one line per frame, fields between tabs, values between bars. */
function judge(text: string): Opinion {
  const errors: Record<string, number> = {};
  const warnings: Record<string, number> = {};
  let frames = 0;
  for (const line of text.split('\n')) {
    // "Running as user root" is on the same stream.
    if (line === '' || line.startsWith('Running as')) continue;
    frames += 1;
    const [severities = '', messages = '', malformed = ''] = line.split('\t');
    if (malformed !== '') errors['malformed'] = (errors['malformed'] ?? 0) + 1;
    if (severities === '') continue;
    const said = messages.split('|');
    for (const [i, severity] of severities.split('|').entries()) {
      const message = said[i] ?? '?';
      const level = Number(severity);
      if (level >= SEVERITY_ERROR) errors[message] = (errors[message] ?? 0) + 1;
      else if (level >= SEVERITY_WARNING && !HARMLESS.some((each) => each.test(message))) {
        warnings[message] = (warnings[message] ?? 0) + 1;
      }
    }
  }
  return { errors, warnings, frames };
}
