import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import * as fc from 'fast-check';
import {
  emitIpv6Fragment,
  IPV6_EXTENSIONS_MAX,
  IPV6_PROBLEM_FIELD,
  IPV6_PROBLEM_NEXT_HEADER,
  IPV6_PROBLEM_NONE,
  IPV6_PROBLEM_OPTION,
  Ipv6Walk,
  walkIpv6,
} from './ipv6.ts';

const HOP = 0;
const TCP = 6;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;

/** Walks over the bytes; the view ends where they end, so that a read beyond throws. */
function walkOf(next: number, bytes: number[], first = true): [number, Ipv6Walk] {
  const walk = new Ipv6Walk();
  const view = new DataView(Uint8Array.from(bytes).buffer);
  return [walkIpv6(view, next, -1, 0, bytes.length, first, walk), walk];
}

/** An options header of 8 bytes with PadN. */
const padded = (next: number): number[] => [next, 0, 1, 4, 0, 0, 0, 0];

describe('walkIpv6()', () => {
  test('stops at once at a transport', () => {
    const [status, walk] = walkOf(TCP, [1, 2, 3]);
    expect(status).toBe(Status.Ok);
    expect([walk.protocol, walk.at, walk.length, walk.nextHeaderAt]).toEqual([TCP, 0, 3, -1]);
  });

  test('passes over hop-by-hop, routing and destination headers', () => {
    const routing = [DESTINATION, 0, 4, 0, 0, 0, 0, 0];
    const bytes = [...padded(ROUTING), ...routing, ...padded(TCP), 9];
    const [status, walk] = walkOf(HOP, bytes);
    expect(status).toBe(Status.Ok);
    expect([walk.protocol, walk.at, walk.length, walk.nextHeaderAt]).toEqual([TCP, 24, 1, 16]);
  });

  test('stops at a fragment header and passes over an atomic one (RFC 6946, 4)', () => {
    const view = new DataView(new ArrayBuffer(8));
    emitIpv6Fragment(view, 0, TCP, 1480 | 1, -2);
    const bytes = [...new Uint8Array(view.buffer)];
    const [status, walk] = walkOf(FRAGMENT, [...bytes, 7]);
    expect(status).toBe(Status.Ok);
    expect(walk.protocol).toBe(FRAGMENT);
    expect([walk.fragment, walk.identification, walk.fragmentNextHeader]).toEqual([1481, -2, TCP]);
    emitIpv6Fragment(view, 0, TCP, 0, 5);
    const [atomicStatus, atomic] = walkOf(FRAGMENT, [...new Uint8Array(view.buffer), 7]);
    expect(atomicStatus).toBe(Status.Ok);
    expect([atomic.protocol, atomic.at, atomic.length]).toEqual([TCP, 8, 1]);
  });

  test('sees a router alert (RFC 2711)', () => {
    const [status, walk] = walkOf(HOP, [TCP, 0, 5, 2, 0, 0, 1, 0]);
    expect(status).toBe(Status.Ok);
    expect(walk.routerAlert).toBe(1);
  });

  test('reports hop-by-hop options anywhere but first (RFC 8200, 4.1)', () => {
    const [status, walk] = walkOf(DESTINATION, [...padded(HOP), ...padded(TCP)]);
    expect(status).toBe(Status.Malformed);
    expect([walk.problem, walk.problemAt]).toEqual([IPV6_PROBLEM_NEXT_HEADER, 0]);
    expect(walkOf(HOP, padded(TCP), false)[0]).toBe(Status.Malformed);
  });

  test('reports a routing header with segments left (RFC 8200, 4.4)', () => {
    const [status, walk] = walkOf(ROUTING, [TCP, 0, 0, 1, 0, 0, 0, 0]);
    expect(status).toBe(Status.Malformed);
    expect([walk.problem, walk.problemAt]).toEqual([IPV6_PROBLEM_FIELD, 2]);
  });

  test.each([
    [0x1e, Status.Ok, IPV6_PROBLEM_NONE, 0],
    [0x5e, Status.Malformed, IPV6_PROBLEM_NONE, 0],
    [0x9e, Status.Malformed, IPV6_PROBLEM_OPTION, 1],
    [0xde, Status.Malformed, IPV6_PROBLEM_OPTION, 0],
  ])('treats unknown option %d as its two high bits say (RFC 8200, 4.2)', (type, ok, code, all) => {
    const [status, walk] = walkOf(DESTINATION, [TCP, 0, type, 4, 0, 0, 0, 0]);
    expect([status, walk.problem, walk.problemToMulticast]).toEqual([ok, code, all]);
    if (code !== IPV6_PROBLEM_NONE) expect(walk.problemAt).toBe(2);
  });

  test('follows a bounded number of headers', () => {
    const many = (count: number): number[] =>
      Array.from({ length: count }, (_, i) => padded(i === count - 1 ? TCP : DESTINATION)).flat();
    expect(walkOf(DESTINATION, many(IPV6_EXTENSIONS_MAX - 1))[0]).toBe(Status.Ok);
    expect(walkOf(DESTINATION, many(IPV6_EXTENSIONS_MAX))[0]).toBe(Status.LimitReached);
  });

  test('looks at a bounded number of options', () => {
    const header = [TCP, 3, ...Array.from({ length: 30 }, () => 0)];
    expect(walkOf(DESTINATION, header)[0]).toBe(Status.LimitReached);
  });

  test('refuses every truncation and never reads outside', () => {
    const bytes = [...padded(DESTINATION), TCP, 1, 1, 12, ...Array.from({ length: 12 }, () => 0)];
    expect(walkOf(HOP, bytes)[0]).toBe(Status.Ok);
    for (let cut = 0; cut < bytes.length; cut += 1) {
      expect(walkOf(HOP, bytes.slice(0, cut))[0]).toBe(Status.Truncated);
    }
    const likely = fc.array(fc.constantFrom(0, 1, 2, 4, 6, 43, 44, 60, 0xc3), { maxLength: 120 });
    fc.assert(
      fc.property(fc.constantFrom(HOP, ROUTING, FRAGMENT, DESTINATION), likely, (next, input) => {
        const [, walk] = walkOf(next, input);
        expect(walk.length).toBeGreaterThanOrEqual(0);
        expect(walk.at + walk.length).toBe(input.length);
      }),
      { numRuns: 3_000 },
    );
  });
});
