import { describe, expect, test } from 'bun:test';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN } from '@tickwire/wire';
import { State } from '../state.ts';
import { sendQueueBytes } from '../send.ts';
import { Flag, type Tcb } from '../tcb.ts';
import { pattern, Script, type ScriptOptions } from '../testing/scripted-peer.ts';

const MS = 1_000_000;
const SECOND = 1_000_000_000;
/** The sequence clock of RFC 9293, 3.4.1. */
const ISN_TICK_NS = 4000;
const FIN_ACK = TCP_FIN | TCP_ACK;

/** Ways round the circle at which arithmetic goes wrong. */
const DISTANCES: readonly number[] = [
  0,
  1,
  2,
  999,
  1000,
  1001,
  4000,
  4001,
  65_535,
  65_536,
  2 ** 30,
  2 ** 31 - 1,
]
  .flatMap((distance) => [distance, -distance])
  .concat(-(2 ** 31));

/** Initial numbers from which data runs over 2^31, over 2^32, and over neither. */
const ISNS: readonly number[] = [1_000_000, 0x7fff_fc00, -1024];

/** A script whose host begins at `hostIsn`: the clock is set to the instant that chooses it. */
function scriptAt(hostIsn: number, options: ScriptOptions = {}): Script {
  const probe = new Script({ ...options, frames: 64 });
  probe.accept();
  const ticks = (hostIsn - probe.hostIsn) >>> 0;
  const startNs = probe.nowNs + ticks * ISN_TICK_NS;
  return new Script({ ...options, frames: 64, startNs });
}

/** What must hold of every connection, whatever came in. */
function check(s: Script, tcb: Tcb): void {
  if (tcb.state === State.Closed) return;
  const flight = (tcb.sndNxt - tcb.sndUna) | 0;
  const queued = (tcb.sndEnd - tcb.sndUna) | 0;
  expect(flight).toBeGreaterThanOrEqual(0);
  expect(queued).toBeGreaterThanOrEqual(flight);
  expect(queued).toBeLessThan(2 ** 20);
  for (const sum of [tcb.sackedBytes, tcb.lostBytes, tcb.retransBytes]) {
    expect(sum).toBeGreaterThanOrEqual(0);
    expect(sum).toBeLessThanOrEqual(flight);
  }
  expect(sendQueueBytes(tcb)).toBeGreaterThanOrEqual(0);
  expect(s.host.tcp.sendRoom(tcb)).toBeGreaterThanOrEqual(0);
  expect((tcb.rcvAdv - tcb.rcvNxt) | 0).toBeGreaterThanOrEqual(0);
  expect(tcb.rqBytes).toBeGreaterThanOrEqual(0);
  expect(tcb.ooBytes).toBeGreaterThanOrEqual(0);
}

/** Ends whatever is there and expects every frame back. */
function finish(s: Script): void {
  const { tcp } = s.host;
  for (let slot = tcp.firstConnection(); slot >= 0; slot = tcp.nextConnection(slot)) {
    tcp.abort(tcp.connection(slot), s.nowNs);
  }
  s.advance(200 * SECOND);
  s.assertClean();
}

/** A connection with 4000 bytes in flight that a peer's segments have brought into a state. */
function inState(state: number, hostIsn: number, peerIsn: number): { s: Script; tcb: Tcb } {
  const s = scriptAt(hostIsn, { peerIsn, config: { timeWaitNs: SECOND, delayedAckNs: 0 } });
  const tcb = s.accept({ mss: 1000, sackPermitted: true });
  expect(s.hostIsn).toBe(hostIsn);
  const { tcp } = s.host;
  const ends = state !== State.Established && state !== State.CloseWait;
  s.write(tcb, 0, 4000);
  if (state === State.CloseWait || state === State.LastAck) {
    s.send({ flags: FIN_ACK, seq: 1, ack: 1 });
  }
  if (ends) tcp.shutdown(tcb);
  s.egress();
  if (state === State.FinWait2 || state === State.TimeWait) s.send({ seq: 1, ack: 4002 });
  if (state === State.TimeWait) s.send({ flags: FIN_ACK, seq: 1, ack: 4002 });
  if (state === State.Closing) s.send({ flags: FIN_ACK, seq: 1, ack: 1 });
  expect(tcb.state).toBe(state);
  return { s, tcb };
}

const STATES = [
  ['ESTABLISHED', State.Established],
  ['FIN-WAIT-1', State.FinWait1],
  ['FIN-WAIT-2', State.FinWait2],
  ['CLOSE-WAIT', State.CloseWait],
  ['CLOSING', State.Closing],
  ['LAST-ACK', State.LastAck],
  ['TIME-WAIT', State.TimeWait],
] as const;

