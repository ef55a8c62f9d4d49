// @hot
/**
 * The market data feed: packets in the manner of MoldUDP64, filled to the MTU within one poll round
 * and never held beyond it, and the server that answers re-requests from the history.
 *
 * @module
 */

import { NO_FRAME, Status } from '@tickwire/base';
import {
  checkMoldRequest,
  encodeMoldHeader,
  MOLD_END_OF_SESSION,
  MOLD_HEADER_BYTES,
  MOLD_HEARTBEAT,
  MOLD_PACKET_BYTES_MAX,
  moldCount,
  moldSequence,
  moldSessionEquals,
} from '@tickwire/protocol';
import type { DatagramSource, Stack, UdpSocket } from '@tickwire/stack';
import { IpAddress } from '@tickwire/wire';
import type { ExchangeCounters } from './counters.ts';
import { BLOCK_BYTES, type FeedHistory } from './feed-history.ts';
import type { MulticastOptions } from './options.ts';

/** Name of the feed unless said otherwise. */
export const FEED_SESSION = 'TICKWIRE';
/** Bytes of IPv4 and UDP headers before a packet. */
const IP_UDP_BYTES = 28;
/**
 * Messages sent in answer to one request at most: 64 full packets, so that a subscriber catches up
 * with a busy feed, and a forged source address is not worth the trouble.
 */
export const REREQUEST_MESSAGES_MAX = 1856;
/** Messages re-sent in one poll round at most, to all together: the live feed goes first. */
export const RESEND_MESSAGES_PER_POLL = 4096;
/** How often the end of the feed is announced. */
const END_ANNOUNCEMENTS = 3;

/** What a publisher is made of. */
export interface PublisherOptions {
  readonly stack: Stack;
  readonly multicast: MulticastOptions;
  readonly rerequestPort: number | undefined;
  /** Reports before the first that is published live; grows with the feed. */
  readonly history: FeedHistory;
  readonly heartbeatNs: number;
  readonly counters: ExchangeCounters;
}

/** Publishes reports and answers re-requests. */
export class Publisher implements Disposable {
  /** What can be requested again. */
  readonly history: FeedHistory;
  readonly #counters: ExchangeCounters;
  readonly #stack: Stack;
  readonly #socket: UdpSocket;
  readonly #server: UdpSocket | undefined;
  readonly #group: IpAddress;
  readonly #port: number;
  readonly #session: string;
  readonly #sessionView: DataView;
  readonly #heartbeatNs: number;
  /** Messages that fit one packet. */
  readonly #messagesMax: number;
  /** Sequence of the next message to send. */
  #next: number;
  #lastSentNs = Number.NEGATIVE_INFINITY;
  /** Packets since the last flush. */
  #sent = 0;
  #resendBudget = RESEND_MESSAGES_PER_POLL;

