import { describe, expect, test } from 'bun:test';
import {
  parseAddress,
  parseCidr,
  parseDuration,
  parseGroup,
  parseGroupPort,
  parseOrders,
  parsePort,
  parseRate,
  parseSeed,
  parseSessions,
} from './arguments.ts';

describe('values that are accepted', () => {
  test.each([
    [parseRate, '100000', 100_000],
    [parseRate, '100_000', 100_000],
    [parseRate, '100k', 100_000],
    [parseRate, '1.5m', 1_500_000],
    [parseRate, '0.5', 0.5],
    [parseOrders, '1m', 1_000_000],
    [parseOrders, '1', 1],
    [parseOrders, '2147483647', 2_147_483_647],
    [parseDuration, '10', 10],
    [parseDuration, '10s', 10],
    [parseDuration, '500ms', 0.5],
    [parseDuration, '2m', 120],
    [parseDuration, '1h', 3600],
    [parseSeed, '4294967295', 4_294_967_295],
    [parseSessions, '64', 64],
    [parsePort, '65535', 65_535],
    [parseCidr, '10.77.0.1/24', '10.77.0.1/24'],
    [parseCidr, '2001:db8::1/64', '2001:db8::1/64'],
    [parseAddress, '10.77.0.1', '10.77.0.1'],
    [parseGroup, '239.77.0.1', '239.77.0.1'],
  ] as const)('%p reads %s', (parse, text, value) => {
    expect(parse(text)).toBe(value);
  });
});

describe('values that are refused, with what would be right', () => {
  test.each([
    [parseRate, 'fast', '"fast" is not a rate; give orders per second above 0, as in'],
    [parseRate, '0', 'is not a rate'],
    [parseRate, '-5', 'is not a rate'],
    [parseRate, '1e9', 'is not a rate'],
    [parseRate, '200m', 'is not a rate'],
    [parseOrders, '0', 'is not a number of orders; give 1 to 2147483647'],
    [parseOrders, '1.5', 'is not a number of orders'],
    [parseOrders, '3g', 'is not a number of orders'],
    [parseDuration, '0', 'is not a duration; give seconds, or 500ms'],
    [parseDuration, '10 years', 'is not a duration'],
    [parseSeed, '4294967296', 'is not a seed; give 0 to 4294967295'],
    [parseSeed, '-1', 'is not a seed'],
    [parseSessions, '0', 'is not a number of sessions; give 1 to 64'],
    [parsePort, '70000', 'is not a port; give 1 to 65535'],
    [parsePort, '', 'is not a port'],
    [parseGroupPort, '65535', 'is not a port with another behind it; give 1 to 65534'],
    [parseCidr, '10.77.0.1', 'is not an address with a prefix length; write for example 10.77'],
    [parseCidr, '10.77.0.1/99', 'is not an address with a prefix length'],
    [parseCidr, 'x/24', 'is not an address with a prefix length'],
    [parseAddress, 'localhost', 'is not an IP address; write for example'],
    [parseGroup, '10.0.0.1', 'is not a multicast group; choose one in 239.0.0.0/8'],
  ] as const)('%p refuses "%s"', (parse, text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});