describe.each(STATES)(
  'smoltcp#489, #41: no distance round the circle is a panic: %s',
  (_, state) => {
    test('an ACK of anything moves SND.UNA within what was sent only (RFC 9293, 3.10.7.4)', () => {
      for (const isn of ISNS) {
        for (const distance of DISTANCES) {
          const { s, tcb } = inState(state, isn, isn);
          const una = tcb.sndUna;
          const sent = (tcb.sndNxt - una) | 0;
          const relative = (una - s.hostIsn) | 0;
          const seq = (tcb.rcvNxt - s.peerIsn) | 0;
          for (const data of [0, 10]) {
            s.inject({ seq, ack: (relative + distance) | 0, data });
            check(s, tcb);
            if (tcb.state === State.Closed || tcb.state === State.TimeWait) break;
            const moved = (tcb.sndUna - una) | 0;
            expect(moved).toBe(distance > 0 && distance <= sent ? distance : 0);
          }
          s.egress();
          check(s, tcb);
          finish(s);
        }
      }
    });

    test('text at any distance is taken only where it belongs (RFC 9293, 3.10.7.4)', () => {
      for (const isn of ISNS) {
        for (const distance of DISTANCES) {
          const { s, tcb } = inState(state, isn, isn);
          const takes = state <= State.FinWait2;
          const next = (tcb.rcvNxt - s.peerIsn) | 0;
          const flags = TCP_ACK | TCP_PSH;
          const ack = (tcb.sndUna - s.hostIsn) | 0;
          const window = (tcb.rcvAdv - tcb.rcvNxt) | 0;
          for (const length of [1, 1000]) {
            const seq = (next + distance) | 0;
            s.inject({ flags, seq, ack, data: pattern((seq - 1) >>> 0, length) });
            check(s, tcb);
          }
          s.egress();
          check(s, tcb);
          // Whatever was taken is the stream from its beginning on.
          const { bytes } = s.host.of(tcb);
          expect(Buffer.from(bytes)).toEqual(Buffer.from(pattern(0, bytes.length)));
          if (takes) expect(bytes.length).toBe(distance <= 0 ? Math.max(0, 1000 + distance) : 0);
          else expect(bytes).toEqual([]);
          // Behind a hole it waits, as far as the window goes.
          const room = Math.max(0, Math.min(1000, window - distance));
          expect(tcb.ooBytes).toBe(takes && distance > 0 ? room : 0);
          finish(s);
        }
      }
    });
  },
);

describe('smoltcp#261: a peer that takes its window back leaves no negative room', () => {
  const rows = [0, 1, 500, 1000, 2500].flatMap((window) =>
    [true, false].map((sack) => [window, sack] as const),
  );
  test.each(rows)('window %d, SACK %p (RFC 9293, 3.8.6)', (window, sack) => {
    const s = new Script();
    const tcb = s.accept({
      mss: 1000,
      scale: 0,
      window: 4000,
      ...(sack ? { sackPermitted: true } : {}),
    });
    s.write(tcb, 0, 8000);
    expect(s.egress().map((c) => c.seq)).toEqual([1, 1001, 2001, 3001]);
    s.host.tcp.shutdown(tcb);
    // The right edge goes back behind what is in flight, twice.
    for (const ack of [1, 1001]) {
      s.inject({ seq: 1, ack, window });
      check(s, tcb);
      s.egress();
      check(s, tcb);
    }
    // Timers of every kind run against the window that is not there.
    const sent = s.advance(20 * SECOND);
    check(s, tcb);
    const edge = Math.max(4001, 1001 + window);
    for (const c of sent) expect(c.seq + c.length).toBeLessThanOrEqual(edge);
    // It opens: everything comes, and nothing twice in the count.
    let received = 1001;
    for (let round = 0; round < 40 && received < 8001; round += 1) {
      for (const c of s.send({ seq: 1, ack: received, window: 4000 })) {
        if (c.seq <= received) received = Math.max(received, c.seq + c.length);
      }
      for (const c of s.advance(SECOND)) {
        if (c.seq <= received) received = Math.max(received, c.seq + c.length);
      }
      check(s, tcb);
    }
    expect(received).toBe(8001);
    finish(s);
  });
});