  constructor(options: PublisherOptions) {
    const { stack, multicast, counters } = options;
    this.#stack = stack;
    this.#counters = counters;
    this.#group = IpAddress.parse(multicast.group);
    this.#port = multicast.port;
    this.#session = multicast.session ?? FEED_SESSION;
    this.#heartbeatNs = options.heartbeatNs;
    this.#sessionView = new DataView(new ArrayBuffer(MOLD_HEADER_BYTES));
    encodeMoldHeader(this.#sessionView, 0, this.#session, 1, 0);
    const packetMax = Math.min(
      MOLD_PACKET_BYTES_MAX,
      stack.core.device.capabilities.mtu - IP_UDP_BYTES,
    );
    this.#messagesMax = Math.floor((packetMax - MOLD_HEADER_BYTES) / BLOCK_BYTES);
    this.history = options.history;
    this.#next = options.history.last + 1;
    this.#socket = stack.udp({});
    this.#server = this.#listen(options.rerequestPort);
  }

  /** Takes a report whose turn has come; it leaves when the packet is full or the round ends. */
  publish(view: DataView, at: number): void {
    this.history.append(view, at);
    if (this.history.last - this.#next + 1 >= this.#messagesMax) this.#packet(this.#messagesMax);
  }

  /** Ends the poll round: what is left leaves now, or a heartbeat when one is due. */
  flush(nowNs: number): number {
    this.#resendBudget = RESEND_MESSAGES_PER_POLL;
    if (this.#next <= this.history.last) this.#packet(this.history.last - this.#next + 1);
    const packets = this.#sent;
    this.#sent = 0;
    if (packets > 0) {
      this.#lastSentNs = nowNs;
    } else if (nowNs - this.#lastSentNs >= this.#heartbeatNs) {
      this.#lastSentNs = nowNs;
      this.#send(this.#next, MOLD_HEARTBEAT);
      this.#counters.feedHeartbeats += 1;
      return 1;
    }
    return packets;
  }

  /** When the next heartbeat is due. */
  deadlineNs(): number {
    return this.#lastSentNs + this.#heartbeatNs;
  }

  /** Announces the end of the feed and closes the sockets. */
  [Symbol.dispose](): void {
    for (let i = 0; i < END_ANNOUNCEMENTS; i += 1) this.#send(this.#next, MOLD_END_OF_SESSION);
    this.#socket.close();
    this.#server?.close();
  }

  /**
   * Opens the re-request server.
   *
   * @cold
   */
  #listen(port: number | undefined): UdpSocket | undefined {
    if (port === undefined) return undefined;
    try {
      return this.#stack.udp({
        port,
        socket: {
          data: (socket, _bytes, at, length, source) =>
            this.#rerequested(socket, at, length, source),
        },
      });
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  #packet(count: number): void {
    // A packet that the stack does not take is lost like any other: subscribers ask for it.
    if (this.#send(this.#next, count) < 0) this.#counters.packetsDropped += 1;
    else this.#counters.packets += 1;
    this.#next += count;
    this.#sent += 1;
  }

  #send(sequence: number, count: number): number {
    const frame = this.#socket.reserve();
    if (frame === NO_FRAME) return Status.Again;
    return this.#socket.commit(frame, this.#fill(frame, sequence, count), this.#group, this.#port);
  }

  /** Writes a packet of `count` messages from `sequence` into a frame; returns its length. */
  #fill(frame: number, sequence: number, count: number): number {
    const arena = this.#stack.core.arena;
    const view = arena.view;
    const at = arena.dataAt[frame]!;
    let to = at + encodeMoldHeader(view, at, this.#session, sequence, count);
    if (count === MOLD_END_OF_SESSION) return MOLD_HEADER_BYTES;
    const history = this.history;
    for (let i = 0; i < count; i += 1) {
      const from = history.offset(sequence + i);
      // 50 bytes: twelve words and a half.
      for (let word = 0; word < 48; word += 4) {
        view.setInt32(to + word, history.view.getInt32(from + word, true), true);
      }
      view.setInt16(to + 48, history.view.getInt16(from + 48, true), true);
      to += BLOCK_BYTES;
    }
    return to - at;
  }

  #rerequested(socket: UdpSocket, at: number, length: number, source: DatagramSource): void {
    const counters = this.#counters;
    const view = this.#stack.core.arena.view;
    const status = checkMoldRequest(view, at, length);
    if (status < 0 || !moldSessionEquals(view, at, this.#sessionView, 0)) {
      counters.rerequestsMalformed += 1;
      return;
    }
    const first = moldSequence(view, at);
    // Only what has left on the feed: the gate on the journal holds for re-requests as well.
    const available = this.#next - first;
    if (first < this.history.oldest || available <= 0) {
      counters.rerequestsOutOfRange += 1;
      return;
    }
    if (this.#resendBudget <= 0) {
      counters.rerequestsLimited += 1;
      return;
    }
    const total = Math.min(moldCount(view, at), available, REREQUEST_MESSAGES_MAX);
    this.#resendBudget -= total;
    counters.rerequests += 1;
    for (let sent = 0; sent < total; sent += this.#messagesMax) {
      const count = Math.min(total - sent, this.#messagesMax);
      if (this.#reply(socket, first + sent, count, source) < 0) {
        counters.rerequestsDropped += 1;
        return;
      }
    }
  }

  #reply(socket: UdpSocket, sequence: number, count: number, source: DatagramSource): number {
    const frame = socket.reserve();
    if (frame === NO_FRAME) return Status.Again;
    const length = this.#fill(frame, sequence, count);
    const arena = this.#stack.core.arena;
    const { word0, word1, word2, word3, port } = source;
    const at = arena.dataAt[frame]!;
    const status = socket.sendWords(arena.bytes, at, length, word0, word1, word2, word3, port);
    arena.free(frame);
    return status;
  }
}
