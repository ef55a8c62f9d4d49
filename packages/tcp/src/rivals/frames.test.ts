import { describe, expect, test } from 'bun:test';
import { Prng, Status } from '@tickwire/base';
import { IpFlow, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '@tickwire/wire';
import { IcmpKind } from '../icmp-error.ts';
import { State } from '../state.ts';
import { loadFlow, type Tcb } from '../tcb.ts';
import type { Sent } from '../testing/host.ts';
import { type Captured, pattern, Script } from '../testing/scripted-peer.ts';

const MS = 1_000_000;
const SECOND = 1_000_000_000;
const FIN_ACK = TCP_FIN | TCP_ACK;
const SYN_ACK = TCP_SYN | TCP_ACK;

describe('f-stack#712: a zero-copy send that is accepted in part', () => {
  test('commit() takes all that was written or nothing, and drained() follows', () => {
    const s = new Script({ config: { sendBufferBytes: 2500 } });
    const tcb = s.accept({ mss: 1000 });
    const { tcp, arena } = s.host;
    let written = 0;
    for (;;) {
      const at = tcp.reserve(tcb, 600);
      if (at < 0) {
        expect(at).toBe(Status.Again);
        break;
      }
      expect(tcb.reservedBytes).toBeGreaterThanOrEqual(600);
      arena.bytes.set(pattern(written, 600), at);
      expect(tcp.commit(tcb, 600)).toBe(600);
      written += 600;
    }
    // 100 bytes of the buffer are left: a message of 600 is refused, not cut.
    expect(written).toBe(2400);
    expect(tcp.sendQueueBytes(tcb)).toBe(2400);
    const sent = s.egress();
    expect(Buffer.concat(sent.map((c) => c.payload))).toEqual(Buffer.from(pattern(0, 2400)));
    s.send({ seq: 1, ack: 2401 });
    expect(s.host.of(tcb).drained).toBe(1);
    expect(tcp.reserve(tcb, 600)).toBeGreaterThanOrEqual(0);
    tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test('more than was reserved is refused, and what was reserved stays', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    const { tcp } = s.host;
    const at = tcp.reserve(tcb, 10);
    const room = tcb.reservedBytes;
    expect(tcp.commit(tcb, room + 1)).toBe(Status.OutOfRange);
    expect(tcp.commit(tcb, -1)).toBe(Status.OutOfRange);
    expect(tcp.sendQueueBytes(tcb)).toBe(0);
    s.host.arena.bytes.set(pattern(0, 10), at);
    expect(tcp.commit(tcb, 10)).toBe(10);
    expect(s.egress()).toMatchObject([{ length: 10, payload: pattern(0, 10) }]);
    expect(tcp.reserve(tcb, 1001)).toBe(Status.TooLong);
    tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });
});

/** A conversation of which every segment leaves in a round of its own. */
function converse(s: Script, round: () => Captured[]): { received: Uint8Array; flags: string[] } {
  const received: Uint8Array[] = [];
  const flags: string[] = [];
  let next = 1;
  const note = (sent: readonly Captured[]): void => {
    for (const c of sent) {
      flags.push(c.flags);
      if (c.length > 0 && c.seq === next) {
        received.push(c.payload);
        next += c.length;
      }
    }
  };
  s.host.tcp.listen(0, 0, 0, 0, 80);
  s.inject({ flags: TCP_SYN, seq: 0, mss: 1000, sackPermitted: true });
  for (let i = 0; i < 200 && s.host.tcp.connectionCount === 0; i += 1) {
    note(round());
    s.inject({ seq: 1, ack: 1, data: 500 });
  }
  const tcb = s.tcb();
  s.write(tcb, 0, 3000);
  s.inject({ seq: 501 + 500, ack: 1, data: 500 });
  note(round());
  // The peer says what it has after each round, and sends its hole and its FIN.
  for (let i = 0; i < 4000; i += 1) {
    const hole = i % 3 === 0 ? { seq: 501, data: 500 } : {};
    s.inject({ seq: 1501, ack: next, ...hole });
    if (i === 10) s.host.tcp.shutdown(tcb);
    if (next === 3001 && i > 20) s.inject({ flags: FIN_ACK, seq: 1501, ack: 3001 });
    note(round());
    if (next === 3001 && flags.some((each) => each.includes('F')))
      s.inject({ seq: 1502, ack: 3002 });
    if (tcb.state === State.TimeWait || tcb.state === State.Closed) break;
  }
  expect(Buffer.from(s.host.of(tcb).bytes)).toEqual(Buffer.from(pattern(0, 1500)));
  return { received: Buffer.concat(received), flags };
}

describe('smoltcp#1053: a transmission that is refused late', () => {
  test('room for one segment a round stops nothing and loses nothing', () => {
    const s = new Script({ config: { timeWaitNs: SECOND } });
    let calls = 0;
    const { received } = converse(s, () => {
      calls += 1;
      s.host.roomLeft = calls % 2;
      return s.advance(MS);
    });
    expect(Buffer.from(received).equals(pattern(0, 3000))).toBe(true);
    s.host.roomLeft = 1000;
    s.advance(200 * SECOND);
    s.assertClean();
  });

  test('what found no room leaves in the next rounds, whatever else does not happen', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000 });
    s.send({ seq: 1, ack: 1, data: 10 });
    s.write(tcb, 0, 3000);
    s.host.tcp.shutdown(tcb);
    s.host.roomLeft = 0;
    const left: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      expect(s.host.tcp.wantsEgress()).toBe(left.length < 3);
      s.host.roomLeft = round % 2;
      for (const c of s.egress()) left.push(c.seq);
    }
    expect(left).toEqual([1, 1001, 2001]);
    s.host.roomLeft = 1;
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test.each([2, 3, 5])('one in %d that was promised room is refused, and comes again', (oneIn) => {
    const random = new Prng(oneIn);
    const s = new Script({ config: { timeWaitNs: SECOND, rtoMinNs: MS } });
    const { host } = s;
    let refused = 0;
    // `room` promises, `output` refuses: the device has changed its mind in between.
    const output = host.output.bind(host);
    host.output = (flow, protocol, frame, at, length, checksumOffset, nowNs): number => {
      if (random.nextBelow(oneIn) === 0) {
        refused += 1;
        host.arena.free(frame);
        return Status.Again;
      }
      return output(flow, protocol, frame, at, length, checksumOffset, nowNs);
    };
    const { received } = converse(s, () => s.advance(50 * MS));
    expect(refused).toBeGreaterThan(0);
    expect(Buffer.from(received).equals(pattern(0, 3000))).toBe(true);
    s.advance(200 * SECOND);
    s.assertClean();
  });
});

