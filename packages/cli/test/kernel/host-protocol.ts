/**
 * What a test says to the host process.
 *
 * @module
 */

import type { IdleStrategy, StackOptions } from '@tickwire/stack';
import type { Sample } from './cwnd-figures.ts';
import type { Absences } from './punctuality.ts';

/** What `host.ts` is started with. */
export interface HostOptions {
  /** As for `openDevice`. */
  readonly device: string;
  /** With prefix length. */
  readonly address: string;
  readonly gateway?: string;
  readonly mtu?: number;
  /** Frames of the pool. */
  readonly frames?: number;
  /** Bytes of a frame behind the headroom: bounds what can be reassembled. */
  readonly dataRoom?: number;
  readonly tcp?: NonNullable<StackOptions['tcp']>;
  /** As for `runLoop`. */
  readonly idle?: IdleStrategy;
  /**
   * Whether its threads come before everybody else's (SCHED_RR), and its loop is late by a tenth of
   * a millisecond instead of one: it needs a share of a core, and wants it at once.
   */
  readonly isRealtime?: boolean;
}

/** Ports besides the well-known ones of `startServices`. */
export const HostServicePort = {
  /** Answers the SHA-256 of all it got when the client has ended, then closes. */
  Sink: 2000,
  /** Sends the stream of the last `source` request, then closes. */
  Source: 2001,
} as const;

/**
 * One line on stdin. `info` answers the `TcpInfo` of the latest connection of the source port, or
 * null when there is none. `ping` sends echo requests; that they were answered is a counter.
 * `settle` leaves all groups and answers when every connection is gone; `close` does the same,
 * closes stack and driver, and answers {@link Accounts}.
 */
export type Request =
  | { readonly op: 'counters' }
  | { readonly op: 'connections' }
  | { readonly op: 'info' }
  | {
      readonly op: 'connect';
      readonly host: string;
      readonly port: number;
      readonly seed: number;
      /** Bytes to send before the half-close. */
      readonly bytes: number;
      /** Reset the connection after so many bytes were received; absent: never. */
      readonly resetAfter?: number;
      /** Sends this text before the stream, as urgent data. */
      readonly urgent?: string;
    }
  | { readonly op: 'ping'; readonly host: string; readonly count: number }
  | { readonly op: 'results' }
  | { readonly op: 'source'; readonly seed: number; readonly bytes: number }
  | { readonly op: 'join'; readonly group: string; readonly port: number }
  | { readonly op: 'datagrams' }
  | {
      readonly op: 'multicast';
      readonly group: string;
      readonly port: number;
      readonly count: number;
    }
  | ({ readonly op: 'bulk' } & BulkRequest)
  | { readonly op: 'settle' }
  | { readonly op: 'close' };

/** Sends without end for a time, looks at the connection meanwhile, and aborts it. */
export interface BulkRequest {
  readonly host: string;
  readonly port: number;
  readonly seconds: number;
  /** Between two looks. */
  readonly everyMs: number;
}

/** What `bulk` answers. */
export interface BulkAnswer {
  readonly samples: readonly Sample[];
  readonly absences: Absences;
}

/** How a connection ended. */
export interface TransferResult {
  readonly sent: number;
  readonly received: number;
  /** SHA-256 of what was received. */
  readonly hash: string;
  /** Ends of urgent data in what was received, as they were told. */
  readonly marks: readonly number[];
  /** Code of the error that ended it, or undefined. */
  readonly error: string | undefined;
}

/** What `close` answers. */
export interface Accounts {
  readonly connections: number;
  readonly tcpTimers: number;
  readonly ipFrames: number;
  readonly heldByDriver: number;
  readonly inUse: number;
  readonly stats: Readonly<Record<string, number>>;
  readonly ip: Readonly<Record<string, number>>;
  readonly tcp: Readonly<Record<string, number>>;
}
