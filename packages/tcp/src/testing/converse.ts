/**
 * A conversation in both directions over a simulated link, with receivers that pause, pull and read
 * as they like; every byte is checked.
 *
 * @module
 */

import { Prng } from '@tickwire/base';
import type { Tcb } from '../tcb.ts';
import type { Host } from './host.ts';
import { Link, type LinkOptions } from './link.ts';
import { patternByte } from './scripted-peer.ts';

const MS = 1_000_000;

/** One direction of a conversation: writes a pattern, and checks what the other side gets. */
class Direction {
  written = 0;
  received = 0;
  wrong = 0;
  ended = false;
  readonly from: Host;
  readonly sender: Tcb;
  readonly total: number;
  readonly #chunk = new Uint8Array(4096);

  constructor(from: Host, sender: Tcb, total: number) {
    this.from = from;
    this.sender = sender;
    this.total = total;
  }

  send(random: Prng): void {
    while (this.written < this.total) {
      const want = Math.min(1 + random.nextBelow(4096), this.total - this.written);
      for (let i = 0; i < want; i += 1) this.#chunk[i] = patternByte(this.written + i);
      const taken = this.from.tcp.write(this.sender, this.#chunk, 0, want);
      if (taken < 0) throw new Error(`write: ${taken}`);
      this.written += taken;
      if (taken < want) return;
    }
    this.from.tcp.shutdown(this.sender);
  }

  take(bytes: Uint8Array, at: number, length: number): void {
    for (let i = 0; i < length; i += 1) {
      if (bytes[at + i] !== patternByte(this.received + i)) this.wrong += 1;
    }
    this.received += length;
  }
}

/** Both directions at once; receivers pause, pull and read as they like. */
export function converse(options: LinkOptions, total: number, manners: 'pause' | 'pull'): Link {
  const small = { receiveBufferBytes: 16_384, receiveBufferBytesMax: 65_536 };
  const link = new Link({
    ...options,
    a: { record: false, ...options.a, config: { ...small, ...options.a?.config } },
    b: { record: false, ...options.b, config: { ...small, ...options.b?.config } },
  });
  const { client, server } = link.connect();
  const random = new Prng(options.seed);
  const up = new Direction(link.a, client, total);
  const down = new Direction(link.b, server, total);
  const hook = (host: Host, tcb: Tcb, incoming: Direction, outgoing: Direction): void => {
    if (manners === 'pull') host.tcp.setPull(tcb);
    host.onDrained = (): void => outgoing.send(random);
    host.onData = (_tcb, _frame, at, length): void => {
      incoming.take(host.arena.bytes, at, length);
      if (random.nextBelow(10) === 0) host.tcp.pause(tcb);
    };
    host.onEnded = (): void => {
      incoming.ended = true;
    };
  };
  hook(link.a, client, down, up);
  hook(link.b, server, up, down);
  up.send(random);
  down.send(random);
  const into = new Uint8Array(8192);
  const endNs = link.nowNs + 3600e9;
  const open = (host: Host, tcb: Tcb): boolean => host.of(tcb).closed === '';
  while ((open(link.a, client) || open(link.b, server)) && link.nowNs < endNs) {
    // The owners look after their connections every now and then.
    link.runFor(1 + random.nextBelow(40 * MS));
    for (const [host, tcb, incoming] of [
      [link.a, client, down],
      [link.b, server, up],
    ] as const) {
      if (!open(host, tcb)) continue;
      if (manners === 'pause') host.tcp.resume(tcb);
      else {
        const want = random.nextBelow(into.length);
        const count = host.tcp.read(tcb, into, 0, want);
        if (count > 0) incoming.take(into, 0, count);
      }
    }
  }
  for (const direction of [up, down]) {
    if (direction.wrong > 0) throw new Error(`${direction.wrong} bytes are wrong`);
    if (direction.received !== total) throw new Error(`${direction.received} of ${total} bytes`);
    if (!direction.ended) throw new Error('the end was not told');
  }
  if (link.a.of(client).closed !== 'finished') throw new Error(link.a.of(client).closed);
  if (link.b.of(server).closed !== 'finished') throw new Error(link.b.of(server).closed);
  link.runFor(130e9);
  link.assertClean();
  return link;
}