/** What lies in the queues of a connection when it ends. */
interface Load {
  readonly name: string;
  readonly put: (s: Script, tcb: Tcb) => void;
}

const LOADS: readonly Load[] = [
  { name: 'nothing', put: () => {} },
  {
    name: 'send queue in flight and unsent',
    put: (s, tcb) => {
      tcb.cwnd = 3000;
      s.write(tcb, 0, 9000);
      s.host.tcp.egress(s.nowNs);
    },
  },
  {
    name: 'receive queue and reassembly',
    put: (s, tcb) => {
      s.host.tcp.pause(tcb);
      s.inject({ seq: 1, ack: 1, data: 1000 });
      s.inject({ seq: 1001, ack: 1, data: 100 });
      for (const seq of [2001, 4001, 3001, 8001]) s.inject({ seq, ack: 1, data: 1000 });
    },
  },
  {
    name: 'a reservation, SACKed and lost segments',
    put: (s, tcb) => {
      tcb.cwnd = 8000;
      s.write(tcb, 0, 9000);
      s.host.tcp.egress(s.nowNs);
      s.nowNs += 20 * MS;
      s.inject({
        seq: 1,
        ack: 1,
        sack: [
          [1001, 3001],
          [4001, 6001],
        ],
      });
      s.host.tcp.egress(s.nowNs);
      expect(s.host.tcp.reserve(tcb, 10)).toBeGreaterThanOrEqual(0);
    },
  },
  {
    name: 'everything at once',
    put: (s, tcb) => {
      LOADS[2]!.put(s, tcb);
      LOADS[3]!.put(s, tcb);
    },
  },
];

/** The peer's next sequence number, as the host sees it. */
function nextOf(s: Script, tcb: Tcb): number {
  return (tcb.rcvNxt - s.peerIsn) | 0;
}

