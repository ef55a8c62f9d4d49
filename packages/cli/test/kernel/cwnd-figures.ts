/**
 * What is looked at on a bulk transfer, and the figures that follow from it.
 *
 * @module
 */

/** One look at a sender. Both stacks mean the same by these: Linux's TCP_INFO. */
export interface Sample {
  /** Since the connection was open. */
  readonly seconds: number;
  readonly cwndBytes: number;
  /** Infinity until it was set. */
  readonly ssthreshBytes: number;
  readonly srttMs: number;
  /** Thought to be in the network. */
  readonly flightBytes: number;
  /** Acknowledged so far. */
  readonly ackedBytes: number;
  /** Segments sent again so far. */
  readonly retransmits: number;
  /** `tcpi_ca_state`: 0 open, 1 disorder, 2 reduced by ECN, 3 recovery, 4 loss. */
  readonly caState: number;
  /** Whether BBR is in STARTUP; false with another controller. */
  readonly inStartup: boolean;
}

/** What a run comes down to. */
export interface Figures {
  readonly goodputMbps: number;
  readonly retransmits: number;
  readonly cwndP50: number;
  readonly cwndP95: number;
  readonly srttP50: number;
  readonly srttP99: number;
  /** When slow start, or STARTUP, was over for the first time; undefined when never. */
  readonly slowStartSeconds: number | undefined;
  /** Times that the sender went into recovery, fast or by timeout. */
  readonly recoveries: number;
}

/** `tcpi_ca_state` from which the sender is in recovery. */
const RECOVERY = 3;

/** Smallest of the sorted values that a share of them does not exceed. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** When the first slow start, or STARTUP, is seen to be over. */
function slowStartEnds(samples: readonly Sample[], isBbr: boolean): number | undefined {
  if (!isBbr) return samples.find((each) => each.cwndBytes >= each.ssthreshBytes)?.seconds;
  // Linux names no gain before the first ACK.
  const begin = samples.findIndex(({ inStartup }) => inStartup);
  return samples.slice(Math.max(0, begin)).find(({ inStartup }) => !inStartup)?.seconds;
}

/** Payload acknowledged in the `windowSeconds` before each sample, in Mbit/s. */
export function goodputs(samples: readonly Sample[], windowSeconds: number): number[] {
  let first = 0;
  return samples.map((sample, i) => {
    while (first < i && samples[first]!.seconds < sample.seconds - windowSeconds) first += 1;
    const from = samples[first]!;
    const seconds = sample.seconds - from.seconds;
    return seconds <= 0 ? 0 : ((sample.ackedBytes - from.ackedBytes) * 8) / 1e6 / seconds;
  });
}

/** The figures of a run. */
export function figures(samples: readonly Sample[], isBbr: boolean): Figures {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('a run without samples');
  let recoveries = 0;
  let before = 0;
  for (const { caState } of samples) {
    if (caState >= RECOVERY && before < RECOVERY) recoveries += 1;
    before = caState;
  }
  const cwnds = samples.map(({ cwndBytes }) => cwndBytes);
  const srtts = samples.map(({ srttMs }) => srttMs);
  return {
    goodputMbps: ((last.ackedBytes - first.ackedBytes) * 8) / 1e6 / (last.seconds - first.seconds),
    retransmits: last.retransmits,
    cwndP50: percentile(cwnds, 0.5),
    cwndP95: percentile(cwnds, 0.95),
    srttP50: percentile(srtts, 0.5),
    srttP99: percentile(srtts, 0.99),
    slowStartSeconds: slowStartEnds(samples, isBbr),
    recoveries,
  };
}
