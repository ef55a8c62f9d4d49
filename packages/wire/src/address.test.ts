import { describe, expect, test } from 'bun:test';
import { isIPv6 } from 'node:net';
import { NetError } from '@tickwire/base';
import * as fc from 'fast-check';
import { Cidr, formatIpv6, formatMac, IpAddress, MacAddress } from './address.ts';

describe('IpAddress.parse()', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    // RFC 5952, 4.1 to 4.3.
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ])('reads %s as %s', (text, canonical) => {
    expect(String(IpAddress.parse(text))).toBe(canonical);
  });

  const refused =
    '10.0.0|10.0.0.256|10.0.0.01|10.0.0.1.2| 10.0.0.1|1.2.3.4:5|:|:::|1::2::3|1:2:3:4:5:6:7|' +
    '1:2:3:4:5:6:7:8:9|12345::|g::|1:2:3:4:5:6:7::8|1.2.3.4::|::1.2.3|1:|:1|fe80::1%eth0|host|';

  test.each(refused.split('|'))('refuses "%s" and says what to write', (text) => {
    expect(() => IpAddress.parse(text)).toThrow(NetError);
    expect(() => IpAddress.parse(text)).toThrow(/write 10\.0\.0\.1 or 2001:db8::1/);
    expect(IpAddress.tryParse(text)).toBeUndefined();
  });

  test('reads back what it printed, in a form that others read too', () => {
    const word = fc.oneof(fc.integer(), fc.constantFrom(0, 1, 0x10000, 0xffff, -1));
    fc.assert(
      fc.property(word, word, word, word, (a, b, c, d) => {
        const address = new IpAddress(a, b, c, d);
        expect(IpAddress.parse(String(address)).equals(address)).toBe(true);
        expect(isIPv6(formatIpv6(a, b, c, d))).toBe(true);
        const host = `[${address.toString()}]`;
        if (!address.isV4) expect(new URL(`http://${host}`).hostname).toBe(host);
      }),
    );
  });
});

describe('IpAddress', () => {
  test.each([
    ['0.0.0.0', ['isV4', 'isUnspecified']],
    ['::', ['isUnspecified']],
    ['127.1.2.3', ['isV4', 'isLoopback']],
    ['::1', ['isLoopback']],
    ['224.0.0.1', ['isV4', 'isMulticast']],
    ['239.255.255.255', ['isV4', 'isMulticast']],
    ['240.0.0.0', ['isV4']],
    ['ff02::1', ['isMulticast']],
    ['169.254.1.1', ['isV4', 'isLinkLocal']],
    ['fe80::1', ['isLinkLocal']],
    ['febf::1', ['isLinkLocal']],
    ['fec0::1', []],
    ['255.255.255.255', ['isV4', 'isBroadcast']],
    ['10.0.0.1', ['isV4']],
    ['::2', []],
  ])('classifies %s as %j', (text, expected) => {
    const address = IpAddress.parse(text);
    const names = [
      'isV4',
      'isUnspecified',
      'isLoopback',
      'isMulticast',
      'isLinkLocal',
      'isBroadcast',
    ] as const;
    expect(names.filter((name) => address[name])).toEqual(expected as never[]);
    expect(address.family).toBe(address.isV4 ? 4 : 6);
  });

  test('holds IPv4 as 0, 0, 0xffff, v4', () => {
    const { word0, word1, word2, word3, v4 } = IpAddress.parse('10.0.0.1');
    expect([word0, word1, word2, word3, v4]).toEqual([0, 0, 0xffff, 0x0a000001, 0x0a000001]);
  });
});

describe('Cidr', () => {
  test.each([
    ['10.1.2.3/24', '10.1.2.0', '10.1.2.255'],
    ['10.1.2.3/0', '0.0.0.0', '255.255.255.255'],
    ['10.1.2.3/30', '10.1.2.0', '10.1.2.3'],
    ['10.1.2.3/31', '10.1.2.2', undefined],
    ['10.1.2.3/32', '10.1.2.3', undefined],
    ['2001:db8:1:2:3::1/64', '2001:db8:1:2::', undefined],
    ['2001:db8:ffff::1/33', '2001:db8:8000::', undefined],
    ['2001:db8::1/128', '2001:db8::1', undefined],
    ['2001:db8::1/0', '::', undefined],
  ])('%s has network %s and broadcast %s', (text, network, broadcast) => {
    const cidr = Cidr.parse(text);
    expect(String(cidr)).toBe(text);
    expect(String(cidr.network)).toBe(network);
    expect(cidr.broadcast?.toString()).toBe(broadcast);
    expect(cidr.contains(cidr.network)).toBe(true);
  });

  test('contains() respects the prefix and never crosses families', () => {
    const net = Cidr.parse('10.0.0.0/23');
    expect(net.contains(IpAddress.parse('10.0.1.255'))).toBe(true);
    expect(net.contains(IpAddress.parse('10.0.2.0'))).toBe(false);
    expect(Cidr.parse('::/0').contains(IpAddress.parse('10.0.0.1'))).toBe(false);
    expect(Cidr.parse('0.0.0.0/0').contains(IpAddress.parse('::1'))).toBe(false);
  });

  test('mask4 is the netmask', () => {
    expect(Cidr.parse('10.0.0.1/24').mask4 >>> 0).toBe(0xffffff00);
    expect(Cidr.parse('10.0.0.1/0').mask4).toBe(0);
  });

  test.each(['10.0.0.1', '10.0.0.1/33', '10.0.0.1/x', '10.0.0.1/', '2001:db8::/129', '/8'])(
    'refuses %s',
    (text) => {
      expect(() => Cidr.parse(text)).toThrow(NetError);
    },
  );
});

describe('MacAddress', () => {
  test.each(['02:00:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '01:00:5e:7f:80:ff'])('reads %s', (text) => {
    const mac = MacAddress.parse(text);
    expect(String(mac)).toBe(text);
    expect(String(MacAddress.parse(text.toUpperCase().replaceAll(':', '-')))).toBe(text);
    expect(MacAddress.fromBytes(mac.toBytes()).equals(mac)).toBe(true);
    expect(formatMac(mac.high, mac.low)).toBe(text);
    expect(mac.isGroup).toBe(text !== '02:00:00:00:00:01');
  });

  test.each(['', '02:00:00:00:00', '02:00:00:00:00:1', '02:00-00:00:00:01', '0g:00:00:00:00:01'])(
    'refuses "%s"',
    (text) => {
      expect(() => MacAddress.parse(text)).toThrow(/write 02:00:00:00:00:01/);
    },
  );

  test('fromBytes() refuses other lengths', () => {
    expect(() => MacAddress.fromBytes(new Uint8Array(5))).toThrow(NetError);
  });
});
