/**
 * The same script over IPv6: that it is IPv6 indeed, and that faults are found there too.
 */

import { describe, expect, test } from 'bun:test';
import { packetFault } from '../port/layer3-port.ts';
import { createScriptedStack } from '../port/scripted-stack.ts';
import { addressOn, isForBothFamilies, stackOptionsOn } from './family.ts';
import { parseScripts } from './load-script.ts';
import { runScript } from './run-script.ts';
import type { Script } from './script.ts';

const HEADER = 'title: t\nrfc: 9293, 3.5\nlevel: MUST\n';

function script(lines: string, header = ''): Script {
  return parseScripts(`${HEADER}${header}\n${lines}\n`, 'test.tw')[0]!;
}

describe('addressOn()', () => {
  test.each([
    [4, '10.0.0.1', '10.0.0.1'],
    [6, '10.0.0.1', 'fd00::a00:1'],
    [6, '192.0.2.9', 'fd00::c000:209'],
    [6, '0.0.0.0', '0.0.0.0'],
    [6, '2001:db8::1', '2001:db8::1'],
  ] as const)('over IPv%d writes %s as %s', (family, text, written) => {
    expect(addressOn(family, text)).toBe(written);
  });
});

test('the stack of a script over IPv6 sends IPv6, whole and with a right checksum', () => {
  using stack = createScriptedStack(stackOptionsOn(6, {}));
  const fd = stack.sockets.socket('stream');
  stack.sockets.setNonBlocking(fd, true);
  stack.sockets.connect(fd, addressOn(6, '10.0.0.2'), 80);
  stack.time.settle();
  const { bytes } = stack.port.take()!;
  expect(bytes[0]! >> 4).toBe(6);
  expect(stack.port.take()).toBeUndefined();
  expect(packetFault(bytes)).toBeUndefined();
  for (let at = 8; at < bytes.length; at += 1) {
    const damaged = bytes.slice();
    damaged[at] = damaged[at]! ^ 1;
    expect(packetFault(damaged)).toContain('checksum');
  }
  expect(packetFault(bytes.slice(0, -1))).toContain('impossible');
  expect(packetFault(Uint8Array.from([...bytes, 0]))).toContain('length');
});

describe('runScript() over IPv6', () => {
  test('notices what differs, in the words of the script', () => {
    const lines = 'use established\n+0 write(4, 10) = 10\n+0 > . 1:11(10) ack 1';
    const { failure } = runScript(script(lines), 6);
    expect(failure).toContain('got:      0.200000 > P. 1:11(10) ack 1 win 65535');
    expect(runScript(script(lines.replace('> .', '> P.')), 6).failure).toBeUndefined();
  });

  test('is what a script asks for by its header', () => {
    const lines = 'use established mss=0\n+0 %{ tcpi_snd_mss == 1220 }%';
    expect(runScript(script(lines, 'ip: 6\n')).failure).toBeUndefined();
    expect(runScript(script(lines)).failure).toContain('tcpi_snd_mss = 536');
    expect(() => script(lines, 'ip: 5\n')).toThrow('ip is 4 or 6');
  });

  test.each([
    ['a segment', '+0 < S 0:0(0) win 9', true],
    ['a TTL', '+0 < [ttl 9] S 0:0(0) win 9', true],
    ['another host', '+0 < [src 10.0.0.3] S 0:0(0) win 9', true],
    ['a datagram', '+0 < udp (3)', true],
    ['ICMP', '+0 < icmp echo_request id 1 seq 1 (8)', false],
    ['a group', '+0 < [dst 224.0.0.1] S 0:0(0) win 9', false],
    ['a broadcast address', '+0 < [src 10.0.0.255] S 0:0(0) win 9', false],
    ['an IPv4 option', '+0 < [ipopt 01010101] S 0:0(0) win 9', false],
    ['a fragment', '+0 < [frag 0:8+] udp (30)', false],
    ['counters of IPv4', '+0 %{ ip.ipv4Rx == 0 }%', false],
  ])('is for a script with %s: %s: %p', (_title, lines, isForBoth) => {
    expect(isForBothFamilies(script(lines))).toBe(isForBoth);
    expect(isForBothFamilies(script(lines, 'ip: 4\n'))).toBe(false);
  });
});
