// @hot
/**
 * No congestion control: a fixed window.
 *
 * What is in flight is bounded by the peer's window and by the send buffer, and by nothing else.
 * Loss recovery is whole: RACK-TLP finds what is lost, a timeout backs off and begins with one
 * segment (RFC 6298, 5.4 and 5.5), and the first answer opens the window again.
 *
 * **Not for shared networks.** It is for links on which no congestion can arise, because the sum of
 * all windows fits into the queues: a cable between two hosts, a reserved VLAN of an exchange.
 * Elsewhere it takes what others would have, drops what it does not leave them, and may bring the
 * network to a state in which it carries little but retransmissions (RFC 2914, 3 and 5; RFC 8085,
 * 3.1, asks the same of every transport). RFC 9293, 3.8.2, demands congestion control of TCP: who
 * sets this declares that the path is his own.
 *
 * @module
 */

import type { Tcb } from '../tcb.ts';
import { type CongestionControl, FIXED_WINDOW } from './congestion.ts';

/** The fixed window, as one stateless object. */
export const none: CongestionControl = {
  name: 'none',

  open: widen,

  acked(tcb: Tcb): void {
    // After a timeout the window was one segment; somebody is there again.
    tcb.cwnd = FIXED_WINDOW;
  },

  rttSample(): void {
    // Nothing depends on delay.
  },

  congestion: keep,

  timeout: keep,

  undone(): void {
    // The window is back already.
  },

  idle: widen,
};

function widen(tcb: Tcb): void {
  tcb.cwnd = FIXED_WINDOW;
  tcb.ssthresh = FIXED_WINDOW;
}

/** A threshold as large as the window: the caller's reduction to it changes nothing. */
function keep(tcb: Tcb): void {
  tcb.ssthresh = FIXED_WINDOW;
}
