import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { NO_FRAME, Prng } from '@tickwire/base';
import { tcpSeq } from '@tickwire/wire';
import type { TcpConfig } from './config.ts';
import { IcmpKind } from './icmp-error.ts';
import { Recovery } from './recovery.ts';
import type { Tcb } from './tcb.ts';
import { Link, type LinkOptions } from './testing/link.ts';
import { flowOf } from './testing/lone-tcb.ts';
import { patternByte } from './testing/scripted-peer.ts';

// Minutes of virtual time; a loaded machine is no reason to fail.
setDefaultTimeout(60_000);

const MS = 1_000_000;
const HEADERS = 52;
const MINUTE = 60e9;

/** A flow of checked bytes over a path whose MTU the test moves. */
class Path {
  readonly link: Link;
  readonly client: Tcb;
  readonly server: Tcb;
  written = 0;
  received = 0;
  wrong = 0;
  /** Timeouts and fast retransmits are congestion events; a repair is none. */
  repairs = 0;
  readonly #chunk: Uint8Array = new Uint8Array(16_384);
  #wanted = 0;

  constructor(config: Partial<TcpConfig> = {}, options: Partial<LinkOptions> = {}) {
    const hosts = { record: false, frames: 8192, config: { ...config } };
    this.link = new Link({
      seed: 1,
      delayNs: 5 * MS,
      bitsPerSecond: 100e6,
      ...options,
      a: hosts,
      b: hosts,
    });
    const { client, server } = this.link.connect();
    this.client = client;
    this.server = server;
    this.link.a.onDrained = (): void => this.#fill();
    this.link.b.onData = (_tcb, _frame, at, length): void => {
      const { bytes } = this.link.b.arena;
      for (let i = 0; i < length; i += 1) {
        if (bytes[at + i] !== patternByte(this.received + i)) this.wrong += 1;
      }
      this.received += length;
    };
  }

  /** The router says what it drops, at once. */
  speak(): this {
    const { a } = this.link;
    this.link.onTooBig = (sent): void => {
      const seq = tcpSeq(a.arena.view, sent.at);
      const { client } = this;
      const { localPort, remotePort } = client;
      const flow = flowOf(client);
      a.tcp.icmpError(flow, localPort, remotePort, seq, IcmpKind.TooBig, this.link.pathMtu);
      if (client.recovery === Recovery.Repair) this.repairs += 1;
    };
    return this;
  }

