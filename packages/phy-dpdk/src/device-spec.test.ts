import { describe, expect, test } from 'bun:test';
import { NetError } from '@tickwire/base';
import { parseDeviceSpec, toDevargs } from './device-spec.ts';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof NetError ? error.code : 'another error';
  }
  return 'no error';
}

describe('parseDeviceSpec()', () => {
  test.each([
    ['net_tap', 'net_tap3'],
    ['net_tap7', 'net_tap7'],
    ['net_tap:iface=tap7', 'net_tap3,iface=tap7'],
    ['net_tap0,iface=tap7,mac=02:00:00:00:00:01', 'net_tap0,iface=tap7,mac=02:00:00:00:00:01'],
    ['net_af_packet:iface=veth0', 'net_af_packet3,iface=veth0'],
    ['net_af_xdp:iface=veth0,queue_count=2', 'net_af_xdp3,iface=veth0,queue_count=2'],
    ['net_pcap0:rx_pcap=a=b.pcap', 'net_pcap0,rx_pcap=a=b.pcap'],
    ['0000:01:00.0', '0000:01:00.0'],
    ['01:00.0', '0000:01:00.0'],
    ['0000:3B:00.1,representor=0', '0000:3b:00.1,representor=0'],
  ])('reads %s', (text, devargs) => {
    expect(toDevargs(parseDeviceSpec(text), 3)).toBe(devargs);
  });

  test('names the driver and what it attaches to', () => {
    expect(parseDeviceSpec('net_af_xdp1:iface=veth0')).toMatchObject({
      driver: 'net_af_xdp',
      target: 'veth0',
      index: 1,
    });
    expect(parseDeviceSpec('01:00.0')).toMatchObject({ driver: 'pci', target: '0000:01:00.0' });
  });

  test.each([
    '',
    'eth0',
    'tap0',
    'net_af_packet',
    'net_af_xdp:queue_count=1',
    'net_tap:iface',
    'net_tap:=x',
    'net_tap:iface=a,iface=b',
    'net_tap:iface=../../etc/passwd',
    'net_tap:iface=longer-than-15-chars',
    'net_ring0',
    '0000:01:00.8',
  ])('refuses "%s"', (text) => {
    expect(codeOf(() => parseDeviceSpec(text))).toBe('EINVAL');
  });
});
