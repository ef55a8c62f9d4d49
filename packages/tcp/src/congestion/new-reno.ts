// @hot
/**
 * Slow start and congestion avoidance of RFC 5681 with appropriate byte counting (RFC 3465).
 *
 * @module
 */

import type { Tcb } from '../tcb.ts';
import { atLeastTwoSegments, type CongestionControl } from './congestion.ts';

/** Segments by which one ACK may open the window in slow start: L of RFC 3465, 2.2. */
const ABC_LIMIT = 2;

/** RFC 5681, as one stateless object. */
export const newReno: CongestionControl = {
  name: 'reno',

  open(tcb: Tcb): void {
    tcb.cwndAcked = 0;
  },

  acked(tcb: Tcb, bytes: number): void {
    let left = bytes;
    if (tcb.cwnd < tcb.ssthresh) {
      const limit = ABC_LIMIT * tcb.mss;
      let growth = left < limit ? left : limit;
      const room = tcb.ssthresh - tcb.cwnd;
      if (growth > room) growth = room;
      tcb.cwnd += growth;
      left -= growth;
      if (tcb.cwnd < tcb.ssthresh) return;
    }
    tcb.cwndAcked += left;
    // One segment per window of data (RFC 3465, 2.1). The excess is kept, within one window.
    if (tcb.cwndAcked >= tcb.cwnd) {
      tcb.cwndAcked -= tcb.cwnd;
      if (tcb.cwndAcked > tcb.cwnd) tcb.cwndAcked = tcb.cwnd;
      tcb.cwnd += tcb.mss;
    }
  },

  rttSample(): void {
    // Reno does not look at delay.
  },

  congestion(tcb: Tcb, flight: number): void {
    tcb.ssthresh = atLeastTwoSegments(tcb, flight / 2);
    tcb.cwndAcked = 0;
  },

  timeout(tcb: Tcb, flight: number): void {
    tcb.ssthresh = atLeastTwoSegments(tcb, flight / 2);
    tcb.cwndAcked = 0;
  },

  undone(tcb: Tcb): void {
    tcb.cwndAcked = 0;
  },

  idle(tcb: Tcb): void {
    tcb.cwndAcked = 0;
  },
};
