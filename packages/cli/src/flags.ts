/**
 * The flags of the commands, grouped by what they are about.
 *
 * @module
 */

import type { FlagParametersForType } from '@stricli/core';
import {
  parseAddress,
  parseCidr,
  parseDuration,
  parseGroup,
  parseGroupPort,
  parseOrders,
  parsePort,
  parseRate,
  parseSeed,
  parseSessions,
} from './arguments.ts';
import type { CliContext } from './context.ts';

/** Arrival processes of a schedule. */
export const ARRIVALS = ['poisson', 'hawkes', 'constant', 'recorded'] as const;
/** Any of {@link ARRIVALS}. */
export type Arrivals = (typeof ARRIVALS)[number];

/** What to send and when. */
export interface LoadFlags {
  readonly rate?: number;
  readonly duration?: number;
  readonly orders?: number;
  readonly replay?: string;
  readonly arrivals?: Arrivals;
  readonly sessions?: number;
  readonly seed: number;
  readonly warmup?: number;
}

/** The link and the addresses on it. */
export interface LinkFlags {
  readonly device?: string;
  readonly pcap?: string;
  readonly trace: boolean;
  readonly idle?: 'sleep' | 'yield' | 'spin';
}

/** Where the venue can be found. */
export interface VenueFlags {
  readonly address?: string;
  readonly port: number;
  readonly group: string;
  readonly groupPort: number;
}

/** How the result is shown. */
export interface OutputFlags {
  readonly json: boolean;
  readonly quiet: boolean;
}

const path = (text: string): string => text;

/** A number of warm-up orders; 0 is allowed. */
function parseWarmup(text: string): number {
  return text === '0' ? 0 : parseOrders(text);
}

/** Flags of {@link LoadFlags}. */
export const loadFlags: FlagParametersForType<LoadFlags, CliContext> = {
  rate: {
    kind: 'parsed',
    parse: parseRate,
    brief: 'Orders per second, open loop (100k)',
    placeholder: 'N',
    optional: true,
  },
  duration: {
    kind: 'parsed',
    parse: parseDuration,
    brief: 'Length of the schedule (10s)',
    placeholder: 'S',
    optional: true,
  },
  orders: {
    kind: 'parsed',
    parse: parseOrders,
    brief: 'Messages to send (rate x duration, or the whole file)',
    placeholder: 'N',
    optional: true,
  },
  replay: {
    kind: 'parsed',
    parse: path,
    brief: 'Recorded flow: LOBSTER, Bitstamp or columnar, also .gz',
    placeholder: 'FILE',
    optional: true,
  },
  arrivals: {
    kind: 'enum',
    values: ARRIVALS,
    brief: 'Arrival process (poisson)',
    optional: true,
  },
  sessions: {
    kind: 'parsed',
    parse: parseSessions,
    brief: 'Trader sessions (4; with --replay 1)',
    placeholder: 'N',
    optional: true,
  },
  seed: { kind: 'parsed', parse: parseSeed, brief: 'Seed of the flow', default: '1' },
  warmup: {
    kind: 'parsed',
    parse: parseWarmup,
    brief: 'Orders before the measured ones (a tenth, at most 100k)',
    placeholder: 'N',
    optional: true,
  },
};

/** Flags of {@link LinkFlags}. */
export const linkFlags: FlagParametersForType<LinkFlags, CliContext> = {
  device: {
    kind: 'parsed',
    parse: path,
    brief: 'A real port, for example net_tap:iface=tap0',
    placeholder: 'D',
    optional: true,
  },
  pcap: {
    kind: 'parsed',
    parse: path,
    brief: 'Write every frame to a capture file',
    placeholder: 'FILE',
    optional: true,
  },
  trace: { kind: 'boolean', brief: 'Print every frame to stderr', default: false },
  idle: {
    kind: 'enum',
    values: ['sleep', 'yield', 'spin'],
    brief: 'Without work (spin under load, sleep in a waiting venue)',
    optional: true,
  },
};

/** Flags of {@link VenueFlags}. */
export const venueFlags: FlagParametersForType<VenueFlags, CliContext> = {
  address: {
    kind: 'parsed',
    parse: parseCidr,
    brief: 'Own address (10.77.0.1/24; of a trader 10.77.0.2/24)',
    placeholder: 'A/N',
    optional: true,
  },
  port: { kind: 'parsed', parse: parsePort, brief: 'TCP port of order entry', default: '9000' },
  group: {
    kind: 'parsed',
    parse: parseGroup,
    brief: 'Multicast group of the reports',
    default: '239.77.0.1',
  },
  groupPort: {
    kind: 'parsed',
    parse: parseGroupPort,
    brief: 'UDP port of the group; the next one answers re-requests',
    default: '9001',
  },
};

/** The flag of a venue that a trader connects to. */
export const venueAddressFlag: FlagParametersForType<{ readonly venue: string }, CliContext> = {
  venue: {
    kind: 'parsed',
    parse: parseAddress,
    brief: 'Address of the venue',
    default: '10.77.0.1',
  },
};

/** Flags of {@link OutputFlags}. */
export const outputFlags: FlagParametersForType<OutputFlags, CliContext> = {
  json: { kind: 'boolean', brief: 'One JSON object, last on stdout', default: false },
  quiet: { kind: 'boolean', brief: 'No progress', default: false },
};
