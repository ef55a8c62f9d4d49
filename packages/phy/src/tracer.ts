/**
 * A middleware that prints every frame as one line.
 *
 * ```text
 *     0.001000000 loopback-a > IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], seq 0, win 65535,
 *                              options [mss 1460,sackOK,TS val 1 ecr 0,wscale 7], length 0
 * ```
 *
 * `>` is transmit, `<` is receive. Lines are made of strings and garbage: not for production.
 *
 * @module
 */

import type { Device, RxBurst, TxBurst } from './device.ts';
import { DeviceMiddleware } from './middleware.ts';
import { PacketPrinter } from './packet-text.ts';

const NS_PER_SECOND = 1_000_000_000;

/** Seconds with nine digits behind the point. */
function timeText(nowNs: number): string {
  const seconds = Math.floor(nowNs / NS_PER_SECOND);
  const fraction = String(nowNs - seconds * NS_PER_SECOND).padStart(9, '0');
  return `${String(seconds).padStart(5)}.${fraction}`;
}

/**
 * Prints what passes.
 *
 * @example
 * ```ts
 * using device = new Tracer(inner, (line) => console.error(line));
 * ```
 */
export class Tracer extends DeviceMiddleware {
  readonly #log: (line: string) => void;
  readonly #printer = new PacketPrinter();

  constructor(inner: Device, log: (line: string) => void) {
    super(inner, `${inner.name}|trace`);
    this.#log = log;
  }

  override receive(rx: RxBurst, max: number, nowNs: number): number {
    const count = this.inner.receive(rx, max, nowNs);
    for (let i = 0; i < count; i += 1) this.#print('<', rx.at[i]!, rx.length[i]!, nowNs);
    return count;
  }

  override transmit(tx: TxBurst, count: number, nowNs: number): number {
    // Afterwards the frames belong to the device; and what it refuses is printed when it is taken.
    const lines: string[] = [];
    for (let i = 0; i < count; i += 1) {
      lines.push(this.#line('>', tx.at[i]!, tx.length[i]!, nowNs));
    }
    const taken = this.inner.transmit(tx, count, nowNs);
    for (const line of lines.slice(0, taken)) this.#log(line);
    return taken;
  }

  #print(direction: string, at: number, length: number, nowNs: number): void {
    this.#log(this.#line(direction, at, length, nowNs));
  }

  #line(direction: string, at: number, length: number, nowNs: number): string {
    const text = this.#printer.frame(this.arena.view, at, length);
    return `${timeText(nowNs)} ${this.inner.name} ${direction} ${text}`;
  }
}
