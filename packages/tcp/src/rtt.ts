// @hot
/**
 * Round-trip time and retransmission timeout (RFC 6298), in nanoseconds.
 *
 * Samples are differences of arrival and transmission instants of segments that were sent once
 * (Karn's rule), not of timestamp options: whole milliseconds are useless where a round trip takes
 * 20 microseconds (fastcp's M6, gvisor#6113).
 *
 * @module
 */

import type { TcpConfig } from './config.ts';
import { CLOCK_GRANULARITY_NS } from './limits.ts';
import type { Tcb } from './tcb.ts';

/** How long a smallest round trip is believed before a larger one replaces it. */
const MIN_RTT_WINDOW_NS = 10_000_000_000;

/** Takes one measurement. RFC 6298, 2.2 and 2.3. */
export function sampleRtt(tcb: Tcb, config: TcpConfig, rttNs: number, nowNs: number): void {
  const sample = rttNs < CLOCK_GRANULARITY_NS ? CLOCK_GRANULARITY_NS : rttNs;
  if (tcb.srttNs === 0) {
    tcb.srttNs = sample;
    tcb.rttvarNs = sample / 2;
  } else {
    const error = tcb.srttNs - sample;
    tcb.rttvarNs += ((error < 0 ? -error : error) - tcb.rttvarNs) / 4;
    tcb.srttNs -= error / 8;
  }
  if (tcb.minRttNs === 0 || sample <= tcb.minRttNs || nowNs - tcb.minRttAtNs > MIN_RTT_WINDOW_NS) {
    tcb.minRttNs = sample;
    tcb.minRttAtNs = nowNs;
  }
  tcb.rtoNs = boundedRto(config, tcb.srttNs + 4 * tcb.rttvarNs);
}

/** RFC 6298, 2.3, 2.4 and 2.5; the value is a whole number of nanoseconds. */
function boundedRto(config: TcpConfig, rtoNs: number): number {
  if (rtoNs < config.rtoMinNs) return config.rtoMinNs;
  if (rtoNs > config.rtoMaxNs) return config.rtoMaxNs;
  return Math.ceil(rtoNs);
}

/** The timeout with its back-off: doubled for each timeout in a row (RFC 6298, 5.5). */
export function backedOffRtoNs(tcb: Tcb, config: TcpConfig): number {
  let rtoNs = tcb.rtoNs;
  for (let i = 0; i < tcb.backoff; i += 1) {
    rtoNs *= 2;
    if (rtoNs >= config.rtoMaxNs) return config.rtoMaxNs;
  }
  return rtoNs;
}
