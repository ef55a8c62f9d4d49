import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { makeFolder, removeFolder } from './folder.ts';
import { type Driver, KERNEL, Lab, STACK } from './lab.ts';
import { eventually, pipeline, whyNot } from './namespace.ts';
import { startPeer } from './peer-task.ts';
import { streamHash, writeStream } from './stream.ts';
import { whyNoNative } from './native.ts';

const DRIVERS: readonly Driver[] = ['net_tap', 'net_af_packet', 'net_af_xdp'];
const WHY_NOT = whyNoNative() ?? whyNot(['nc', 'curl', 'tcpdump', 'tshark', 'timeout', 'bash']);
const TITLE = WHY_NOT === undefined ? '' : ` (SKIPPED: ${WHY_NOT})`;
const TIMEOUT_MS = 60_000;

const PINGS = 20;
const ECHO_BYTES = 100_000_000;
const ECHO_SEED = 1;
/** Our stack as the client, both ways at once. */
const CLIENT_BYTES = 20_000_000;
const GROUP = '239.77.0.1';
const GROUP_PORT = 7777;
const MULTICASTS = 50;

const folder = makeFolder();
const file = join(folder, 'stream');

beforeAll(() => {
  if (WHY_NOT === undefined) writeStream(file, ECHO_SEED, ECHO_BYTES);
});

afterAll(() => removeFolder(folder));

describe.skipIf(WHY_NOT !== undefined).each([...DRIVERS])(`%s and the kernel${TITLE}`, (driver) => {
  test(
    'answers every ping, and echoes 100 MB of nc bit by bit (RFC 862)',
    async () => {
      await using lab = await Lab.start(driver, {}, { isBulk: true });
      const { kernel } = lab;
      const ping = kernel.run('ping', '-c', String(PINGS), '-i', '0.01', '-W', '5', STACK);
      expect(ping.output).toContain(`${PINGS} packets transmitted, ${PINGS} received`);
      const echo = await pipeline(kernel, `nc -N ${STACK} 7 < ${file} | sha256sum`);
      expect(echo.output).toBe(`${streamHash(ECHO_SEED, ECHO_BYTES)}  -\n`);
      const { accounts } = await lab.verdict();
      expect(accounts.ip['icmpEchoRepliesTx']).toBe(PINGS);
      expect(accounts.tcp['passiveOpens']).toBe(1);
    },
    TIMEOUT_MS,
  );

  test(
    'connect() sends to a server of the kernel and gets the same back',
    async () => {
      await using lab = await Lab.start(driver);
      const hash = streamHash(2, CLIENT_BYTES);
      for (const echo of [true, false]) {
        const port = echo ? 4007 : 4009;
        const task = { mode: 'tcp-server', host: KERNEL, port, echo } as const;
        await using peer = await startPeer<object>(lab.kernel, task);
        const result = await lab.host.connect(KERNEL, port, 2, CLIENT_BYTES);
        expect(result.error).toBeUndefined();
        expect(result.sent).toBe(CLIENT_BYTES);
        expect(result.received).toBe(echo ? CLIENT_BYTES : 0);
        if (echo) expect(result.hash).toBe(hash);
        expect(await peer.result).toEqual({ received: CLIENT_BYTES, hash });
      }
      const { accounts } = await lab.verdict();
      expect(accounts.tcp['activeOpens']).toBe(2);
    },
    TIMEOUT_MS,
  );

  test(
    'echoes datagrams of every size, answers curl, and meets the kernel in a multicast group',
    async () => {
      await using lab = await Lab.start(driver);
      const { kernel, host } = lab;
      const count = 500;
      const echo = { mode: 'udp-echo', host: STACK, port: 7, count, bytesMax: 1472 } as const;
      await using client = await startPeer(kernel, echo);
      expect(await client.result).toEqual({ sent: count, equal: count, wrong: 0 });

      const curl = kernel.run('curl', '-sS', '-i', '--max-time', '20', `http://${STACK}/a/b?c`);
      expect(curl.output).toStartWith('HTTP/1.1 200 OK\r\n');
      expect(curl.output).toEndWith('\r\n\r\ntickwire\n');

      await host.ask({ op: 'join', group: GROUP, port: GROUP_PORT });
      await using member = await startPeer<{ texts: string[] }>(kernel, {
        mode: 'multicast',
        group: GROUP,
        port: GROUP_PORT,
        local: KERNEL,
        count: MULTICASTS,
      });
      const port = GROUP_PORT;
      const sent = await host.ask({ op: 'multicast', group: GROUP, port, count: MULTICASTS });
      expect(sent).toBe(MULTICASTS);
      const { texts } = await member.result;
      expect(texts).toEqual(Array.from({ length: MULTICASTS }, (_, i) => `multicast ${i}`));
      const heard = await eventually(async () => {
        const datagrams = await host.ask<{ text: string }[]>({ op: 'datagrams' });
        return datagrams.length < MULTICASTS ? undefined : datagrams.map(({ text }) => text);
      });
      expect(heard).toEqual(Array.from({ length: MULTICASTS }, (_, i) => `from the kernel ${i}`));

      const { accounts } = await lab.verdict();
      const igmp = lab.capture.opinion(STACK, 'igmp');
      expect(igmp.errors).toEqual({});
      // The join and the departure at least; both are repeated after a random time, which may come
      // after the end of the capture.
      expect(igmp.frames).toBeGreaterThanOrEqual(2);
      expect(igmp.frames).toBeLessThanOrEqual(accounts.ip['igmpReportsTx']!);
    },
    TIMEOUT_MS,
  );
});
