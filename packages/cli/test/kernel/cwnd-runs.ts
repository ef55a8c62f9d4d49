/**
 * One bulk transfer over a bottleneck, from our stack or from the kernel, to the kernel.
 *
 * ```text
 * ours     stack process --TAP--                          bridge process --TAP-- kernel
 * kernel   kernel in a namespace of its own --veth-- the same bridge process --TAP-- kernel
 * ```
 *
 * @module
 */

import type { Faults } from '@tickwire/phy';
import { BridgeProcess, type BridgeReport } from './bridge-process.ts';
import type { Sample } from './cwnd-figures.ts';
import type { BulkAnswer } from './host-protocol.ts';
import { HostProcess } from './host-process.ts';
import { kernelBulk } from './kernel-sender.ts';
import { KERNEL, KERNEL_IFACE, STACK } from './lab.ts';
import { Namespace } from './namespace.ts';
import { startPeer } from './peer-task.ts';
import type { Absences } from './punctuality.ts';

/** What the sender sends through. */
export interface Bottleneck {
  readonly seed: number;
  readonly mbps: number;
  /** Both ways together, without queue. */
  readonly rttMs: number;
  /** Drop-tail, in bytes of frames. */
  readonly queueBytes: number;
  /** Probability that a frame from the sender is lost before the queue; ACKs are not. */
  readonly loss: number;
}

/** How long, how closely watched, under which controller. */
export interface RunPlan {
  readonly controller: 'reno' | 'cubic' | 'bbr';
  readonly seconds: number;
  readonly everyMs: number;
}

/** What was seen. */
export interface RunResult {
  readonly samples: readonly Sample[];
  readonly bridge: BridgeReport;
  /** Of the sender, when it is ours. */
  readonly absences?: Absences;
}

/** Port of the sink. */
const PORT = 7777;
/** Nobody's ACKs wait for a line: only the direction of the data has a bottleneck. */
const MS = 1_000_000;
/** More than a window of any controller here holds: memory limits nobody. */
const QUEUE_FRAMES = 8192;
const SEND_BUFFER_BYTES = 4 << 20;
const SEND_FRAMES = 3072;
/** `Congestion` of `@tickwire/tcp`. */
const CONGESTION = { reno: 0, cubic: 1, bbr: 2 } as const;

function faults(path: Bottleneck): { forward: Faults; backward: Faults } {
  const line = { delayNs: (path.rttMs * MS) / 2, queueFrames: QUEUE_FRAMES };
  const { loss: drop, mbps, queueBytes } = path;
  return {
    forward: { ...line, drop, rateBitsPerSecond: mbps * 1e6, queueBytes },
    backward: line,
  };
}

/** Joins what is at `iface` in `own` to the kernel in `receiver`. */
async function bridgeTo(
  own: Namespace,
  stackIface: string,
  receiver: Namespace,
  path: Bottleneck,
): Promise<BridgeProcess> {
  const bridge = await BridgeProcess.start(own, {
    first: `net_af_packet:iface=${stackIface}`,
    second: `net_tap:iface=${KERNEL_IFACE}`,
    seed: path.seed,
    ...faults(path),
    isRealtime: true,
  });
  own.ip(`link set ${KERNEL_IFACE} netns ${receiver.name}`);
  receiver.ip(`link set ${KERNEL_IFACE} txqueuelen ${QUEUE_FRAMES} up`);
  receiver.ip(`addr add ${KERNEL}/24 dev ${KERNEL_IFACE}`);
  return bridge;
}

/** A sink that throws away what it gets. */
const SINK = { mode: 'tcp-server', host: KERNEL, port: PORT, echo: false } as const;

/** Our stack sends. */
export async function runOurs(path: Bottleneck, plan: RunPlan): Promise<RunResult> {
  await using made = new AsyncDisposableStack();
  const own = made.use(new Namespace());
  const receiver = made.use(new Namespace());
  const host = made.use(
    await HostProcess.start(own, {
      device: 'net_tap:iface=tws',
      address: `${STACK}/24`,
      tcp: {
        congestion: CONGESTION[plan.controller],
        sendBufferBytes: SEND_BUFFER_BYTES,
        sendFramesMax: SEND_FRAMES,
      },
      isRealtime: true,
    }),
  );
  own.ip(`link set tws txqueuelen ${QUEUE_FRAMES} up`);
  const bridge = made.use(await bridgeTo(own, 'tws', receiver, path));
  made.use(await startPeer(receiver, SINK));
  const { seconds, everyMs } = plan;
  const { samples, absences } = await host.ask<BulkAnswer>({
    op: 'bulk',
    host: KERNEL,
    port: PORT,
    seconds,
    everyMs,
  });
  return { samples: samples.map(fromJson), bridge: await bridge.stop(), absences };
}

/** JSON has no infinity. */
function fromJson(sample: Sample): Sample {
  return { ...sample, ssthreshBytes: sample.ssthreshBytes ?? Infinity };
}

/** The kernel sends. */
export async function runKernel(path: Bottleneck, plan: RunPlan): Promise<RunResult> {
  await using made = new AsyncDisposableStack();
  const own = made.use(new Namespace());
  const sender = made.use(new Namespace());
  const receiver = made.use(new Namespace());
  own.veth('twv', sender, 'tws');
  sender.ip(`link set tws txqueuelen ${QUEUE_FRAMES}`);
  sender.ip(`addr add ${STACK}/24 dev tws`);
  const bridge = made.use(await bridgeTo(own, 'twv', receiver, path));
  made.use(await startPeer(receiver, SINK));
  const samples = await kernelBulk(sender, { host: KERNEL, port: PORT, ...plan });
  return { samples, bridge: await bridge.stop() };
}
