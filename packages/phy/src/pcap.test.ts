import { describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHeapArena, NetError } from '@tickwire/base';
import {
  checksumFold,
  emitEthernet,
  emitIpv4,
  emitTcp,
  emitTcpMss,
  emitTcpSackPermittedTimestamps,
  emitTcpWindowScale,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  PROTOCOL_TCP,
  pseudoSum4,
  setTcpChecksum,
  TCP_CHECKSUM_OFFSET,
  TCP_SYN,
} from '@tickwire/wire';
import { deviceConformance } from './conformance.ts';
import { RxBurst, TxBurst } from './device.ts';
import { createLoopbackPair, type Loopback } from './loopback.ts';
import { formatPcap } from './pcap-format.ts';
import { parsePcap } from './pcap-reader.ts';
import { pcapFileSink, type PcapSink, PcapWriter } from './pcap-writer.ts';

const tshark = Bun.which('tshark');
if (tshark === null) {
  console.warn('SKIPPED: tshark is not installed; the pcap files are not cross-checked');
}

class MemorySink implements PcapSink {
  chunks: Uint8Array[] = [];
  closes = 0;

  write(bytes: Uint8Array): void {
    this.chunks.push(bytes.slice());
  }

  close(): void {
    this.closes += 1;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.chunks));
  }
}

const pair = (): { a: Loopback; b: Loopback } =>
  createLoopbackPair(createHeapArena({ frames: 2048, dataRoom: 2048 }), { queueFrames: 64 });

/** Puts a SYN with a partial checksum into slot 0. */
function writeSyn(device: Loopback | PcapWriter, tx: TxBurst): void {
  const { arena } = device;
  const frame = arena.alloc();
  const at = arena.dataAt[frame]!;
  const tcpAt = at + ETHERNET_HEADER_BYTES + 20;
  emitEthernet(arena.view, at, 0x0200, 0x0b, 0x0200, 0x0a, ETHERTYPE_IPV4);
  const [src, dst] = [0x0a000001, 0x0a000002];
  emitIpv4(arena.view, at + 14, 20, 0, 60, 7, 0x4000, 64, PROTOCOL_TCP, src, dst);
  emitTcp(arena.view, tcpAt, 4000, 80, 0x01020304, 0, 40, TCP_SYN, 65_535, 0);
  let end = emitTcpMss(arena.view, tcpAt + 20, 1460);
  end = emitTcpSackPermittedTimestamps(arena.view, end, 1, 0);
  end = emitTcpWindowScale(arena.view, end, 7);
  setTcpChecksum(arena.view, tcpAt, checksumFold(pseudoSum4(src, dst, PROTOCOL_TCP, 40)));
  tx.frame[0] = frame;
  tx.at[0] = at;
  tx.length[0] = end - at;
  tx.checksumStart[0] = tcpAt;
  tx.checksumAt[0] = tcpAt + TCP_CHECKSUM_OFFSET;
}

deviceConformance('pcap writer', () => {
  const { a, b } = pair();
  return { a: new PcapWriter(a, new MemorySink()), b: new PcapWriter(b, new MemorySink()) };
});

