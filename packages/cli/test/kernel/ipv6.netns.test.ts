import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { makeFolder, removeFolder } from './folder.ts';
import type { Accounts } from './host-protocol.ts';
import { kernelCounters } from './kernel-counters.ts';
import { KERNEL6, Lab, STACK6 } from './lab.ts';
import { eventually, pipeline, whyNot } from './namespace.ts';
import { whyNoNative } from './native.ts';
import { startPeer } from './peer-task.ts';
import { streamHash, writeStream } from './stream.ts';

const WHY_NOT = whyNoNative() ?? whyNot(['nc', 'tcpdump', 'tshark', 'timeout', 'bash']);
const TITLE = WHY_NOT === undefined ? '' : ` (SKIPPED: ${WHY_NOT})`;
const TIMEOUT_MS = 60_000;

const PINGS = 10;
/** The usual, and what fills a frame behind the headers of IPv6 and ICMPv6. */
const PING_BYTES = [56, 1_452] as const;
const BYTES = 1_000_000;
const SEED = 6;
const DATAGRAMS = 200;
/** What fits into a frame behind the headers of IPv6 and UDP. */
const DATAGRAM_BYTES_MAX = 1_452;

const folder = makeFolder();
const file = join(folder, 'stream');

beforeAll(() => {
  if (WHY_NOT === undefined) writeStream(file, SEED, BYTES);
});

afterAll(() => removeFolder(folder));

describe.skipIf(WHY_NOT !== undefined).each(['net_tap', 'net_af_packet'] as const)(
  `IPv6 over %s and the kernel${TITLE}`,
  (driver) => {
    test(
      'echoes, streams and datagrams pass beside what the kernel says by itself (RFC 4861, 7.2)',
      async () => {
        await using lab = await Lab.startIpv6(driver);
        const { kernel, host } = lab;

        for (const size of PING_BYTES) {
          // Without a deadline ping waits two round trips for the last replies, too short for a
          // busy machine. With one it goes on until so many are answered.
          const times = ['-c', String(PINGS), '-i', '0.02', '-w', '20'];
          const ping = kernel.run('ping', '-6', ...times, '-s', String(size), STACK6);
          expect(ping.output).toContain(`, ${PINGS} received`);
        }
        expect(await host.ask<number>({ op: 'ping', host: KERNEL6, count: PINGS })).toBe(0);
        const answered = await eventually(async () => {
          const { ip } = await host.ask<Accounts>({ op: 'counters' });
          return ip['icmpEchoRepliesRx'] === PINGS ? true : undefined;
        });
        expect(answered).toBe(true);

        const hash = streamHash(SEED, BYTES);
        const echo = await pipeline(kernel, `nc -N ${STACK6} 7 < ${file} | sha256sum`);
        expect(echo.output).toBe(`${hash}  -\n`);
        const server = { mode: 'tcp-server', host: KERNEL6, port: 4007, echo: true } as const;
        await using peer = await startPeer<object>(kernel, server);
        const result = await host.connect(KERNEL6, 4007, SEED, BYTES);
        expect([result.error, result.sent, result.hash]).toEqual([undefined, BYTES, hash]);
        expect(await peer.result).toEqual({ received: BYTES, hash });

        const count = DATAGRAMS;
        const bytesMax = DATAGRAM_BYTES_MAX;
        const task = { mode: 'udp-echo', host: STACK6, port: 7, count, bytesMax } as const;
        await using client = await startPeer(kernel, task);
        expect(await client.result).toEqual({ sent: count, equal: count, wrong: 0 });

        const { accounts } = await lab.verdict();
        expect(accounts.ip).toMatchObject({
          icmpEchoIgnored: 0,
          icmpMalformed: 0,
          icmpBadChecksum: 0,
          icmpv6Malformed: 0,
          addressConflicts: 0,
        });
        const { icmpEchoRequestsRx, icmpEchoRepliesTx } = accounts.ip;
        expect(icmpEchoRepliesTx).toBe(icmpEchoRequestsRx);
        expect(icmpEchoRepliesTx).toBeGreaterThanOrEqual(PINGS * PING_BYTES.length);
        expect(accounts.tcp).toMatchObject({ passiveOpens: 1, activeOpens: 1 });
        // Each side has asked for the other, and we have told of our groups.
        for (const name of ['ndpSolicitationsTx', 'ndpAdvertisementsTx', 'mldReportsTx']) {
          expect(accounts.ip[name]).toBeGreaterThan(0);
        }
        // The kernel was as talkative as it is on any link.
        const said = kernelCounters(kernel);
        expect(said['Icmp6OutRouterSolicits']).toBeGreaterThan(0);
        expect(said['Icmp6OutMLDv2Reports']).toBeGreaterThan(0);
        expect(said['Icmp6InNeighborAdvertisements']).toBeGreaterThan(0);
      },
      TIMEOUT_MS,
    );
  },
);
