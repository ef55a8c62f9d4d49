/**
 * Runs `kernel-sender.pl`: Bun cannot ask a socket for TCP_INFO, perl can.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';
import type { Sample } from './cwnd-figures.ts';
import type { Namespace } from './namespace.ts';

const SENDER = fileURLToPath(new URL('./kernel-sender.pl', import.meta.url));

/** TCP_INFINITE_SSTHRESH of Linux. */
const SSTHRESH_UNSET = 0x7fffffff;

/** Pacing gain of STARTUP in Linux's BBR, in 1/256: 2/ln 2, rounded up. */
const STARTUP_GAIN = 739;

/** Numbers in a line. */
const FIELDS = 10;
type Fields = [number, number, number, number, number, number, number, number, number, number];

/** Reads one line of `kernel-sender.pl`. */
export function parseLook(line: string): Sample {
  const fields = line.split(' ').map(Number);
  if (fields.length !== FIELDS || fields.some(Number.isNaN)) {
    throw new SyntaxError(`no look: ${line}`);
  }
  const [seconds, mss, cwnd, ssthresh, rttUs, flight, acked, total, caState, gain] =
    fields as Fields;
  return {
    seconds,
    cwndBytes: cwnd * mss,
    ssthreshBytes: ssthresh >= SSTHRESH_UNSET ? Infinity : ssthresh * mss,
    srttMs: rttUs / 1000,
    flightBytes: flight * mss,
    ackedBytes: acked,
    retransmits: total,
    caState,
    inStartup: gain === STARTUP_GAIN,
  };
}

/** What the kernel sends: to whom, under which controller, for how long. */
export interface KernelBulk {
  readonly host: string;
  readonly port: number;
  /** As in `net.ipv4.tcp_available_congestion_control`. */
  readonly controller: string;
  readonly seconds: number;
  readonly everyMs: number;
}

/** Sends bulk from a socket of the kernel. */
export async function kernelBulk(space: Namespace, bulk: KernelBulk): Promise<Sample[]> {
  const { host, port, controller, seconds, everyMs } = bulk;
  const words = [host, port, controller, seconds, everyMs].map(String);
  const child = Bun.spawn(space.inside('perl', SENDER, ...words), {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const text = await child.stdout.text();
  const status = await child.exited;
  if (status !== 0) throw new Error(`kernel-sender.pl ended with status ${status}`);
  return text.trim().split('\n').map(parseLook);
}
