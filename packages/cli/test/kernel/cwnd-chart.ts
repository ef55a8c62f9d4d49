/**
 * The picture of two senders.
 *
 * @module
 */

import { type Line, svgChart } from '@tickwire/base/testing';
import { goodputs, type Sample } from './cwnd-figures.ts';
import type { Bottleneck, RunPlan } from './cwnd-runs.ts';

const OURS = { name: 'tickwire', colour: '#0969da' };
const KERNEL = { name: 'Linux', colour: '#d1570b' };

/** Goodput is that of so much time before a point. */
const GOODPUT_SECONDS = 0.5;

/** A full frame, and the payload in it. */
const FRAME_BYTES = 1514;
const PAYLOAD_BYTES = 1448;

/** Both senders on one axis of time: window, round trip, goodput. */
export function cwndChart(
  path: Bottleneck,
  plan: RunPlan,
  ours: readonly Sample[],
  kernel: readonly Sample[],
): string {
  const both = (of: (samples: readonly Sample[]) => readonly number[]): Line[] =>
    [
      { ...KERNEL, samples: kernel },
      { ...OURS, samples: ours },
    ].map(({ name, colour, samples }) => {
      const values = of(samples);
      return { name, colour, points: samples.map(({ seconds }, i) => [seconds, values[i]!]) };
    });
  const bdpKb = (path.mbps * path.rttMs) / 8;
  const queueKb = path.queueBytes / 1000;
  const loss = path.loss > 0 ? `${path.loss * 100} % of frames lost at random` : 'no random loss';
  const payloadMbps = (path.mbps * PAYLOAD_BYTES) / FRAME_BYTES;
  return svgChart({
    title: `${plan.controller.toUpperCase()}: tickwire and Linux over the same bridge`,
    subtitle:
      `${path.mbps} Mbit/s, round trip ${path.rttMs} ms, drop-tail queue of ${queueKb} kB, ` +
      `${loss}; seed ${path.seed}`,
    xTitle: 'seconds',
    xMax: plan.seconds,
    panels: [
      {
        title: 'congestion window, kB',
        lines: both((samples) => samples.map(({ cwndBytes }) => cwndBytes / 1000)),
        marks: [
          { name: 'bandwidth-delay product', y: bdpKb },
          { name: 'and a full queue', y: bdpKb + queueKb },
        ],
      },
      {
        title: 'smoothed round trip, ms',
        lines: both((samples) => samples.map(({ srttMs }) => srttMs)),
        marks: [{ name: 'empty queue', y: path.rttMs }],
      },
      {
        title: 'goodput, Mbit/s',
        lines: both((samples) => goodputs(samples, GOODPUT_SECONDS)),
        marks: [{ name: 'payload the line can carry', y: payloadMbps }],
        yMax: path.mbps * 1.2,
      },
    ],
  });
}