describe('PcapWriter', () => {
  test('records both directions with times, and completes the checksum in the copy only', () => {
    const { a, b } = pair();
    const sink = new MemorySink();
    const device = new PcapWriter(a, sink, { originUnixMs: 1_700_000_000_250 });
    const tx = new TxBurst();
    const rx = new RxBurst();
    writeSyn(device, tx);
    expect(device.transmit(tx, 1, 1_750_000_001)).toBe(1);
    expect(b.receive(rx, 1, 0)).toBe(1);
    tx.checksumStart[0] = 0;
    expect(b.transmit(tx, 1, 0)).toBe(1);
    expect(device.receive(rx, 1, 2_000_000_000)).toBe(1);
    expect(device.recorded).toBe(2);
    expect(sink.chunks).toHaveLength(0);
    device.close();
    device.close();
    expect(sink.closes).toBe(1);
    const { packets, linkType } = parsePcap(sink.bytes);
    expect(linkType).toBe(1);
    expect(packets.map((each) => [each.seconds, each.nanoseconds])).toEqual([
      [1_700_000_002, 1],
      [1_700_000_002, 250_000_000],
    ]);
    expect(packets[0]!.bytes).toEqual(packets[1]!.bytes);
    expect(packets[0]!.originalLength).toBe(74);
  });

  test('takes back what the device below refused', () => {
    const { a } = pair();
    const sink = new MemorySink();
    const device = new PcapWriter(a, sink);
    const tx = new TxBurst();
    let sent = 0;
    for (let burst = 0; burst < 3; burst += 1) {
      for (let i = 0; i < 40; i += 1) {
        const frame = device.arena.alloc();
        tx.frame[i] = frame;
        tx.at[i] = device.arena.dataAt[frame]!;
        tx.length[i] = 60 + i;
        tx.checksumStart[i] = 0;
      }
      sent += device.transmit(tx, 40, burst);
    }
    expect(sent).toBe(64);
    device.close();
    const { packets } = parsePcap(sink.bytes);
    expect(packets.map((each) => each.bytes.length)).toEqual(
      [...Array(64).keys()].map((i) => 60 + (i % 40)),
    );
  });

  test('cuts packets at snapBytes and says how long they were', () => {
    const { a } = pair();
    const sink = new MemorySink();
    const device = new PcapWriter(a, sink, { snapBytes: 20 });
    const tx = new TxBurst();
    writeSyn(device, tx);
    device.transmit(tx, 1, 0);
    device.close();
    const packet = parsePcap(sink.bytes).packets[0]!;
    expect(packet.bytes).toHaveLength(20);
    expect(packet.originalLength).toBe(74);
  });

  test.skipIf(tshark === null)('writes files that tshark reads without complaint', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-pcap-'));
    try {
      const path = join(folder, 'syn.pcap');
      const { a } = pair();
      const device = new PcapWriter(a, pcapFileSink(path));
      const tx = new TxBurst();
      writeSyn(device, tx);
      device.transmit(tx, 1, 1_000_000_001);
      device.close();
      const fields = [
        'frame.time_epoch',
        'ip.checksum.status',
        'tcp.checksum.status',
        'tcp.options.mss_val',
        'tcp.options.wscale.shift',
        'tcp.options.timestamp.tsval',
        '_ws.malformed',
      ];
      const run = Bun.spawnSync([
        tshark!,
        '-r',
        path,
        '-T',
        'fields',
        '-o',
        'ip.check_checksum:TRUE',
        '-o',
        'tcp.check_checksum:TRUE',
        ...fields.flatMap((name) => ['-e', name]),
      ]);
      expect(run.exitCode).toBe(0);
      const [time, ...rest] = run.stdout.toString().replace('\n', '').split('\t');
      expect(time).toEndWith('1.000000001');
      // Checksum status 1 is "good" in tshark.
      expect(rest).toEqual(['1', '1', '1460', '7', '1', '']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('parsePcap()', () => {
  const packets = [
    { timeNs: 1_500_000_000, bytes: Uint8Array.of(1, 2, 3) },
    { timeNs: 2_000_000_007, bytes: new Uint8Array(0) },
  ];

  test('reads what formatPcap() made', () => {
    expect(parsePcap(formatPcap(packets)).packets).toEqual([
      { seconds: 1, nanoseconds: 500_000_000, bytes: packets[0]!.bytes, originalLength: 3 },
      { seconds: 2, nanoseconds: 7, bytes: packets[1]!.bytes, originalLength: 0 },
    ]);
  });

  test('reads microseconds and the other byte order', () => {
    const file = new DataView(new ArrayBuffer(24 + 16 + 1));
    file.setUint32(0, 0xa1b2c3d4);
    file.setUint32(20, 1);
    file.setUint32(24, 9);
    file.setUint32(28, 5);
    file.setUint32(32, 1);
    file.setUint32(36, 1);
    file.setUint8(40, 0xee);
    expect(parsePcap(new Uint8Array(file.buffer)).packets).toEqual([
      { seconds: 9, nanoseconds: 5000, bytes: Uint8Array.of(0xee), originalLength: 1 },
    ]);
  });

  test('throws ERR_TW_FORMAT for every file that ends inside a record or is no pcap file', () => {
    const file = formatPcap(packets);
    const boundaries = new Set([24, 24 + 16 + 3, file.length]);
    for (let length = 0; length <= file.length; length += 1) {
      if (boundaries.has(length)) parsePcap(file.slice(0, length));
      else expect(() => parsePcap(file.slice(0, length))).toThrow(NetError);
    }
    expect(() => parsePcap(new Uint8Array(64))).toThrow(/editcap/);
  });

  test.skipIf(tshark === null)('reads what editcap and tshark write', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-pcap-'));
    try {
      const [from, to] = [join(folder, 'a.pcap'), join(folder, 'b.pcap')];
      const bytes = new Uint8Array(60).fill(7);
      writeFileSync(from, formatPcap([{ timeNs: 3_000_004_005, bytes }]));
      const run = Bun.spawnSync([tshark!, '-r', from, '-F', 'pcap', '-w', to]);
      expect(run.exitCode).toBe(0);
      const read = parsePcap(new Uint8Array(readFileSync(to)));
      expect(read.packets).toHaveLength(1);
      expect(read.packets[0]!.seconds).toBe(3);
      expect(read.packets[0]!.bytes).toEqual(bytes);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