/** Ways in which a connection ends. */
const ENDS: readonly (readonly [string, (s: Script, tcb: Tcb) => void])[] = [
  ['abort()', (s, tcb) => void s.host.tcp.abort(tcb, s.nowNs)],
  [
    'abort() in data()',
    (s, tcb): void => {
      s.host.onData = (): void => void s.host.tcp.abort(tcb, s.nowNs);
      s.host.tcp.resume(tcb);
      s.inject({ seq: nextOf(s, tcb), ack: 1, data: 1000 });
      s.host.onData = undefined;
    },
  ],
  ['close() and a peer that is silent', (s, tcb) => void s.host.tcp.close(tcb, s.nowNs)],
  [
    'close() and data that still comes',
    (s, tcb): void => {
      s.host.tcp.close(tcb, s.nowNs);
      s.egress();
      s.inject({ seq: nextOf(s, tcb), ack: 1, data: 1000 });
    },
  ],
  ['a reset of the peer', (s, tcb) => void s.inject({ flags: TCP_RST, seq: nextOf(s, tcb) })],
  [
    'the retry limit',
    (s, tcb): void => {
      s.write(tcb, 20_000, 100);
      s.host.tcp.shutdown(tcb);
    },
  ],
  [
    'the user timeout',
    (s, tcb): void => {
      s.write(tcb, 20_000, 100);
      s.host.tcp.setUserTimeout(tcb, 3 * SECOND, s.nowNs);
    },
  ],
  ['keepalive', (s, tcb) => s.host.tcp.setKeepalive(tcb, SECOND, SECOND, 2, s.nowNs)],
  [
    'FIN-WAIT-2 that waits in vain',
    (s, tcb): void => {
      s.host.tcp.resume(tcb);
      s.host.tcp.close(tcb, s.nowNs);
      s.advance(0);
      if (tcb.state === State.Closed) return;
      s.inject({ seq: nextOf(s, tcb), ack: (tcb.sndNxt - tcb.iss) | 0 });
    },
  ],
  [
    'FIN both ways, and TIME-WAIT',
    (s, tcb): void => {
      s.host.tcp.resume(tcb);
      s.host.tcp.shutdown(tcb);
      finishPeer(s, tcb);
    },
  ],
  [
    'FIN of the peer first, and LAST-ACK',
    (s, tcb): void => {
      s.host.tcp.resume(tcb);
      s.inject({ flags: FIN_ACK, seq: nextOf(s, tcb), ack: (tcb.sndUna - tcb.iss) | 0 });
      s.host.tcp.shutdown(tcb);
      finishPeer(s, tcb);
    },
  ],
  [
    'FIN of the peer with unread data, then close()',
    (s, tcb): void => {
      s.inject({ flags: FIN_ACK, seq: nextOf(s, tcb), ack: 1, data: 10 });
      s.host.tcp.close(tcb, s.nowNs);
    },
  ],
  [
    'a new SYN in TIME-WAIT (RFC 6191)',
    (s, tcb): void => {
      s.host.tcp.resume(tcb);
      s.host.tcp.shutdown(tcb);
      finishPeer(s, tcb);
      if (tcb.state !== State.TimeWait) return;
      s.inject({ flags: TCP_SYN, seq: 1_000_000, mss: 1000 });
      s.inject({ flags: TCP_RST, seq: 1_000_001 });
    },
  ],
];

/** The peer acknowledges everything that comes, and ends. */
function finishPeer(s: Script, tcb: Tcb): void {
  for (let i = 0; i < 50 && tcb.state !== State.TimeWait && tcb.state !== State.Closed; i += 1) {
    s.advance(MS);
    const ack = (tcb.sndNxt - tcb.iss) | 0;
    s.inject({ flags: FIN_ACK, seq: nextOf(s, tcb), ack });
    s.inject({ seq: nextOf(s, tcb), ack });
  }
}

