/**
 * A middleware that records every frame in both directions as a pcap file.
 *
 * Frames are copied into one buffer; the sink sees it when it is full, at `flush` and at `close`,
 * so that a poll pays a copy and no system call. Transmitted frames are recorded as they leave:
 * partial checksums are completed in the copy, because the device below (or its NIC) would complete
 * them after us, and tshark would call them wrong.
 *
 * @module
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import { BURST_MAX, type Device, type RxBurst, type TxBurst } from './device.ts';
import { DeviceMiddleware } from './middleware.ts';
import {
  emitPcapFileHeader,
  emitPcapRecordHeader,
  PCAP_FILE_HEADER_BYTES,
  PCAP_RECORD_HEADER_BYTES,
  PCAP_SNAP_BYTES_MAX,
} from './pcap-format.ts';
import { completeChecksum } from './software-checksum.ts';

/**
 * Bytes collected before the sink is called: a few hundred full frames per system call. Never less
 * than a whole burst of the device needs, so that a burst can be taken back.
 */
const BUFFER_BYTES_MIN = 1 << 20;

/** Where the bytes of a capture go. */
export interface PcapSink {
  /** Takes `bytes`, which are valid during the call only. */
  write(bytes: Uint8Array): void;
  /** Called once, after the last write. */
  close(): void;
}

/** A sink that (over)writes a file. Throws Node's file errors. */
export function pcapFileSink(path: string): PcapSink {
  const file = openSync(path, 'w');
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    },
    close() {
      closeSync(file);
    },
  };
}

/** Options of {@link PcapWriter}. */
export interface PcapWriterOptions {
  /**
   * Unix time in milliseconds at which `nowNs` is zero, so that the file shows wall-clock times.
   * Default 0: the file shows the time of the poll loop.
   */
  readonly originUnixMs?: number;
  /** Bytes recorded of each frame. Default: all. */
  readonly snapBytes?: number;
}

/**
 * Records what passes.
 *
 * @example
 * ```ts
 * using device = new PcapWriter(inner, pcapFileSink('capture.pcap'));
 * ```
 */
export class PcapWriter extends DeviceMiddleware {
  /** Frames recorded. */
  recorded = 0;

  readonly #sink: PcapSink;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #snapBytes: number;
  readonly #epochSeconds: number;
  readonly #epochNs: number;
  #used = 0;
  #closed = false;

  constructor(inner: Device, sink: PcapSink, options: PcapWriterOptions = {}) {
    super(inner, `${inner.name}|pcap`);
    this.#sink = sink;
    const burst =
      BURST_MAX * (PCAP_RECORD_HEADER_BYTES + inner.arena.headroom + inner.arena.dataRoom);
    this.#bytes = new Uint8Array(Math.max(BUFFER_BYTES_MIN, burst + PCAP_FILE_HEADER_BYTES));
    this.#view = new DataView(this.#bytes.buffer);
    this.#snapBytes = Math.min(options.snapBytes ?? PCAP_SNAP_BYTES_MAX, PCAP_SNAP_BYTES_MAX);
    const originMs = options.originUnixMs ?? 0;
    this.#epochSeconds = Math.floor(originMs / 1000);
    this.#epochNs = (originMs % 1000) * 1_000_000;
    emitPcapFileHeader(this.#view, 0, this.#snapBytes);
    this.#used = PCAP_FILE_HEADER_BYTES;
  }

  override receive(rx: RxBurst, max: number, nowNs: number): number {
    const count = this.inner.receive(rx, max, nowNs);
    for (let i = 0; i < count; i += 1) this.#record(rx.at[i]!, rx.length[i]!, nowNs);
    this.recorded += count;
    return count;
  }

  override transmit(tx: TxBurst, count: number, nowNs: number): number {
    // Afterwards the frames belong to the device and may be gone: record first, one by one, and
    // take back what the device refused.
    let bytes = 0;
    for (let i = 0; i < count; i += 1) bytes += this.#recordBytes(tx.length[i]!);
    if (this.#used + bytes > this.#bytes.length) this.flush();
    const start = this.#used;
    for (let i = 0; i < count; i += 1) {
      const at = tx.at[i]!;
      const copyAt = this.#record(at, tx.length[i]!, nowNs);
      const checksumStart = tx.checksumStart[i]!;
      // A cut copy cannot be summed; its checksum stays partial.
      if (checksumStart === 0 || tx.length[i]! > this.#snapBytes) continue;
      const shift = copyAt - at;
      completeChecksum(
        this.#view,
        checksumStart + shift,
        tx.checksumAt[i]! + shift,
        copyAt + tx.length[i]!,
      );
    }
    const taken = this.inner.transmit(tx, count, nowNs);
    this.recorded += taken;
    if (taken < count) {
      this.#used = start;
      for (let i = 0; i < taken; i += 1) this.#used += this.#recordBytes(tx.length[i]!);
    }
    return taken;
  }

  /** Hands the buffer to the sink. */
  flush(): void {
    if (this.#used === 0) return;
    this.#sink.write(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
  }

  override close(): void {
    super.close();
    if (this.#closed) return;
    this.#closed = true;
    this.flush();
    this.#sink.close();
  }

  #recordBytes(length: number): number {
    return PCAP_RECORD_HEADER_BYTES + Math.min(length, this.#snapBytes);
  }

  /** Copies a frame behind a record header and returns where the copy begins. */
  #record(at: number, length: number, nowNs: number): number {
    const captured = Math.min(length, this.#snapBytes);
    if (this.#used + PCAP_RECORD_HEADER_BYTES + captured > this.#bytes.length) this.flush();
    const timeNs = this.#epochNs + nowNs;
    emitPcapRecordHeader(this.#view, this.#used, this.#epochSeconds, timeNs, captured, length);
    const copyAt = this.#used + PCAP_RECORD_HEADER_BYTES;
    this.#bytes.set(this.arena.bytes.subarray(at, at + captured), copyAt);
    this.#used = copyAt + captured;
    return copyAt;
  }
}
