// @hot
/**
 * What IP asks of the layer below and tells the layer above: the seams of the package.
 *
 * @module
 */

/** `receive` flag: the device vouches for the transport checksum. Same bits as the device's. */
export const RX_VERIFIED = 1;
/** `receive` flag: the device says that a checksum is wrong. */
export const RX_BAD = 2;
/** `receive` flag: `sum` is the folded sum of everything behind the Ethernet header. */
export const RX_SUMMED = 4;

/**
 * Where IP puts frames that are ready for the wire. The stack implements it over the transmit
 * columns of its device.
 */
export interface LinkOutput {
  /** Free slots in the transmit queue. */
  room(): number;
  /**
   * Queues a frame. `at` and `length` include the Ethernet header. The device sums
   * `[checksumStart, at + length)` and writes the complement at `checksumAt`; both are arena
   * offsets, 0 means that there is nothing to fill. Takes one reference to `frame` whatever the
   * result is: `Status.Ok`, or `Status.Again` when the queue was full and the frame was dropped.
   */
  transmit(
    frame: number,
    at: number,
    length: number,
    checksumStart: number,
    checksumAt: number,
  ): number;
  /** Subscribes the port to a multicast MAC address (high 16 bits, low 32 bits). */
  joinMulticast(macHigh: number, macLow: number): void;
  /** Undoes {@link LinkOutput.joinMulticast}. */
  leaveMulticast(macHigh: number, macLow: number): void;
}

/** What `Ip.receive` did with a frame. */
export const Verdict = {
  /** IP answered, absorbed or dropped the packet. The frame's reference is gone. */
  Consumed: 0,
  /** A TCP segment with a correct checksum: see `Ip.meta`. The caller owns `meta.frame`. */
  Tcp: 1,
  /** A UDP datagram with a correct or no checksum: see `Ip.meta`. The caller owns `meta.frame`. */
  Udp: 2,
  /**
   * An ICMP error about a packet of ours: see `Ip.icmpError`. The frame's reference is gone.
   */
  IcmpError: 3,
  /** `Ip.receiveLooped` only: nothing is waiting. */
  None: 4,
} as const;

/** Any value of {@link Verdict}. */
export type Verdict = (typeof Verdict)[keyof typeof Verdict];
