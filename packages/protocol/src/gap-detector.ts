// @hot
/**
 * The receiving side of a MoldUDP64 stream: what is new, what came twice, what is missing.
 *
 * Messages are taken in order only. A packet from beyond the next expected message is refused until
 * the hole is filled by the re-request server; it is asked for again together with the hole. So no
 * packet is stored and the memory of a receiver does not depend on the loss.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { MOLD_COUNT_MAX, MOLD_END_OF_SESSION } from './mold.ts';

/** Follows one stream. */
export class GapDetector {
  /** Sequence of the next message in order. */
  expected: number;
  /** One past the newest message that anybody told of. */
  known: number;
  /** Holes that opened. */
  gaps = 0;
  /** Messages that were missing when a hole opened. */
  missed = 0;
  /** Messages that came again. */
  duplicates = 0;
  /** Packets refused because they lie beyond a hole. */
  ahead = 0;
  /** Whether the end of the session was announced. */
  ended = false;

  /** @param expected - sequence of the first message wanted, from 1. */
  constructor(expected = 1) {
    this.expected = expected;
    this.known = expected;
  }

  /** Messages to ask the re-request server for, from {@link GapDetector.expected} on. */
  get missing(): number {
    const missing = this.known - this.expected;
    return missing > MOLD_COUNT_MAX ? MOLD_COUNT_MAX : missing;
  }

  /**
   * Takes sequence and count of a packet that `checkMoldPacket` accepts, live or replayed.
   *
   * @returns how many messages to skip at its front because they are known (`count` when all are),
   * or Again when the packet lies beyond a hole and none of it may be used.
   */
  accept(sequence: number, count: number): number {
    const messages = count === MOLD_END_OF_SESSION ? 0 : count;
    if (count === MOLD_END_OF_SESSION) this.ended = true;
    const end = sequence + messages;
    if (sequence > this.expected) {
      if (this.known === this.expected) this.gaps++;
      if (end > this.known) {
        // Of what is newly known, only what no packet carries is missed.
        this.missed += sequence > this.known ? sequence - this.known : 0;
        this.known = end;
      }
      this.ahead += messages > 0 ? 1 : 0;
      return Status.Again;
    }
    if (end > this.known) this.known = end;
    if (end <= this.expected) {
      this.duplicates += messages;
      return messages;
    }
    const skip = this.expected - sequence;
    this.duplicates += skip;
    this.expected = end;
    return skip;
  }
}