describe('smoltcp#224: numbers that run over in the middle of a segment', () => {
  test.each(ISNS)('both ways from %d, with holes, SACK and FIN (RFC 9293, 3.4)', (isn) => {
    const s = scriptAt(isn, { peerIsn: isn });
    const tcb = s.accept({ mss: 1000, sackPermitted: true });
    expect(s.hostIsn).toBe(isn);
    // The others first, from the right: each is a hole more, then none.
    for (const seq of [3001, 1001, 2001]) s.inject({ seq, ack: 1, data: 1000 });
    expect(s.egress().at(-1)).toMatchObject({ ack: 1, sack: [[1001, 4001]] });
    expect(s.send({ seq: 1, ack: 1, data: 1000 }).at(-1)).toMatchObject({ ack: 4001 });
    expect(s.send({ flags: FIN_ACK, seq: 4001, ack: 1 }).at(-1)).toMatchObject({ ack: 4002 });
    expect(Buffer.from(s.host.of(tcb).bytes)).toEqual(Buffer.from(pattern(0, 4000)));
    s.write(tcb, 0, 4000);
    expect(s.egress().map((c) => c.seq)).toEqual([1, 1001, 2001, 3001]);
    s.nowNs += 20 * MS;
    s.send({ seq: 4002, ack: 1, sack: [[1001, 4001]] });
    expect(tcb.sackedBytes).toBe(3000);
    check(s, tcb);
    s.nowNs += 20 * MS;
    s.host.tcp.shutdown(tcb);
    s.send({ seq: 4002, ack: 4001 });
    s.advance(MS);
    s.send({ seq: 4002, ack: 4002 });
    expect(s.host.log.at(-1)).toBe('closed finished');
    s.assertClean();
  });

  test('counters of bytes go on beyond 2^32', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    tcb.bytesReceived = 2 ** 32 - 500;
    tcb.bytesAcked = 2 ** 32 - 500;
    s.send({ seq: 1, ack: 1, data: 1000 });
    s.write(tcb, 0, 1000);
    s.egress();
    s.send({ seq: 1001, ack: 1001 });
    expect(tcb.bytesReceived).toBe(2 ** 32 + 500);
    expect(tcb.bytesAcked).toBe(2 ** 32 + 500);
    finish(s);
  });
});

/** Whether a block, as offsets from SND.UNA, is sane and covers one of four segments of 1000. */
function coversSegment(left: number, right: number): boolean {
  if (((right - left) | 0) <= 0 || right <= 0 || right > 4000) return false;
  const first = ((0 - left) | 0) >= 0 ? 0 : Math.ceil(left / 1000) * 1000;
  return first + 1000 <= right;
}

describe('smoltcp 0.13.1: SACK edges overflow', () => {
  test('blocks with any two edges mark what is in flight only (RFC 2018, 3)', () => {
    for (const isn of ISNS) {
      const s = scriptAt(isn, { peerIsn: isn });
      const tcb = s.accept({ mss: 1000, sackPermitted: true });
      tcb.cwnd = 20_000;
      s.write(tcb, 0, 4000);
      s.egress();
      s.nowNs += 20 * MS;
      for (const left of DISTANCES) {
        for (const right of DISTANCES) {
          // A block of whole segments in flight is to be believed; this is about the others.
          if (coversSegment(left | 0, right | 0)) continue;
          s.inject({ seq: 1, ack: 1, sack: [[(1 + left) | 0, (1 + right) | 0]] });
          expect(tcb.sackedBytes).toBe(0);
          s.inject({
            seq: 1,
            ack: 1,
            sack: [
              [1, 2],
              [(1 + left) | 0, (1 + right) | 0],
            ],
          });
          check(s, tcb);
        }
      }
      s.send({ seq: 1, ack: 4001 });
      expect(tcb.sqHead).toBe(-1);
      finish(s);
    }
  });

  test('blocks of ours lie in the window, whatever was injected (RFC 2018, 4)', () => {
    for (const isn of ISNS) {
      const s = new Script({ peerIsn: isn });
      const tcb = s.accept({ mss: 1000, sackPermitted: true });
      const window = (tcb.rcvAdv - tcb.rcvNxt) | 0;
      for (const distance of [window - 300, window - 1, window, ...DISTANCES]) {
        for (const flags of [TCP_ACK, FIN_ACK]) {
          const at = 1 + distance;
          s.inject({ flags, seq: at | 0, ack: 1, data: distance <= 0 ? 0 : 700 });
          for (const c of s.egress()) {
            if ((tcb.flags & Flag.FinReceived) !== 0) break;
            for (const [left, right] of c.sack) {
              expect(left).toBeLessThan(right);
              expect(left).toBeGreaterThan(0);
              expect(right).toBeLessThanOrEqual(1 + window);
            }
          }
          check(s, tcb);
        }
        if (tcb.state !== State.Established) break;
      }
      finish(s);
    }
  });

  test('a SYN of the peer at any distance is a challenge at most (RFC 5961, 4)', () => {
    for (const distance of DISTANCES) {
      const { s, tcb } = inState(State.Established, -1024, -1024);
      const answer = s.send({ flags: TCP_SYN, seq: (1 + distance) | 0, mss: 1000 });
      expect(tcb.state).toBe(State.Established);
      for (const c of answer) expect(c).toMatchObject({ flags: '.', ack: 1 });
      check(s, tcb);
      finish(s);
    }
  });
});
