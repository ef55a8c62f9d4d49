import { describe, expect, test } from 'bun:test';
import { HostServicePort, type TransferResult } from './host-protocol.ts';
import { KERNEL, KERNEL_IFACE, Lab, STACK } from './lab.ts';
import { Namespace, pipeline, whyNot } from './namespace.ts';
import { whyNoNative } from './native.ts';
import { startPeer } from './peer-task.ts';
import { streamHash } from './stream.ts';

const TOOLS = ['nc', 'nmap', 'hping3', 'arping', 'wrk', 'perl', 'tcpdump', 'tshark', 'timeout'];
const WHY_NOT = whyNoNative() ?? whyNot([...TOOLS, 'bash']);
const TITLE = WHY_NOT === undefined ? '' : ` (SKIPPED: ${WHY_NOT})`;
const TIMEOUT_MS = 60_000;

/** A scanner acknowledges what nobody sent. */
const ODD_PEER = /ACKed segment that wasn't captured|Acknowledgment number: Broken TCP/;

/** Bytes of a frame that holds a reassembled datagram of 8,028 bytes. */
const LARGE_DATA_ROOM = 9_216;
const LARGE_BYTES = 8_000;

const FLOOD = 10_000;
const CONNECTIONS = 1_000;
const AT_ONCE = 200;

const PATH_MTU = 1_000;
const PATH_BYTES = 5_000_000;

/**
 * nmap calls even a plain clock "Good luck!". Its difficulty is eight times the binary logarithm of
 * the deviation of six numbers: five bits less than the kernel's is no accident any more.
 */
const DIFFICULTY_SPREAD = 40;

/** What nmap thinks of guessing. */
interface Guess {
  readonly difficulty: number;
  readonly isn: string | undefined;
  readonly ids: string | undefined;
}

/** States that nmap found, by port or protocol. */
async function scan(lab: Lab, how: string, ports: string): Promise<Record<string, string>> {
  const nmap = `nmap -n -Pn --max-retries 2 ${how} -p ${ports} ${STACK}`;
  const { output } = await pipeline(lab.kernel, nmap);
  const lines = output.matchAll(/^(\d+)(?:\/\w+)? +([a-z|]+) /gm);
  return Object.fromEntries([...lines].map(([, port, state]) => [port!, state!]));
}

