import { describe, expect, test } from 'bun:test';
import { Capture } from './capture.ts';
import { HostProcess } from './host-process.ts';
import { kernelCounters } from './kernel-counters.ts';
import { KERNEL, Lab, STACK } from './lab.ts';
import { must, Namespace, pipeline, whyNot } from './namespace.ts';
import { whyNoNative } from './native.ts';
import { startPeer } from './peer-task.ts';
import { streamHash } from './stream.ts';

const WHY_NOT = whyNoNative() ?? whyNot(['nc', 'tcpdump', 'tshark', 'timeout', 'bash']);
const TITLE = WHY_NOT === undefined ? '' : ` (SKIPPED: ${WHY_NOT})`;
const TIMEOUT_MS = 60_000;
const BYTES = 5_000_000;
/** Asks for Accurate ECN, and takes what the peer knows. */
const TCP = { ecn: 3 } as const;

/** `tcp.flags`: SYN, SYN-ACK and the ECN flags of each. */
const SYN_ACCURATE = '0x01c2';
const SYN_CLASSIC = '0x00c2';
const SYN_ACK_ACCURATE = '0x0092';
const SYN_ACK_CLASSIC = '0x0052';

/** What tshark says of itself, for root. */
const OF_ITSELF = /^Running as user/;

/** Fields of the frames that match a filter, one line each, without repetitions. */
function fields(path: string, filter: string, ...names: string[]): string[] {
  const wanted = names.flatMap((name) => ['-e', name]);
  const text = must(['tshark', '-r', path, '-Y', filter, '-T', 'fields', ...wanted]);
  return [...new Set(text.split('\n').filter((line) => line !== '' && !OF_ITSELF.test(line)))];
}

describe.skipIf(WHY_NOT !== undefined)(`Accurate ECN and the kernel${TITLE}`, () => {
  test(
    'a kernel that knows classic ECN gets classic ECN, whoever asks (RFC 9768, 3.1.2)',
    async () => {
      await using lab = await Lab.start('net_tap', { tcp: TCP });
      must(lab.kernel.inside('sysctl', '-qw', 'net.ipv4.tcp_ecn=1'));
      const task = { mode: 'tcp-server', host: KERNEL, port: 4007, echo: true } as const;
      await using peer = await startPeer<object>(lab.kernel, task);
      const result = await lab.host.connect(KERNEL, 4007, 3, BYTES);
      expect([result.error, result.hash]).toEqual([undefined, streamHash(3, BYTES)]);
      await peer.result;
      const echo = `head -c ${BYTES} /dev/zero | nc -N ${STACK} 7 | wc -c`;
      expect((await pipeline(lab.kernel, echo)).output.trim()).toBe(String(BYTES));
      await lab.verdict();
      const { path } = lab.capture;
      const syns = (host: string): string[] =>
        fields(path, `tcp.flags.syn == 1 && ip.src == ${host}`, 'tcp.flags').toSorted();
      expect(syns(STACK)).toEqual([SYN_ACK_CLASSIC, SYN_ACCURATE]);
      expect(syns(KERNEL)).toEqual([SYN_ACK_CLASSIC, SYN_CLASSIC]);
      expect(fields(path, 'tcp.options.acc_ecn', 'frame.number')).toEqual([]);
      // The kernel counts what arrives ECN-capable: most of what we have sent.
      expect(kernelCounters(lab.kernel)['IpExt.InECT0Pkts']).toBeGreaterThan(BYTES / 1500);
    },
    TIMEOUT_MS,
  );

  test(
    'two stacks with the kernel as router count the same bytes as tshark (RFC 9768, 3.2.3)',
    async () => {
      using router = new Namespace();
      const start = (side: number): Promise<HostProcess> =>
        HostProcess.start(router, {
          device: `net_tap:iface=tw${side}`,
          address: `10.77.${side}.2/24`,
          gateway: `10.77.${side}.1`,
          tcp: TCP,
        });
      await using one = await start(1);
      await using two = await start(2);
      for (const side of [1, 2]) {
        router.ip(`addr add 10.77.${side}.1/24 dev tw${side}`);
        router.ip(`link set tw${side} up`);
      }
      must(router.inside('sysctl', '-qw', 'net.ipv4.ip_forward=1'));
      await using capture = await Capture.start(router, 'tw1', { isBulk: true });
      const result = await one.connect('10.77.2.2', 7, 5, BYTES);
      expect([result.error, result.hash]).toEqual([undefined, streamHash(5, BYTES)]);
      await one.ask({ op: 'settle' });
      await two.ask({ op: 'settle' });
      await capture.reach(router, '10.77.1.2');
      const accounts = [await one.close(), await two.close()];
      await capture.stop();
      const { path } = capture;
      const syns = fields(path, 'tcp.flags.syn == 1', 'ip.src', 'tcp.flags');
      expect(syns).toEqual([`10.77.1.2\t${SYN_ACCURATE}`, `10.77.2.2\t${SYN_ACK_ACCURATE}`]);
      for (const [i, host] of ['10.77.1.2', '10.77.2.2'].entries()) {
        const peer = i === 0 ? '10.77.2.2' : '10.77.1.2';
        const opinion = capture.opinion(host);
        expect(opinion.errors).toEqual({});
        // The router does not mark: ACE stays at five behind the handshake.
        const aces = `ip.src == ${host} && tcp.flags.syn == 0 && tcp.len > 0`;
        expect(fields(path, aces, 'tcp.flags.ace')).toEqual(['5']);
        // The last option tells of all that had come ECN-capable: what was sent once.
        const capable = `ip.src == ${peer} && ip.dsfield.ecn == 2 && tcp.len > 0`;
        const lines = fields(path, capable, 'frame.number', 'tcp.len');
        const sent = lines.reduce((sum, line) => sum + Number(line.split('\t')[1]), 0);
        const told = fields(
          path,
          `ip.src == ${host} && tcp.options.acc_ecn.ee0b`,
          'tcp.options.acc_ecn.ee0b',
        );
        if (capture.holes === 0) expect(Number(told.at(-1))).toBe(1 + sent);
        expect(sent).toBeGreaterThan(BYTES * 0.9);
        expect(accounts[i]!.tcp['ecnReductions']).toBe(0);
        expect(accounts[i]!.tcp['deliveredCe']).toBe(0);
        expect(accounts[i]).toMatchObject({ connections: 0, tcpTimers: 0, ipFrames: 0 });
      }
    },
    TIMEOUT_MS,
  );
});
