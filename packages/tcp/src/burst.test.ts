import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_ECE } from '@tickwire/wire';
import { Congestion, type TcpConfig } from './config.ts';
import { Recovery } from './recovery.ts';
import { inFlight } from './testing/in-flight.ts';
import { type Captured, pattern, Script } from './testing/scripted-peer.ts';

const MSS = 1000;
/** Ten segments are the initial window. */
const WINDOW = 10;

/** What can be seen of a segment on the wire. */
function wire({ flags, seq, ack, window, length, payload, options, ect }: Captured): unknown {
  const { hasTimestamps, tsVal, tsEcr, sackCount } = options;
  const bytes = Bun.hash(payload);
  return { flags, seq, ack, window, length, bytes, hasTimestamps, tsVal, tsEcr, sackCount, ect };
}

/** The segments of a connection that has just been opened and given `bytes`, one per frame. */
function firstWindow(config: Partial<TcpConfig>, bytes: number, stamped = true): Captured[] {
  const s = new Script({ config, seed: 3 });
  const tcb = s.open({ mss: MSS, window: 65_535, ...(stamped ? { tsVal: 500 } : {}) });
  s.take();
  expect(s.write(tcb, 0, bytes)).toBe(bytes);
  return s.egress();
}

describe('a burst', () => {
  test('leaves in one go, as far as the window allows', () => {
    const sent = firstWindow({}, 20_000, false);
    expect(sent.map(({ seq, length }) => [seq, length])).toEqual(
      Array.from({ length: WINDOW }, (_, i) => [1 + i * MSS, MSS]),
    );
    expect(sent.flatMap(({ payload }) => [...payload])).toEqual([...pattern(0, WINDOW * MSS)]);
  });

  test('is on the wire what the same segments are one by one', () => {
    for (const stamped of [true, false]) {
      for (const bytes of [1, MSS, 5000, 5001, 9500, 30_000]) {
        for (const congestion of [Congestion.Cubic, Congestion.Bbr]) {
          const on = firstWindow({ congestion }, bytes, stamped).map(wire);
          const off = firstWindow({ congestion, sendBursts: false }, bytes, stamped).map(wire);
          expect(on).toEqual(off);
        }
      }
    }
  });

  test('has PSH on its last segment only when nothing is queued behind it', () => {
    const flags = firstWindow({}, 5 * MSS, false).map((segment) => segment.flags);
    expect(flags).toEqual(['.', '.', '.', '.', 'P.']);
    expect(new Set(firstWindow({}, 15 * MSS, false).map((segment) => segment.flags))).toEqual(
      new Set(['.']),
    );
  });

  test('costs all but its first segments a copy of a header', () => {
    for (const sendBursts of [true, false]) {
      const s = new Script({ config: { sendBursts } });
      const tcb = s.open({ mss: MSS, window: 65_535 });
      s.write(tcb, 0, 20 * MSS);
      s.egress();
      expect(s.host.tcp.counters.outFollowers).toBe(sendBursts ? WINDOW - 1 : 0);
      expect(s.host.tcp.counters.outSegs).toBe(2 + WINDOW);
      expect(tcb.segmentsOut).toBe(2 + WINDOW);
    }
  });

  test('stops where the peer`s window ends', () => {
    const s = new Script();
    const tcb = s.open({ mss: MSS, window: 3 * MSS });
    s.take();
    s.write(tcb, 0, 10 * MSS);
    expect(s.egress().map(({ length }) => length)).toEqual([MSS, MSS, MSS]);
  });

  test('stops when the output is full, and goes on with the next egress', () => {
    const s = new Script();
    const tcb = s.open({ mss: MSS, window: 65_535 });
    s.take();
    s.write(tcb, 0, 8 * MSS);
    s.host.roomLeft = 3;
    expect(s.egress()).toHaveLength(3);
    expect(s.host.tcp.wantsEgress()).toBe(true);
    s.host.roomLeft = 100;
    expect(s.egress().map(({ seq }) => seq)).toEqual([3, 4, 5, 6, 7].map((n) => 1 + n * MSS));
  });

  test('a burst says CWR once (RFC 3168, 6.1.2)', () => {
    const s = new Script({ config: { ecn: 1 } });
    const tcb = s.connect();
    s.egress();
    s.send({ flags: 0x12 | TCP_ECE, seq: 0, ack: 1, mss: MSS, window: 65_535 });
    s.write(tcb, 0, 10 * MSS);
    expect(s.egress()).toHaveLength(10);
    // Half of the window is acknowledged with a mark; the rest comes without.
    s.inject({ flags: TCP_ACK | TCP_ECE, seq: 1, ack: 1 + 5 * MSS });
    s.inject({ seq: 1, ack: 1 + 10 * MSS });
    s.write(tcb, 10 * MSS, 10 * MSS);
    const sent = s.egress().filter(({ length }) => length > 0);
    expect(sent.length).toBeGreaterThan(2);
    expect(sent.map(({ flags }) => flags.includes('W'))).toEqual(sent.map((_, i) => i === 0));
    expect(sent.every(({ ect }) => ect)).toBe(true);
  });

  test('a burst does not repeat a duplicate report (RFC 2883, 4)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: MSS, sackPermitted: true });
    s.send({ seq: 1, ack: 1, data: 100 });
    s.inject({ seq: 1, ack: 1, data: 100 });
    s.write(tcb, 0, 5 * MSS);
    const reports = s.egress().filter(({ options }) => options.sackCount > 0);
    expect(reports).toHaveLength(1);
  });

  test('reports holes as single segments do (RFC 2018, 4)', () => {
    const reports = [true, false].map((sendBursts) => {
      const s = new Script({ config: { sendBursts }, seed: 3 });
      const tcb = s.accept({ mss: MSS, sackPermitted: true });
      for (let hole = 0; hole < 6; hole += 1) {
        s.inject({ seq: 101 + hole * 200, ack: 1, data: 100 });
      }
      s.write(tcb, 0, 5 * MSS);
      return s.egress().map(({ sack }) => sack);
    });
    expect(reports[0]).toEqual(reports[1]);
    expect(reports[0]!.length).toBeGreaterThan(4);
  });

  test('does not overtake a probe for the path MTU (RFC 4821, 7.4)', () => {
    const [on, off] = [true, false].map((sendBursts) => {
      const s = new Script({ config: { sendBursts, mtuProbing: 2 }, seed: 3 });
      const tcb = s.open({ mss: 1460, window: 65_535, sackPermitted: true });
      s.take();
      s.write(tcb, 0, 30_000);
      const lengths = s.egress().map(({ length }) => length);
      expect(s.host.tcp.counters.mtuProbes).toBe(1);
      return lengths;
    });
    expect(on).toEqual(off);
  });

  test('notes each segment for the delivery rate', () => {
    const s = new Script({ config: { congestion: Congestion.Bbr } });
    const tcb = s.open({ mss: MSS, window: 65_535, sackPermitted: true });
    s.write(tcb, 0, 10 * MSS);
    s.egress();
    expect(s.host.tcp.counters.outFollowers).toBeGreaterThan(3);
    s.nowNs += 20e6;
    expect(tcb.bbr!.maxBw).toBe(0);
    s.send({ seq: 1, ack: 1, sack: [[1 + MSS, 1 + 2 * MSS]] });
    expect(tcb.bbr!.maxBw).toBeGreaterThan(0);
  });

  test('in recovery counts as sent (RFC 6937, 3.1)', () => {
    const [on, off] = [true, false].map((sendBursts) => {
      const { s, tcb } = inFlight(20, { config: { sendBursts } });
      s.write(tcb, 20_000, 30_000);
      s.nowNs += 20e6;
      for (let right = 3; right <= 6; right += 1) {
        s.send({ seq: 1, ack: 1, sack: [[1001, 1 + right * MSS]] });
      }
      expect(tcb.recovery).toBe(Recovery.Fast);
      const before = s.host.tcp.counters.outFollowers;
      s.send({ seq: 1, ack: 1, sack: [[1001, 20_001]] });
      expect(s.host.tcp.counters.outFollowers > before).toBe(sendBursts);
      return [tcb.prrOut, tcb.sndNxt - tcb.iss];
    });
    expect(on).toEqual(off);
  });

  test('leaves out a frame that somebody still reads: that segment is a copy', () => {
    const s = new Script();
    const tcb = s.open({ mss: MSS, window: 65_535 });
    s.take();
    const { arena, tcp } = s.host;
    let kept = -1;
    for (let i = 0; i < 6; i += 1) {
      const at = tcp.reserve(tcb, MSS);
      arena.bytes.set(pattern(i * MSS, MSS), at);
      if (i === 2) kept = tcb.reservedFrame;
      tcp.commit(tcb, MSS);
    }
    arena.retain(kept);
    const sent = s.egress();
    expect(sent.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5].map((n) => 1 + n * MSS));
    expect(sent.flatMap(({ payload }) => [...payload])).toEqual([...pattern(0, 6 * MSS)]);
    expect(tcp.counters.retransmitCopies).toBe(1);
    arena.free(kept);
  });

  test('of two connections alternates segment by segment without bursts', () => {
    for (const sendBursts of [true, false]) {
      const s = new Script({ config: { sendBursts } });
      const first = s.accept({ mss: MSS });
      s.send({ flags: 0x02, seq: 0, mss: MSS, port: 6000 });
      s.inject({ seq: 1, ack: 1, port: 6000 });
      const second = s.host.tcp.connection(s.host.tcp.nextConnection(first.slot));
      s.take();
      s.write(first, 0, 3 * MSS);
      s.write(second, 500, 3 * MSS);
      const heads = s.egress().map(({ payload }) => payload.slice(0, 8).join());
      const from = (offset: number): string => pattern(offset, 8).join();
      const a = [from(0), from(MSS), from(2 * MSS)];
      const b = [from(500), from(500 + MSS), from(500 + 2 * MSS)];
      expect(heads).toEqual(sendBursts ? [...a, ...b] : [a[0]!, b[0]!, a[1]!, b[1]!, a[2]!, b[2]!]);
    }
  });
});
