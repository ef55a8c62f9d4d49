import { afterAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { faultsAt } from './bridge-process.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { Lab, STACK } from './lab.ts';
import { pipeline, whyNot } from './namespace.ts';
import { whyNoNative } from './native.ts';
import { startPeer } from './peer-task.ts';
import { streamHash, writeStream } from './stream.ts';

const WHY_NOT = whyNoNative() ?? whyNot(['nc', 'tcpdump', 'tshark', 'timeout', 'bash']);
const TITLE = WHY_NOT === undefined ? '' : ` (SKIPPED: ${WHY_NOT})`;
const TIMEOUT_MS = 60_000;

const SEED = 31;
/** Handshakes and departures through the same faults. */
const SHORT = 300;
/** The FIN may be lost, and with it goes the last word: long enough for one retransmission. */
const TIME_WAIT_NS = 1_000_000_000;

/**
 * Counters of the kernel that damaged, repeated and late frames move. A segment that is late comes
 * after the kernel has closed its end, and is reset; a SYN-ACK that comes twice finds the
 * connection open and is challenged (RFC 5961, 4).
 */
const DAMAGE = [
  'Ip.InHdrErrors',
  'Ip.InUnknownProtos',
  'Icmp.InErrors',
  'Icmp.InCsumErrors',
  'IpExt.InCsumErrors',
  'IpExt.InTruncatedPkts',
  'Tcp.InErrs',
  'Tcp.InCsumErrors',
  'Tcp.OutRsts',
  'Udp.InErrors',
  'Udp.InCsumErrors',
  'TcpExt.PAWSEstab',
  'TcpExt.TCPDSACKIgnoredDubious',
  'TcpExt.TCPChallengeACK',
  'TcpExt.TCPSYNChallenge',
] as const;

const folder = makeFolder();
afterAll(() => removeFolder(folder));

describe.skipIf(WHY_NOT !== undefined)(`a lossy bridge to the kernel${TITLE}`, () => {
  test.each([
    ['tap', 0, 20_000_000],
    ['tap', 0.001, 20_000_000],
    ['tap', 0.01, 20_000_000],
    ['tap', 0.05, 5_000_000],
    ['veth', 0.01, 10_000_000],
  ] as const)(
    `over %s at a loss of %p carries %d bytes each way, bit by bit (seed ${SEED})`,
    async (link, loss, bytes) => {
      const file = join(folder, 'stream');
      writeStream(file, 1, bytes);
      const tcp = { timeWaitNs: TIME_WAIT_NS };
      await using lab = await Lab.startLossy({ link, seed: SEED, faults: faultsAt(loss) }, { tcp });
      const { kernel, host } = lab;
      const up = await pipeline(kernel, `nc -N ${STACK} 2000 < ${file}`);
      expect(up.output).toBe(streamHash(1, bytes));
      await host.ask({ op: 'source', seed: 2, bytes });
      const down = await pipeline(kernel, `nc -d ${STACK} 2001 | sha256sum`);
      expect(down.output).toBe(`${streamHash(2, bytes)}  -\n`);
      // Both directions at once.
      const echo = await pipeline(kernel, `nc -N ${STACK} 7 < ${file} | sha256sum`);
      expect(echo.output).toBe(`${streamHash(1, bytes)}  -\n`);
      const { bridge } = await lab.verdict({ kernel: loss === 0 ? [] : DAMAGE });
      for (const line of [bridge!.forward, bridge!.backward]) {
        const { dropped, duplicated, reordered, corrupted } = line;
        const least = Math.min(dropped, duplicated, reordered, corrupted);
        if (loss > 0) expect(least).toBeGreaterThan(0);
        else expect(dropped + duplicated + reordered + corrupted).toBe(0);
        expect(line.overflowed + line.noMemory).toBe(0);
      }
    },
    TIMEOUT_MS,
  );

  test(
    `at a loss of 5 % ends ${SHORT} short connections, and nothing is left (seed ${SEED})`,
    async () => {
      const tcp = { timeWaitNs: TIME_WAIT_NS };
      await using lab = await Lab.startLossy({ seed: SEED, faults: faultsAt(0.05) }, { tcp });
      const task = { mode: 'connections', host: STACK, port: 7 } as const;
      await using client = await startPeer(lab.kernel, { ...task, count: SHORT, atOnce: 100 });
      expect(await client.result).toEqual({ begun: SHORT, equal: SHORT });
      const { accounts } = await lab.verdict({ kernel: DAMAGE });
      expect(accounts.tcp['passiveOpens']).toBeGreaterThanOrEqual(SHORT);
    },
    TIMEOUT_MS,
  );
});