describe.skipIf(WHY_NOT !== undefined)(`probes from the kernel${TITLE}`, () => {
  test(
    'arping, SYN, FIN, NULL, Xmas, Maimon, ACK, UDP and protocol scans find what RFC 9293 says',
    async () => {
      await using lab = await Lab.start('net_tap');
      const { kernel } = lab;
      const arping = kernel.run('arping', '-c', '3', '-W', '0.05', '-I', KERNEL_IFACE, STACK);
      expect(arping.output).toContain('3 packets transmitted, 3 packets received');
      const syn = kernel.run('hping3', '-c', '2', '-i', 'u20000', '-S', '-p', '81', STACK);
      expect(syn.output.match(/flags=RA seq=\d win=0/g)).toHaveLength(2);
      expect(await scan(lab, '-sS', '7,80,81')).toEqual({ 7: 'open', 80: 'open', 81: 'closed' });
      // Without SYN and ACK a listener drops and a closed port resets (RFC 9293, 3.10.7).
      for (const how of ['-sF', '-sN', '-sX']) {
        expect(await scan(lab, how, '80,81')).toEqual({ 80: 'open|filtered', 81: 'closed' });
      }
      expect(await scan(lab, '-sM', '80,81')).toEqual({ 80: 'closed', 81: 'closed' });
      expect(await scan(lab, '-sA', '80,81')).toEqual({ 80: 'unfiltered', 81: 'unfiltered' });
      expect(await scan(lab, '-sU', '7,8')).toEqual({ 7: 'open', 8: 'closed' });
      const protocols = { 1: 'open', 6: 'open', 17: 'open', 50: 'closed', 132: 'closed' };
      expect(await scan(lab, '-sO', '1,6,17,50,132')).toEqual(protocols);
      // Unreachable protocols are errors that no socket waits for.
      const kernelMoves = ['Tcp.OutRsts', 'Icmp.InErrors', 'Udp.NoPorts'];
      await lab.verdict({ kernel: kernelMoves, tshark: ODD_PEER });
    },
    TIMEOUT_MS,
  );

  test(
    'wrong checksums are met with silence (nmap --badsum, hping3 -b)',
    async () => {
      await using lab = await Lab.start('net_tap');
      const { kernel } = lab;
      const badsum = await scan(lab, '--badsum -sS', '80,81');
      expect(badsum).toEqual({ 80: 'filtered', 81: 'filtered' });
      // TCP to an open and to a closed port, UDP to both, ping.
      const probes = ['-S -p 80', '-S -p 81', '-2 -p 7', '-2 -p 8', '-1'];
      // hping3 waits for a second after its last packet: all at once.
      const hping = (probe: string): Promise<{ output: string }> =>
        pipeline(kernel, `timeout -s INT 20 hping3 -c 2 -i u1000 -b ${probe} ${STACK}`);
      for (const { output } of await Promise.all(probes.map(hping))) {
        expect(output).toContain('2 packets transmitted, 0 packets received');
      }
      const { accounts } = await lab.verdict();
      // hping3 sends 2 per probe, nmap at least one per port.
      expect(accounts.ip['tcpBadChecksum']).toBeGreaterThanOrEqual(4 + 2);
      expect(accounts.ip['udpBadChecksum']).toBe(4);
      expect(accounts.ip['icmpBadChecksum']).toBe(2);
      const { frames } = lab.capture.opinion(STACK, 'tcp || icmp');
      expect(frames).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'nmap -O finds sequence numbers and IP IDs as hard to guess as those of the kernel (RFC 6528)',
    async () => {
      await using lab = await Lab.start('net_tap');
      const guess = async (space: Namespace, host: string): Promise<Guess> => {
        const nmap = `nmap -n -Pn -O -v --max-os-tries 1 -p 80,81 ${host}`;
        const { output } = await pipeline(space, nmap);
        const found = /TCP Sequence Prediction: Difficulty=(\d+) \((.*)\)/.exec(output);
        const ids = /IP ID Sequence Generation: (.*)/.exec(output)?.[1];
        return { difficulty: Number(found?.[1]), isn: found?.[2], ids };
      };
      const ours = await guess(lab.kernel, STACK);
      using alone = new Namespace();
      const server = { mode: 'tcp-server', host: '127.0.0.1', port: 80, echo: true } as const;
      await using _listening = await startPeer(alone, server);
      const kernels = await guess(alone, '127.0.0.1');
      expect(kernels.isn).toBe('Good luck!');
      expect(ours).toMatchObject({ isn: kernels.isn!, ids: kernels.ids! });
      expect(ours.difficulty).toBeGreaterThan(kernels.difficulty - DIFFICULTY_SPREAD);
      await lab.verdict({ kernel: ['Tcp.OutRsts', 'Icmp.InErrors'], tshark: ODD_PEER });
    },
    TIMEOUT_MS,
  );

  test(
    'datagrams of 8,000 bytes come and go in fragments where frames have the room (RFC 791)',
    async () => {
      await using lab = await Lab.start('net_tap', { dataRoom: LARGE_DATA_ROOM, mtu: 1500 });
      const flags = ['-c', '20', '-i', '0.01', '-W', '5', '-s', String(LARGE_BYTES)];
      const { output } = lab.kernel.run('ping', ...flags, STACK);
      expect(output).toContain('20 packets transmitted, 20 received');
      const count = 200;
      const task = { mode: 'udp-echo', host: STACK, port: 7, count } as const;
      await using client = await startPeer(lab.kernel, { ...task, bytesMax: LARGE_BYTES });
      expect(await client.result).toEqual({ sent: count, equal: count, wrong: 0 });
      const { accounts } = await lab.verdict();
      expect(accounts.ip['reassembled']).toBeGreaterThan(20);
      expect(accounts.ip['ipv4Fragmented']).toBe(accounts.ip['reassembled']);
    },
    TIMEOUT_MS,
  );

  test(
    'datagrams larger than a frame are dropped, counted, and leave nothing behind',
    async () => {
      await using lab = await Lab.start('net_tap');
      const flags = ['-c', '3', '-i', '0.01', '-W', '1', '-s', String(LARGE_BYTES)];
      const { output } = lab.kernel.run('ping', ...flags, STACK);
      expect(output).toContain('3 packets transmitted, 0 received');
      const { accounts } = await lab.verdict();
      expect(accounts.ip['reassemblyTooLong']).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    'urgent data stays in line (RFC 6093), a half-close is answered, a flood of pings too',
    async () => {
      await using lab = await Lab.start('net_tap');
      const { kernel } = lab;
      const urgent = `
        use IO::Socket::INET; use Socket;
        $s = IO::Socket::INET->new("${STACK}:7") or die;
        send($s, "abc", 0); send($s, "d", MSG_OOB); send($s, "ef", 0); shutdown($s, 1);
        while (sysread($s, $b, 99)) { print $b }`;
      expect(kernel.run('perl', '-e', urgent).output).toBe('abcdef');
      const half = await pipeline(kernel, `printf 'half closed' | nc -N ${STACK} 7`);
      expect(half.output).toBe('half closed');
      const flood = kernel.run('ping', '-f', '-c', String(FLOOD), '-W', '5', STACK);
      const { accounts } = await lab.verdict();
      expect(accounts.ip['icmpEchoRequestsRx']).toBe(FLOOD);
      // What is not answered is counted: the limit is 100,000 per second.
      const { icmpEchoRepliesTx = 0, icmpEchoIgnored = 0 } = accounts.ip;
      expect(icmpEchoRepliesTx + icmpEchoIgnored).toBe(FLOOD);
      expect(flood.output).toContain(`${FLOOD} packets transmitted, ${icmpEchoRepliesTx} received`);
    },
    TIMEOUT_MS,
  );

  test(
    'the kernel receives what we send as urgent by MSG_OOB, the rest in line (RFC 9293, 3.8.5)',
    async () => {
      await using lab = await Lab.start('net_tap');
      // Linux takes the octet before the pointer out of the stream: the last of `urgent!`.
      const receiver = `
        use IO::Socket::INET; use Socket;
        $l = IO::Socket::INET->new(LocalAddr => "${KERNEL}", LocalPort => 4008, Listen => 1) or die;
        $| = 1; $s = $l->accept;
        select(undef, undef, my $e = pack("b*", "0" x fileno($s) . "1"), 10);
        defined(recv($s, $o, 1, MSG_OOB)) or die; print "[$o]";
        while (sysread($s, $b, 99)) { print $b }`;
      const listening = pipeline(lab.kernel, `perl -e '${receiver}'`);
      const connect = {
        op: 'connect',
        host: KERNEL,
        port: 4008,
        seed: 7,
        bytes: 0,
        urgent: 'urgent!',
      } as const;
      const end = Date.now() + 10_000;
      let result = await lab.host.ask<TransferResult>(connect);
      while (result.error === 'ECONNREFUSED' && Date.now() < end) {
        result = await lab.host.ask<TransferResult>(connect);
      }
      expect(result.error).toBeUndefined();
      expect((await listening).output).toBe('[!]urgent');
      await lab.verdict({ kernel: ['Tcp.OutRsts'], tshark: ODD_PEER });
    },
    TIMEOUT_MS,
  );

  test(
    'we are told of what the kernel sends by MSG_OOB, and where it ends (RFC 9293, 3.8.5)',
    async () => {
      await using lab = await Lab.start('net_tap');
      const { kernel } = lab;
      const sender = `
        use IO::Socket::INET; use Socket;
        $s = IO::Socket::INET->new("${STACK}:${HostServicePort.Sink}") or die;
        send($s, "abc", 0); send($s, "d", MSG_OOB); send($s, "ef", 0); send($s, "ghi", MSG_OOB);
        send($s, "j", 0); shutdown($s, 1);
        while (sysread($s, $b, 99)) { print $b }`;
      const hash = new Bun.CryptoHasher('sha256').update('abcdefghij').digest('hex');
      expect(kernel.run('perl', '-e', sender).output).toBe(hash);
      await lab.host.ask({ op: 'settle' });
      const [result] = await lab.host.ask<TransferResult[]>({ op: 'results' });
      expect(result).toMatchObject({ received: 10, marks: [4, 9] });
      const { accounts } = await lab.verdict();
      expect(accounts.tcp['urgentMarks']).toBe(2);
    },
    TIMEOUT_MS,
  );

  test(
    'a reset in the middle ends a connection on both sides, whoever sends it',
    async () => {
      await using lab = await Lab.start('net_tap');
      // nc dies of the broken pipe with unread bytes: the kernel resets.
      const cut = await pipeline(lab.kernel, `nc -d ${STACK} 19 | head -c 100000 | wc -c`);
      expect(cut.output.trim()).toBe('100000');
      const server = { mode: 'tcp-server', host: KERNEL, port: 4007, echo: true } as const;
      await using peer = await startPeer<{ error?: string }>(lab.kernel, server);
      const result = await lab.host.ask<TransferResult>({
        op: 'connect',
        host: KERNEL,
        port: 4007,
        seed: 5,
        bytes: 10_000_000,
        resetAfter: 1_000_000,
      });
      expect(result.received).toBeGreaterThanOrEqual(1_000_000);
      expect(result.received).toBeLessThan(10_000_000);
      expect(await peer.result).toHaveProperty('received');
      const { accounts } = await lab.verdict({
        kernel: [
          'Tcp.EstabResets',
          'Tcp.OutRsts',
          'TcpExt.TCPAbortOnClose',
          'TcpExt.TCPAbortOnData',
        ],
        tshark: ODD_PEER,
      });
      expect(accounts.tcp['estabResets']).toBe(1);
      expect(accounts.tcp['outRsts']).toBeGreaterThanOrEqual(1);
    },
    TIMEOUT_MS,
  );

  test(
    `echoes ${CONNECTIONS} quick connections, ${AT_ONCE} at a time, and serves wrk`,
    async () => {
      await using lab = await Lab.start('net_tap', {}, { isBulk: true });
      const task = { mode: 'connections', host: STACK, port: 7 } as const;
      await using client = await startPeer(lab.kernel, {
        ...task,
        count: CONNECTIONS,
        atOnce: AT_ONCE,
      });
      expect(await client.result).toEqual({ begun: CONNECTIONS, equal: CONNECTIONS });
      const wrk = await pipeline(lab.kernel, `wrk -t 1 -c ${AT_ONCE} -d 1 http://${STACK}/`);
      expect(wrk.output).toMatch(/\b[1-9]\d* requests in/);
      expect(wrk.output).not.toMatch(/Socket errors|Non-2xx/);
      const { accounts } = await lab.verdict({
        // wrk leaves with answers unread.
        kernel: [
          'Tcp.EstabResets',
          'Tcp.OutRsts',
          'TcpExt.TCPAbortOnClose',
          'TcpExt.TCPAbortOnData',
        ],
        tshark: ODD_PEER,
      });
      expect(accounts.tcp['passiveOpens']).toBeGreaterThanOrEqual(CONNECTIONS + AT_ONCE);
      expect(accounts.tcp['listenOverflows']).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    `a router with an MTU of ${PATH_MTU} makes segments smaller, once (RFC 1191)`,
    async () => {
      await using lab = await Lab.start('net_tap', { gateway: KERNEL });
      const { kernel: router, host } = lab;
      using far = new Namespace();
      router.veth('twr', far, 'twf');
      router.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
      router.ip('addr add 10.78.0.1/24 dev twr');
      far.ip('addr add 10.78.0.2/24 dev twf');
      far.ip('route add default via 10.78.0.1');
      // The far end does not know of it, and offers an MSS of 1,460.
      router.ip(`link set twr mtu ${PATH_MTU}`);
      await host.ask({ op: 'source', seed: 6, bytes: PATH_BYTES });
      const down = await pipeline(far, `nc -d ${STACK} 2001 | sha256sum`);
      expect(down.output).toBe(`${streamHash(6, PATH_BYTES)}  -\n`);
      const { accounts } = await lab.verdict({ tshark: ODD_PEER });
      expect(accounts.ip['pathMtuLowered']).toBe(1);
      expect(accounts.tcp['mtuReductions']).toBeGreaterThanOrEqual(1);
      // The first flight at most was too long.
      const tooLong = lab.capture.opinion(STACK, `tcp && ip.len > ${PATH_MTU}`);
      expect(tooLong.frames).toBeGreaterThan(0);
      expect(tooLong.frames).toBeLessThanOrEqual(20);
    },
    TIMEOUT_MS,
  );
});
