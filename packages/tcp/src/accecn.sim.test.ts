/**
 * Accurate ECN over links that mark: what the network has done, what the receiver has counted and
 * what the sender believes are the same number (RFC 9768, 3.2).
 */

import { describe, expect, test } from 'bun:test';
import { Acc, CEP_INITIAL } from './accecn.ts';
import { Congestion, Ecn, type TcpConfig } from './config.ts';
import { TcpInfo } from './info.ts';
import { Flows } from './testing/flows.ts';
import type { Host } from './testing/host.ts';
import { Link, type LinkOptions } from './testing/link.ts';
import type { Tcb } from './tcb.ts';

const MS = 1_000_000;
const ACCURATE: Partial<TcpConfig> = { ecn: Ecn.Accurate };

interface Counted {
  readonly link: Link;
  readonly client: TcpInfo;
  readonly server: TcpInfo;
}

/** Sends `up` bytes one way and `down` the other; both ends say at the end what they know. */
function exchange(
  options: LinkOptions,
  config: Partial<TcpConfig>,
  up: number,
  down: number,
): Counted {
  const host = { record: false, frames: 8192 };
  const link = new Link({
    ...options,
    a: { ...host, config: { ...ACCURATE, ...config } },
    b: { ...host, config: { ...ACCURATE, ...config } },
  });
  const { client, server } = link.connect();
  const left = new Map<Tcb, number>([
    [client, up],
    [server, down],
  ]);
  const received = new Map<Tcb, number>();
  const chunk = new Uint8Array(8192);
  const fill = (from: Host, tcb: Tcb): void => {
    for (;;) {
      const want = Math.min(left.get(tcb)!, chunk.length);
      const taken = want === 0 ? 0 : from.tcp.write(tcb, chunk, 0, want);
      left.set(tcb, left.get(tcb)! - taken);
      if (taken === 0 || taken < want) return;
    }
  };
  for (const end of [link.a, link.b]) {
    end.onDrained = (tcb): void => fill(end, tcb);
    end.onData = (tcb, _frame, _at, length): void => {
      received.set(tcb, (received.get(tcb) ?? 0) + length);
    };
  }
  fill(link.a, client);
  fill(link.b, server);
  const isDone = (tcb: Tcb, want: number): boolean =>
    (received.get(tcb) ?? 0) === want && tcb.sndUna === tcb.sndEnd;
  link.run(() => isDone(client, down) && isDone(server, up), 3000e9);
  // The last ACKs, and what of them is delayed.
  link.runFor(1000 * MS);
  const infos = [new TcpInfo(), new TcpInfo()];
  link.a.tcp.info(client, infos[0]!);
  link.b.tcp.info(server, infos[1]!);
  return { link, client: infos[0]!, server: infos[1]! };
}

describe('counters of a lossless marking link (RFC 9768, 3.2.2 and 3.2.3)', () => {
  for (const mark of [0.001, 0.05, 0.5, 1]) {
    for (const [sack, timestamps] of [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ] as const) {
      test(`${mark * 100} % of packets, SACK ${sack}, timestamps ${timestamps}: exact`, () => {
        const options = { seed: 7, delayNs: 5 * MS, bitsPerSecond: 100e6, mark };
        const { link, client, server } = exchange(options, { sack, timestamps }, 300_000, 100_000);
        expect(link.marksToB).toBeGreaterThanOrEqual(mark === 0.001 ? 0 : 5);
        expect([server.receivedCe, client.receivedCe]).toEqual([link.marksToB, link.marksToA]);
        expect([client.deliveredCe, server.deliveredCe]).toEqual([link.marksToB, link.marksToA]);
        // Every byte is in one counter of the receiver, and the sender knows it.
        expect(server.receivedE0Bytes + server.receivedCeBytes).toBe(300_000);
        expect(client.receivedE0Bytes + client.receivedCeBytes).toBe(100_000);
        if (mark === 1) expect(server.receivedCeBytes).toBe(300_000);
        expect(client.deliveredCeBytes).toBe(server.receivedCeBytes);
        expect(client.accEcnFailMode | server.accEcnFailMode).toBe(0);
      });
    }
  }

  test('reordering changes nothing that the receiver counts', () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      // Without SACK a late packet may be repaired; the repair is not ECN-capable.
      const options = { seed, delayNs: MS, reorder: 0.05, reorderNs: 100_000, mark: 0.1 };
      const { link, client, server } = exchange(options, {}, 200_000, 200_000);
      expect(server.receivedCe).toBe(link.marksToB);
      expect(client.receivedCe).toBe(link.marksToA);
      expect(client.deliveredCe).toBe(server.receivedCe);
      expect(server.deliveredCe).toBe(client.receivedCe);
    }
  });

  test('losses, of ACKs too: the receiver is exact, and the sender at most safer', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const options = { seed, delayNs: MS, loss: 0.03, mark: 0.1 };
      const { link, client, server } = exchange(options, { rtoMinNs: 10 * MS }, 200_000, 0);
      expect(server.receivedCe).toBe(link.marksToB);
      expect(client.deliveredCe).toBeGreaterThanOrEqual(server.receivedCe);
      expect(client.deliveredCe).toBeLessThanOrEqual(server.receivedCe + 8);
      expect(client.accEcnFailMode).toBe(0);
    }
  });
});

