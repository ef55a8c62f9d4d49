import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { rate } from './congestion/rate-sample.ts';
import { Congestion } from './config.ts';
import { Flows } from './testing/flows.ts';

// Minutes of virtual time; a loaded machine is no reason to fail.
setDefaultTimeout(60_000);

const MS = 1_000_000;
const LINE = 10e6;
/** Payload, and what the line carries for it: 20 TCP, 12 timestamps, 20 IP, 14 Ethernet. */
const PAYLOAD_BPS: number = (LINE * 1448) / (1448 + 32 + 34);

describe('delivery rate sample (draft-ietf-ccwg-bbr, 4.1)', () => {
  test('is the rate of the bottleneck, and never more', () => {
    const flows = new Flows({ seed: 1, delayNs: 10 * MS, bitsPerSecond: LINE });
    flows.open();
    flows.link.runFor(2e9);
    let samples = 0;
    flows.watch(3e9, () => {
      if (rate.valid === 0 || rate.bytesPerSecond === 0) return;
      samples += 1;
      expect(rate.bytesPerSecond * 8).toBeLessThan(PAYLOAD_BPS * 1.02);
      if (rate.appLimited === 0) {
        expect(rate.bytesPerSecond * 8).toBeGreaterThan(PAYLOAD_BPS * 0.6);
      }
    });
    expect(samples).toBeGreaterThan(1000);
  });

  test('is not fooled by ACKs that were lost and come in lumps', () => {
    const flows = new Flows({ seed: 2, delayNs: 10 * MS, bitsPerSecond: LINE, loss: 0.05 });
    const flow = flows.open();
    flows.link.runFor(8e9);
    expect(flow.client.bbr!.maxBw * 8).toBeLessThan(PAYLOAD_BPS * 1.05);
  });

  test('counts what was in flight and what was lost', () => {
    const flows = new Flows({
      seed: 3,
      delayNs: 10 * MS,
      bitsPerSecond: LINE,
      queueBytes: 10_000,
    });
    const { client } = flows.open();
    let lossy = 0;
    flows.watch(4e9, () => {
      if (rate.valid === 0) return;
      expect(rate.txInFlight).toBeGreaterThan(0);
      if (rate.lost > 0) lossy += 1;
    });
    expect(lossy).toBeGreaterThan(0);
    // Everything delivered is delivered once, however it was reported.
    expect(client.delivered).toBe(client.bytesAcked + client.sackedBytes);
    expect(client.lostTotal).toBeGreaterThan(0);
    expect(client.lostTotal).toBeLessThanOrEqual(client.retransmits * client.mss + 20_000);
  });

  test('is marked while the application has nothing to send, and after for a round trip', () => {
    const flows = new Flows({ seed: 4, delayNs: 10 * MS, bitsPerSecond: LINE });
    const flow = flows.open(Congestion.Bbr, false);
    flows.write(flow, 3000);
    let limited = 0;
    let free = 0;
    let seen = 0;
    const count = (): void => {
      if (rate.bytesPerSecond === 0 || flow.client.delivered === seen) return;
      seen = flow.client.delivered;
      if (rate.appLimited === 1) limited += 1;
      else free += 1;
    };
    flows.watch(100 * MS, count);
    flows.write(flow, 3000);
    flows.watch(100 * MS, count);
    expect(limited).toBeGreaterThan(0);
    expect(free).toBe(0);
    limited = 0;
    // Enough to fill the window again and again: the mark goes with what it was put on.
    flows.write(flow, 1_000_000);
    flows.watch(500 * MS, count);
    expect(free).toBeGreaterThan(100);
    expect(flow.client.appLimitedUntil).toBe(0);
  });

  test('a segment that was sent before the controller was chosen gives no sample', () => {
    const flows = new Flows({ seed: 5, delayNs: 10 * MS, bitsPerSecond: LINE });
    const flow = flows.open(Congestion.Cubic);
    flows.link.runFor(1e9);
    const { tcp } = flows.link.a;
    expect(tcp.setCongestion(flow.client, Congestion.Bbr, flows.link.nowNs)).toBe(0);
    const outstanding = flow.client.sndNxt;
    flows.watch(2e9, () => {
      if (((flow.client.sndUna - outstanding) | 0) <= 0) expect(flow.client.bbr!.maxBw).toBe(0);
    });
    expect(flow.client.bbr!.maxBw * 8).toBeGreaterThan(PAYLOAD_BPS * 0.9);
  });
});