describe.each(ENDS)(
  'gvisor#8025, gvisor-tap-vsock#107: buffers that do not come back: %s',
  (_, end) => {
    test.each(LOADS.map((load) => [load.name, load] as const))('with %s', (_name, load) => {
      for (const busy of [false, true]) {
        const s = new Script({
          frames: 128,
          config: { retriesMax: 3, rtoMaxNs: 2 * SECOND, timeWaitNs: SECOND, finWait2Ns: SECOND },
        });
        // A busy driver holds on to every frame that it was given until all is over.
        const held: Sent[] = [];
        const takeSent = (): void => {
          for (const sent of s.host.sent.splice(0)) {
            if (busy) held.push(sent);
            else s.host.arena.free(sent.frame);
          }
        };
        const tcb = s.accept({ mss: 1000, sackPermitted: true });
        load.put(s, tcb);
        takeSent();
        end(s, tcb);
        takeSent();
        for (let i = 0; i < 200; i += 1) {
          s.nowNs += SECOND / 2;
          s.host.tcp.timers(s.nowNs);
          s.host.tcp.egress(s.nowNs);
          takeSent();
        }
        expect(s.host.of(tcb).closed).not.toBe('');
        for (const sent of held) s.host.arena.free(sent.frame);
        s.assertClean();
        expect(s.host.arena.available()).toBe(128);
      }
    });
  },
);

describe('gvisor#8025, gvisor-tap-vsock#107: buffers of connections that never opened', () => {
  const cases: readonly (readonly [string, (s: Script) => void])[] = [
    [
      'SYN-SENT that is refused',
      (s): void => {
        s.write(s.connect(), 0, 3000);
        s.egress();
        s.inject({ flags: TCP_RST | TCP_ACK, seq: 0, ack: 1 });
      },
    ],
    [
      'SYN-SENT that nobody answers',
      (s): void => {
        s.write(s.connect(), 0, 3000);
      },
    ],
    [
      'SYN-SENT that is closed',
      (s): void => {
        const tcb = s.connect();
        s.write(tcb, 0, 3000);
        s.egress();
        s.host.tcp.close(tcb, s.nowNs);
      },
    ],
    [
      'SYN-SENT, and ICMP that says no (RFC 1122, 4.2.3.9)',
      (s): void => {
        const tcb = s.connect();
        s.write(tcb, 0, 3000);
        s.egress();
        const flow = loadFlow(tcb, new IpFlow());
        s.host.tcp.icmpError(flow, s.localPort, s.peerPort, tcb.iss, IcmpKind.Hard, 0);
      },
    ],
    [
      'simultaneous open that is reset',
      (s): void => {
        s.write(s.connect(), 0, 3000);
        s.egress();
        s.send({ flags: TCP_SYN, seq: 0, mss: 1000 });
        s.inject({ flags: TCP_RST, seq: 1 });
      },
    ],
    [
      'half-open that nobody completes',
      (s): void => {
        s.host.tcp.listen(0, 0, 0, 0, 80);
        for (let port = 1; port <= 40; port += 1) {
          s.send({ flags: TCP_SYN, seq: 0, port, mss: 1000, data: 500 });
        }
      },
    ],
    [
      'half-open that is reset',
      (s): void => {
        s.host.tcp.listen(0, 0, 0, 0, 80);
        s.send({ flags: TCP_SYN, seq: 0, mss: 1000 });
        s.inject({ flags: TCP_RST, seq: 1 });
      },
    ],
    [
      'half-open whose listener stops',
      (s): void => {
        const listener = s.host.tcp.listen(0, 0, 0, 0, 80);
        s.send({ flags: TCP_SYN, seq: 0, mss: 1000 });
        s.host.tcp.unlisten(listener, s.nowNs);
      },
    ],
    [
      'a SYN-ACK that comes with data, then a reset',
      (s): void => {
        const tcb = s.connect();
        s.host.onOpened = (opened): void => void s.host.tcp.pause(opened);
        s.egress();
        s.send({ flags: SYN_ACK, seq: 0, ack: 1, mss: 1000, data: pattern(0, 600) });
        expect(tcb.rqBytes).toBe(600);
        s.inject({ flags: TCP_RST, seq: 601 });
      },
    ],
  ];
  test.each(cases)('%s', (_, run) => {
    const s = new Script({ frames: 64, config: { synRetriesMax: 2, timeWaitNs: SECOND } });
    run(s);
    s.advance(200 * SECOND);
    expect(s.host.tcp.halfOpenCount).toBe(0);
    s.assertClean();
  });
});