  /** Sends `bytes` more; returns how long it took. */
  send(bytes: number, limitNs = 120e9): number {
    this.#wanted += bytes;
    const startNs = this.link.nowNs;
    this.#fill();
    this.link.run(() => this.received === this.#wanted && this.client.sqHead === NO_FRAME, limitNs);
    expect(this.wrong).toBe(0);
    return this.link.nowNs - startNs;
  }

  #fill(): void {
    while (this.written < this.#wanted) {
      const want = Math.min(this.#chunk.length, this.#wanted - this.written);
      for (let i = 0; i < want; i += 1) this.#chunk[i] = patternByte(this.written + i);
      const taken = this.link.a.tcp.write(this.client, this.#chunk, 0, want);
      this.written += taken;
      if (taken < want) return;
    }
  }

  /** Everything goes back where it came from. */
  close(): void {
    const { a, b } = this.link;
    a.tcp.close(this.client, this.link.nowNs);
    b.tcp.close(this.server, this.link.nowNs);
    this.link.runFor(130e9);
    this.link.assertClean();
  }
}

describe('path MTU by ICMP (RFC 1191, RFC 8201)', () => {
  test('a path that shrinks in mid-transfer: pieces at once, no congestion', () => {
    const path = new Path().speak();
    path.send(500_000);
    const { client, link } = path;
    const { counters } = link.a.tcp;
    expect(client.mss).toBe(1500 - HEADERS);
    const { cwnd, ssthresh } = client;
    link.pathMtu = 1200;
    const tookNs = path.send(500_000);
    expect(client.mss).toBe(1200 - HEADERS);
    expect(client.pathMtu).toBe(1200);
    expect(counters.mtuReductions).toBe(1);
    expect(path.repairs).toBeGreaterThan(0);
    expect(counters.timeouts).toBe(0);
    expect(counters.fastRetransmits).toBe(0);
    expect(client.cwnd).toBeGreaterThanOrEqual(cwnd);
    expect(client.ssthresh).toBe(ssthresh);
    // 40 ms on the line, and a few round trips of 10 ms.
    expect(tookNs).toBeLessThan(120 * MS);
    path.close();
  });

  test('packets carry DF', () => {
    expect(flowOf(new Path().client).dontFragment).toBe(1);
  });

  test('an error is ignored when nothing so large is in flight (RFC 5927, 7.2)', () => {
    const path = new Path();
    const { client, link } = path;
    const { tcp } = link.a;
    tcp.write(client, new Uint8Array(4000), 0, 4000);
    link.pump();
    const say = (seq: number, mtu: number): number =>
      tcp.icmpError(flowOf(client), client.localPort, client.remotePort, seq, IcmpKind.TooBig, mtu);
    expect(say(client.sndUna, 1500)).toBeLessThan(0);
    // In flight, but no segment begins there: a guess.
    expect(say((client.sndUna + 7) | 0, 600)).toBeLessThan(0);
    // The last segment is small.
    expect(say((client.sndUna + 2 * client.mss) | 0, 1400)).toBeLessThan(0);
    expect(say((client.sndNxt + 1) | 0, 600)).toBeLessThan(0);
    expect(client.mss).toBe(1500 - HEADERS);
    expect(tcp.counters.icmpIgnored).toBe(4);
    expect(say(client.sndUna, 1400)).toBe(0);
    expect(client.mss).toBe(1400 - HEADERS);
  });

  test('IPv6 links take 1280 bytes: who claims less is ignored (RFC 8201, 4)', () => {
    const path = new Path();
    const { client, link } = path;
    const { tcp } = link.a;
    tcp.write(client, new Uint8Array(4000), 0, 4000);
    link.pump();
    const say = (mtu: number): number =>
      tcp.icmpError(flow, client.localPort, client.remotePort, client.sndUna, 2, mtu);
    // The lookup goes by another object, so that the connection alone turns to IPv6.
    const flow = flowOf(client);
    client.family = 6;
    expect(say(1279)).toBeLessThan(0);
    expect(client.pathMtu).toBe(65_535);
    client.family = 4;
    expect(say(300)).toBe(0);
    // IPv4 has a floor instead (Linux's min_pmtu).
    expect(client.pathMtu).toBe(552);
  });

  test('pathMtuDiscovery: false believes nobody', () => {
    const path = new Path({ pathMtuDiscovery: false }).speak();
    path.link.pathMtu = 1200;
    // Probing still finds it out.
    path.send(300_000);
    expect(path.link.a.tcp.counters.mtuReductions).toBe(0);
    expect(path.link.a.tcp.counters.mtuBlackHoles).toBe(1);
    expect(path.client.pathMtu).toBeLessThanOrEqual(1200);
  });

  test('after ten minutes the path is tried again (RFC 1191, 6.3)', () => {
    const path = new Path().speak();
    const { client, link } = path;
    link.pathMtu = 1200;
    path.send(200_000);
    link.pathMtu = 1500;
    link.runFor(9 * MINUTE);
    path.send(200_000);
    expect(client.pathMtu).toBe(1200);
    link.runFor(MINUTE + 1e9);
    path.send(200_000);
    expect(client.pathMtu).toBe(1500);
    expect(client.mss).toBe(1500 - HEADERS);
    expect(link.a.tcp.counters.mtuRaises).toBe(1);
    path.close();
  });

  for (const sack of [true, false]) {
    test(`it is, though IP knew the small size, ${sack ? 'with' : 'without'} SACK`, () => {
      const path = new Path({ sack }).speak();
      const { client, link } = path;
      link.pathMtu = 1200;
      path.send(200_000);
      // IP has the news, too, and gives its estimate up some time after TCP begins to look.
      client.ipMtu = 1200;
      const bind = link.a.bindFlow.bind(link.a);
      let known = 1200;
      link.a.bindFlow = (flow, nowNs): number => {
        const status = bind(flow, nowNs);
        flow.mtu = known;
        return status;
      };
      link.runFor(10 * MINUTE + 1e9);
      path.send(200_000);
      expect(client.mss).toBe(1200 - HEADERS);
      link.pathMtu = 1500;
      known = 1500;
      link.runFor(10 * MINUTE + 1e9);
      path.send(200_000);
      expect(client.mss).toBe(1500 - HEADERS);
      path.close();
    });
  }

  test('a path that has not grown costs one probe, not a window', () => {
    const path = new Path().speak();
    const { client, link } = path;
    link.pathMtu = 1200;
    path.send(200_000);
    link.runFor(10 * MINUTE + 1e9);
    const { cwnd } = client;
    path.send(200_000);
    const { counters } = link.a.tcp;
    expect(counters.mtuProbes).toBe(1);
    expect(client.pathMtu).toBe(1200);
    expect(counters.fastRetransmits + counters.timeouts).toBe(0);
    expect(client.cwnd).toBeGreaterThanOrEqual(Math.min(cwnd, 14_480));
  });

  test('without SACK, or with probing off, the size is simply tried', () => {
    for (const config of [{ sack: false }, { mtuProbing: 0 as const }]) {
      const path = new Path(config).speak();
      const { client, link } = path;
      link.pathMtu = 1200;
      path.send(200_000);
      link.pathMtu = 1500;
      link.runFor(10 * MINUTE + 1e9);
      path.send(100_000);
      expect(client.mss).toBe(1500 - HEADERS);
      expect(link.a.tcp.counters.mtuProbes).toBe(0);
    }
  });

  test('news that IP has from elsewhere counts with the next segment', () => {
    const path = new Path();
    path.send(10_000);
    path.client.ipMtu = 1300;
    path.link.pathMtu = 1300;
    path.send(100_000);
    expect(path.client.mss).toBe(1300 - HEADERS);
    expect(path.link.a.tcp.counters.timeouts).toBe(0);
    path.client.ipMtu = 1500;
    path.link.pathMtu = 1500;
    path.send(100_000);
    expect(path.client.mss).toBe(1500 - HEADERS);
  });
});

describe('path MTU by probing (RFC 4821)', () => {
  for (const mtu of [1100, 1280, 1400, 1492]) {
    test(`a black hole of ${mtu} bytes is found out, and how large it is`, () => {
      const path = new Path({}, { seed: mtu });
      const { client, link } = path;
      path.send(300_000);
      link.pathMtu = mtu;
      const tookNs = path.send(2_000_000);
      const { counters } = link.a.tcp;
      expect(counters.mtuBlackHoles).toBe(1);
      expect(client.pathMtu).toBeLessThanOrEqual(mtu);
      expect(client.pathMtu).toBeGreaterThan(mtu - 8);
      // Probes that were lost were no congestion.
      expect(counters.fastRetransmits).toBe(0);
      expect(counters.mtuProbes).toBeLessThan(12);
      // 1.4 s until the suspicion, 0.6 s until it is certain, and the transfer.
      expect(tookNs).toBeLessThan(4e9);
      path.send(1_000_000);
      expect(counters.mtuBlackHoles).toBe(1);
      path.close();
    });
  }

  test('a path below the base gets smaller segments still', () => {
    const path = new Path();
    path.send(100_000);
    path.link.pathMtu = 700;
    path.send(200_000);
    expect(path.client.pathMtu).toBeLessThanOrEqual(700);
    expect(path.client.pathMtu).toBeGreaterThanOrEqual(552);
    expect(path.link.a.tcp.counters.mtuBlackHoles).toBe(2);
  });

  test('the path is tried again after ten minutes', () => {
    const path = new Path();
    const { client, link } = path;
    path.send(100_000);
    link.pathMtu = 1300;
    path.send(2_000_000);
    link.pathMtu = 1500;
    path.send(500_000);
    expect(client.pathMtu).toBeLessThanOrEqual(1300);
    link.runFor(10 * MINUTE);
    path.send(500_000);
    expect(client.pathMtu).toBe(1500);
  });

  test('a peer that was away is no black hole: the first probe restores the size', () => {
    const path = new Path();
    const { client, link } = path;
    path.send(100_000);
    link.pathMtu = 0;
    expect(() => path.send(400_000, 4e9)).toThrow('stalled');
    link.pathMtu = Number.POSITIVE_INFINITY;
    path.send(400_000);
    expect(client.mss).toBe(1500 - HEADERS);
  });

  test('random loss is no black hole', () => {
    for (const seed of [1, 2, 3, 4]) {
      const path = new Path({}, { seed, loss: 0.1 });
      path.send(400_000, 1000e9);
      expect(path.link.a.tcp.counters.mtuBlackHoles).toBe(0);
      expect(path.client.mss).toBe(1500 - HEADERS);
    }
  });

  test('mtuProbing: 0 does not find it out', () => {
    const path = new Path({ mtuProbing: 0 });
    path.send(100_000);
    path.link.pathMtu = 1200;
    expect(() => path.send(100_000, 20e9)).toThrow('stalled');
    expect(path.client.mss).toBe(1500 - HEADERS);
  });

  test('mtuProbing: 2 begins small, and one probe finds the link', () => {
    const path = new Path({ mtuProbing: 2 });
    const { client, link } = path;
    expect(client.mss).toBe(1024 - 12);
    path.send(300_000);
    expect(client.mss).toBe(1500 - HEADERS);
    expect(link.a.tcp.counters.mtuProbes).toBe(1);
    expect(link.a.tcp.counters.timeouts).toBe(0);
    path.close();
  });

  test('mtuProbing: 2 never stalls on a black hole', () => {
    const path = new Path({ mtuProbing: 2 });
    path.link.pathMtu = 1400;
    path.send(2_000_000);
    const { counters } = path.link.a.tcp;
    expect(counters.timeouts + counters.fastRetransmits).toBe(0);
    expect(path.client.pathMtu).toBeGreaterThan(1392);
    expect(path.client.pathMtu).toBeLessThanOrEqual(1400);
  });

  test('jumbo frames are found where the link and the peer have them', () => {
    const hosts = { mtu: 9000, dataRoom: 9216 };
    const link = new Link({
      seed: 1,
      delayNs: MS,
      a: { ...hosts, record: false, config: { mssMax: 8960, mtuProbing: 2 } },
      b: { ...hosts, record: false, config: { mssMax: 8960 } },
    });
    const { client } = link.connect();
    link.a.tcp.write(client, new Uint8Array(256_000), 0, 256_000);
    link.runFor(1e9);
    expect(client.mss).toBe(9000 - HEADERS);
  });

  test('BBR takes the loss of a probe for none', () => {
    const path = new Path({ mtuProbing: 2, congestion: 2 });
    path.link.pathMtu = 1400;
    path.send(1_000_000);
    expect(path.client.lostTotal).toBe(0);
    expect(path.client.bbr!.bwLo).toBe(Number.POSITIVE_INFINITY);
    expect(path.client.pathMtu).toBeGreaterThan(1392);
  });

  for (const seed of [11, 12, 13, 14, 15, 16]) {
    test(`a path that changes all the time loses no byte, seed ${seed}`, () => {
      const random = new Prng(seed);
      const path = new Path(
        { mtuProbing: seed % 2 === 0 ? 2 : 1, sack: seed % 3 !== 0 },
        { seed, loss: 0.005, reorder: 0.02, reorderNs: 2 * MS, duplicate: 0.01 },
      );
      for (let i = 0; i < 12; i += 1) {
        path.link.pathMtu = 552 + random.nextBelow(949);
        if (random.nextBelow(2) === 0) path.speak();
        else path.link.onTooBig = undefined;
        if (random.nextBelow(4) === 0) path.link.runFor(11 * MINUTE);
        path.send(1 + random.nextBelow(200_000), 1000e9);
      }
      path.link.pathMtu = Number.POSITIVE_INFINITY;
      path.close();
    });
  }
});