describe('without marks none is seen (RFC 9768, 3.2.2.5.2)', () => {
  for (const sack of [true, false]) {
    for (const loss of [0, 0.01]) {
      for (const reorder of [0, 0.1]) {
        // Without SACK nobody knows which packets a duplicate ACK is of, and an ACK of more than
        // three bits can count is read as the most marks that fit (3.2.2.5.2).
        if (!sack && reorder > 0) continue;
        test(`SACK ${sack}, loss ${loss}, reordering ${reorder}: bursts and holes`, () => {
          const options = { seed: 5, delayNs: 5 * MS, bitsPerSecond: 100e6, queueBytes: 250_000 };
          const config = { ...ACCURATE, sack };
          const impaired = { ...options, loss, reorder, reorderNs: MS };
          const flows = new Flows({ ...impaired, a: { config }, b: { config } });
          const flow = flows.open(Congestion.Cubic);
          flows.measure(5e9);
          expect(flow.received).toBeGreaterThan(1_000_000);
          expect(flows.link.a.tcp.counters.deliveredCe).toBe(0);
          expect(flow.client.accEcn & Acc.NoEct).toBe(0);
        });
      }
    }
  }
});

describe('the reaction (RFC 9768, 3.1.5)', () => {
  for (const congestion of [Congestion.NewReno, Congestion.Cubic, Congestion.Bbr] as const) {
    test(`controller ${congestion}: a step marker keeps the queue short, nothing is lost`, () => {
      const flows = new Flows({
        seed: 3,
        delayNs: 5 * MS,
        bitsPerSecond: 100e6,
        queueBytes: 2_000_000,
        markBytes: 60_000,
        a: { config: { ...ACCURATE } },
        b: { config: { ...ACCURATE } },
      });
      const flow = flows.open(congestion);
      flows.measure(2e9);
      const [rate] = flows.measure(3e9).values();
      const { counters } = flows.link.a.tcp;
      expect(flows.link.dropped).toBe(0);
      expect(counters.retransSegs).toBe(0);
      expect(counters.ecnReductions).toBeGreaterThan(0);
      // One reduction per round trip at most, whatever the number of marks.
      expect(counters.ecnReductions).toBeLessThan(counters.deliveredCe + 1);
      expect(rate!).toBeGreaterThan(60e6);
      expect(flow.client.cwnd).toBeLessThan(600_000);
      expect(flow.client.accEcn & Acc.NoEct).toBe(0);
    });
  }
});

describe('who agrees on what (RFC 9768, table 2)', () => {
  // Rows: the client's mode; columns: the server's. 0 none, 1 classic, 2 accurate.
  const table = [
    [0, 0, 0, 0, 0, 0],
    [0, 1, 1, 1, 1, 1],
    [0, 0, 0, 0, 0, 0],
    [0, 1, 1, 2, 2, 2],
    [0, 1, 1, 1, 1, 1],
    [0, 0, 0, 0, 0, 0],
  ];
  for (const [client, row] of table.entries()) {
    for (const [server, mode] of row.entries()) {
      test(`a client with ecn ${client} and a server with ecn ${server}: ${mode}`, () => {
        const link = new Link({
          seed: 1,
          delayNs: MS,
          a: { config: { ecn: client as Ecn } },
          b: { config: { ecn: server as Ecn } },
        });
        const ends = link.connect();
        const infos = [new TcpInfo(), new TcpInfo()];
        link.a.tcp.info(ends.client, infos[0]!);
        link.b.tcp.info(ends.server, infos[1]!);
        expect(infos.map((info) => info.ecnMode)).toEqual([mode, mode]);
      });
    }
  }
});

test('the counters wrap at 2^32 and the option at 2^24 (RFC 9768, 3.2.3.1)', () => {
  const link = new Link({
    seed: 9,
    delayNs: MS,
    mark: 0.3,
    a: { record: false, config: ACCURATE },
    b: { record: false, config: ACCURATE },
  });
  const { client, server } = link.connect();
  // As if so much had gone before: both ends are a little before every wrap.
  for (const near of [-3, 2 ** 31 - 3] as const) {
    for (const tcb of [client, server]) {
      tcb.rcvCep = near | 0;
      tcb.sndCep = near | 0;
      tcb.rcvE0b = near | 0;
      tcb.sndE0b = near | 0;
      tcb.rcvCeb = near | 0;
      tcb.sndCeb = near | 0;
    }
    const before = link.marksToB;
    link.a.tcp.write(client, new Uint8Array(100_000), 0, 100_000);
    link.run(() => client.sndUna === client.sndEnd, 60e9);
    link.runFor(1000 * MS);
    const marks = link.marksToB - before;
    expect(marks).toBeGreaterThan(3);
    expect((server.rcvCep - near) | 0).toBe(marks);
    expect(client.sndCep).toBe(server.rcvCep);
    expect([client.sndE0b, client.sndCeb]).toEqual([server.rcvE0b, server.rcvCeb]);
    expect((server.rcvE0b + server.rcvCeb - 2 * near) | 0).toBe(100_000);
  }
  expect(CEP_INITIAL).toBe(5);
});
