import { describe, expect, test } from 'bun:test';
import { configureHost, neighbourOf } from './kernel-side.ts';

describe('neighbourOf()', () => {
  test.each([
    ['10.77.0.1/24', '10.77.0.254/24'],
    ['10.77.0.254/24', '10.77.0.253/24'],
    ['192.168.200.9/16', '192.168.255.254/16'],
    ['10.0.0.1/30', '10.0.0.2/30'],
    ['10.0.0.2/30', '10.0.0.1/30'],
    ['10.0.0.1/31', undefined],
    ['2001:db8::1/64', undefined],
  ])('of %s is %p', (address, neighbour) => expect(neighbourOf(address)).toBe(neighbour));
});

describe('configureHost()', () => {
  const own = '10.77.0.1/24';

  test('leaves interfaces alone that are not ours', () => {
    expect(configureHost('net_af_packet:iface=eth0', own, undefined)).toBeUndefined();
    expect(configureHost('net_tap:iface=tap0', own, 'none')).toBeUndefined();
    expect(() => configureHost('net_af_packet:iface=eth0', own, '10.0.0.9/24')).toThrow(
      '--host-address is for the kernel end of a net_tap; configure this interface with "ip addr"',
    );
  });

  test('says what to do where it cannot', () => {
    expect(configureHost('net_tap', own, undefined)).toContain('net_tap:iface=tap0');
    expect(configureHost('net_tap:iface=tap0', '2001:db8::1/64', undefined)).toContain('ip addr');
    expect(() => configureHost('net_tap:iface=nowhere9', own, undefined)).toThrow(
      'do it by hand and give --host-address none',
    );
  });
});
