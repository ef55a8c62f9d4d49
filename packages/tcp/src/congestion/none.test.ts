import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_ECE } from '@tickwire/wire';
import { Congestion } from '../config.ts';
import { Recovery } from '../recovery.ts';
import { inFlight, seqs } from '../testing/in-flight.ts';
import { Link } from '../testing/link.ts';
import { FIXED_WINDOW } from './congestion.ts';

const MS = 1_000_000;
const CONFIG = { congestion: Congestion.None } as const;

/** `segments` in flight on a connection whose window is fixed. */
function fixed(segments: number, ecn: boolean = false): ReturnType<typeof inFlight> {
  const config = { ...CONFIG, ...(ecn ? { ecn: 2 as const } : {}) };
  const all = inFlight(segments, { config, ecn });
  // `inFlight` sets the window to what is in flight.
  all.tcb.cwnd = FIXED_WINDOW;
  return all;
}

describe('the fixed window', () => {
  test('sends what the peer allows at once', () => {
    const link = new Link({
      seed: 1,
      delayNs: 10 * MS,
      a: { config: { ...CONFIG, sendBufferBytes: 100_000 } },
      b: { config: { receiveBufferBytes: 60_000, receiveBufferBytesMax: 60_000 } },
    });
    const { client } = link.connect();
    link.runFor(20 * MS);
    link.a.tcp.write(client, new Uint8Array(100_000), 0, 100_000);
    link.pump();
    const flight = client.sndNxt - client.sndUna;
    expect(flight).toBeGreaterThan(60_000 - client.mss);
    expect(flight).toBeLessThanOrEqual(60_000);
  });

  test('a loss does not shrink it, and is repaired at once (RFC 8985, 6.2)', () => {
    const { s, tcb } = fixed(20);
    s.write(tcb, 20_000, 10_000);
    expect(seqs(s.egress())).toHaveLength(10);
    s.send({ seq: 1, ack: 1, sack: [[1001, 5001]] });
    expect(tcb.recovery).toBe(Recovery.Fast);
    expect(tcb.cwnd).toBe(FIXED_WINDOW);
    expect(s.host.tcp.counters.retransSegs).toBe(1);
    s.send({ seq: 1, ack: 20_001 });
    s.send({ seq: 1, ack: 30_001 });
    expect(tcb.recovery).toBe(Recovery.Open);
    expect(tcb.cwnd).toBe(FIXED_WINDOW);
  });

  test('several losses go again in one go: nothing is proportioned (RFC 6937, 3)', () => {
    const { s } = fixed(20);
    s.send({ seq: 1, ack: 1, sack: [[10_001, 20_001]] });
    expect(s.host.tcp.counters.retransSegs).toBe(10);
  });

  test('a timeout sends one segment and backs off, an answer opens it again (RFC 6298, 5)', () => {
    const { s, tcb } = fixed(20);
    s.advance(1000 * MS);
    expect(s.host.tcp.counters.timeouts).toBe(2);
    expect(tcb.backoff).toBe(2);
    expect(tcb.cwnd).toBe(tcb.mss);
    expect(tcb.recovery).toBe(Recovery.Loss);
    s.send({ seq: 1, ack: 1001 });
    expect(tcb.cwnd).toBe(FIXED_WINDOW);
  });

  test('silence does not shrink it', () => {
    const { s, tcb } = fixed(5);
    s.send({ seq: 1, ack: 5001 });
    s.advance(5000 * MS);
    s.write(tcb, 5000, 30_000);
    expect(s.egress()).toHaveLength(30);
  });

  test('who does not react to a mark asks for none (RFC 3168, 6.1.2)', () => {
    const { s, tcb } = fixed(10, true);
    s.send({ flags: TCP_ACK | TCP_ECE, seq: 1, ack: 10_001 });
    expect(tcb.cwnd).toBe(FIXED_WINDOW);
    s.write(tcb, 10_000, 1000);
    expect(s.egress()[0]!.ect).toBe(false);
    s.host.tcp.setCongestion(tcb, Congestion.Cubic, s.nowNs);
    s.write(tcb, 11_000, 1000);
    expect(s.egress()[0]!.ect).toBe(true);
  });

  test('the controller after it begins with an initial window (RFC 6928, 2)', () => {
    const { s, tcb } = fixed(20);
    s.host.tcp.setCongestion(tcb, Congestion.Cubic, s.nowNs);
    expect(tcb.cwnd).toBe(10 * tcb.mss);
    s.host.tcp.setCongestion(tcb, Congestion.None, s.nowNs);
    expect(tcb.cwnd).toBe(FIXED_WINDOW);
  });

  test('overflows a queue for ever where CUBIC makes room: not for shared networks', () => {
    const dropped = (congestion: Congestion): number => {
      const config = { congestion, sendBufferBytes: 400_000 };
      const link = new Link({
        seed: 5,
        delayNs: 10 * MS,
        bitsPerSecond: 50e6,
        queueBytes: 60_000,
        a: { record: false, frames: 4096, config },
        b: { record: false, frames: 4096 },
      });
      const { client } = link.connect();
      const chunk = new Uint8Array(65_536);
      const fill = (): void => {
        while (link.a.tcp.write(client, chunk, 0, chunk.length) === chunk.length);
      };
      link.a.onDrained = fill;
      fill();
      link.runFor(4e9);
      return link.dropped / link.packets;
    };
    expect(dropped(Congestion.None)).toBeGreaterThan(10 * dropped(Congestion.Cubic));
  });
});
