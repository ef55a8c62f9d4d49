import { describe, expect, test } from 'bun:test';
import { cwndChart } from './cwnd-chart.ts';
import { figures } from './cwnd-figures.ts';
import { type Bottleneck, runKernel, runOurs, type RunResult } from './cwnd-runs.ts';
import { whyNot } from './namespace.ts';
import { whyNoNative } from './native.ts';

const WHY_NOT = whyNoNative() ?? whyNot(['perl', 'chrt']);
const TITLE = WHY_NOT === undefined ? '' : ` (SKIPPED: ${WHY_NOT})`;
const TIMEOUT_MS = 30_000;

const QUEUE_BYTES = 50_000;
const PATH: Bottleneck = { seed: 5, mbps: 20, rttMs: 20, queueBytes: QUEUE_BYTES, loss: 0.01 };
const SECONDS = 2;
/** Less than a tenth of what the line carries in that time: a busy machine is no fault. */
const LEAST_BYTES = 400_000;

/** What holds however busy the machine is. */
function check({ samples, bridge }: RunResult): void {
  expect(samples.length).toBeGreaterThan(5);
  for (const [i, sample] of samples.entries()) {
    expect(sample.cwndBytes).toBeGreaterThan(0);
    if (i === 0) continue;
    expect(sample.seconds).toBeGreaterThan(samples[i - 1]!.seconds);
    expect(sample.ackedBytes).toBeGreaterThanOrEqual(samples[i - 1]!.ackedBytes);
  }
  const last = samples.at(-1)!;
  expect(last.ackedBytes).toBeGreaterThan(LEAST_BYTES);
  expect(last.retransmits).toBeGreaterThan(0);
  expect(bridge.forward.dropped).toBeGreaterThan(0);
  expect(bridge.forward.queueBytesMost).toBeGreaterThan(1_000);
  expect(bridge.forward.queueBytesMost).toBeLessThanOrEqual(QUEUE_BYTES);
  expect(bridge.backward.dropped + bridge.backward.overflowed).toBe(0);
  expect(bridge.inUse).toBe(0);
}

describe.skipIf(WHY_NOT !== undefined)(`a bottleneck before the kernel${TITLE}`, () => {
  test.each(['cubic', 'bbr'] as const)(
    `%s of ours and of the kernel get through, and can be drawn (seed ${PATH.seed})`,
    async (controller) => {
      const plan = { controller, seconds: SECONDS, everyMs: 20 };
      const ours = await runOurs(PATH, plan);
      check(ours);
      const kernel = await runKernel(PATH, plan);
      check(kernel);
      const isBbr = controller === 'bbr';
      expect(figures(ours.samples, isBbr).slowStartSeconds).toBeDefined();
      expect(figures(kernel.samples, isBbr).slowStartSeconds).toBeDefined();
      const svg = cwndChart(PATH, plan, ours.samples, kernel.samples);
      expect(svg).toContain('1 % of frames lost at random');
      expect(svg.match(/stroke-width="1.4"/g)).toHaveLength(6);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    },
    TIMEOUT_MS,
  );
});