describe('seastar#365: no TIME-WAIT timer, no PAWS, no SACK', () => {
  /** A connection with timestamps and SACK that this side has closed first. */
  function timeWait(): { s: Script; tcb: Tcb } {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, sackPermitted: true, tsVal: 1000 });
    s.host.tcp.shutdown(tcb);
    s.egress();
    s.send({ flags: FIN_ACK, seq: 1, ack: 2, tsVal: 1005 });
    expect(tcb.state).toBe(State.TimeWait);
    return { s, tcb };
  }

  test('TIME-WAIT ends after 2 MSL, and a FIN again starts it again (RFC 9293, 3.6.1)', () => {
    const { s, tcb } = timeWait();
    s.advance(40 * SECOND);
    // Sent again, the peer's FIN is answered.
    expect(s.send({ flags: FIN_ACK, seq: 1, ack: 2, tsVal: 1005 })).toMatchObject([{ ack: 2 }]);
    s.advance(59 * SECOND);
    expect(tcb.state).toBe(State.TimeWait);
    s.advance(2 * SECOND);
    s.assertClean();
  });

  test('a reset does not end TIME-WAIT (RFC 1337, 2)', () => {
    const { s, tcb } = timeWait();
    s.send({ flags: TCP_RST, seq: 2, tsVal: 1006 });
    expect(tcb.state).toBe(State.TimeWait);
  });

  test('PAWS: what is older than the last in order is answered and dropped (RFC 7323, 5.3)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, sackPermitted: true, tsVal: 1000 });
    s.send({ seq: 1, ack: 1, data: 10, tsVal: 1010 });
    s.advance(100 * MS);
    // One sequence space ago the same number carried other bytes.
    const old = { seq: 11, ack: 1, data: pattern(99, 10), tsVal: 1009 };
    expect(s.send(old)).toMatchObject([{ ack: 11 }]);
    expect(s.host.tcp.counters.pawsRejected).toBe(1);
    s.send({ seq: 11, ack: 1, data: 10, tsVal: 1010 });
    expect(Buffer.from(s.host.of(tcb).bytes)).toEqual(Buffer.from(pattern(0, 20)));
  });

  test('SACK: only what is missing goes again, and what came is reported (RFC 2018, 5)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 1000, sackPermitted: true, tsVal: 1000 });
    tcb.cwnd = 20_000;
    expect(s.send({ seq: 101, ack: 1, data: 100 })).toMatchObject([{ sack: [[101, 201]] }]);
    s.send({ seq: 1, ack: 1, data: 100 });
    s.write(tcb, 0, 9 * tcb.mss);
    const segments = s.egress().filter((c) => c.length > 0);
    expect(segments).toHaveLength(9);
    s.nowNs += 20 * MS;
    const block = (from: number, to: number): [number, number] => [
      segments[from]!.seq,
      segments[to]!.seq + segments[to]!.length,
    ];
    const again = [
      ...s.send({ seq: 201, ack: 1, sack: [block(4, 8), block(1, 2)] }),
      ...s.advance(10 * MS),
    ];
    const missing = [segments[0]!.seq, segments[3]!.seq];
    expect(again.filter((c) => c.length > 0).map((c) => c.seq)).toEqual(missing);
  });
});

describe('M5: close that says nothing, and a FIN that nobody notices', () => {
  test('close() says FIN in the same round, with or without data (RFC 9293, 3.10.4)', () => {
    for (const bytes of [0, 100]) {
      const s = new Script();
      const tcb = s.accept();
      s.write(tcb, 0, bytes);
      s.host.tcp.close(tcb, s.nowNs);
      expect(s.egress().at(-1)!.flags).toContain('F');
    }
  });

  test('close() of what was not read says RST in the same round (RFC 2525, 2.17)', () => {
    const s = new Script();
    const tcb = s.accept();
    s.host.tcp.setPull(tcb);
    s.send({ seq: 1, ack: 1, data: 10 });
    s.host.tcp.close(tcb, s.nowNs);
    expect(s.egress().at(-1)!.flags).toContain('R');
  });

  test("the peer's FIN is told when it arrives, or its hole closes (RFC 9293, 3.10.7.4)", () => {
    const s = new Script();
    const tcb = s.accept();
    s.inject({ flags: FIN_ACK, seq: 11, ack: 1, data: 10 });
    expect(s.host.of(tcb).ended).toBe(0);
    s.inject({ seq: 1, ack: 1, data: 10 });
    expect(s.host.of(tcb).ended).toBe(1);
    expect(s.egress()).toMatchObject([{ ack: 22 }]);
  });
});
