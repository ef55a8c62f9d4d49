import { describe, expect, test } from 'bun:test';
import { IpFlow, TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '@tickwire/wire';
import { State } from './state.ts';
import { pattern, Script } from './testing/scripted-peer.ts';

const SECOND = 1_000_000_000;

describe('three-way handshake', () => {
  test('a listener answers SYN with SYN-ACK and opens on ACK (RFC 9293, 3.5)', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    const [synAck] = s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(synAck).toMatchObject({ flags: 'S.', seq: 0, ack: 1, length: 0 });
    expect(synAck!.options.mss).toBe(1460);
    // No connection yet, only a row of the SYN cache.
    expect(s.host.tcp.connectionCount).toBe(0);
    expect(s.host.tcp.halfOpenCount).toBe(1);
    expect(s.host.log).toEqual([]);
    expect(s.send({ flags: TCP_ACK, seq: 1, ack: 1 })).toEqual([]);
    expect(s.tcb().state).toBe(State.Established);
    expect(s.host.log).toEqual(['opened']);
    s.host.tcp.abort(s.tcb(), s.nowNs);
    s.assertClean();
  });

  test('connect() sends SYN, acknowledges SYN-ACK, and is open (RFC 9293, 3.5)', () => {
    const s = new Script();
    const tcb = s.connect();
    const [syn] = s.egress();
    expect(syn).toMatchObject({ flags: 'S', seq: 0, ack: 0 });
    expect(syn!.options).toMatchObject({ mss: 1460, sackPermitted: 1, hasTimestamps: 1 });
    expect(syn!.options.windowScale).toBeGreaterThan(0);
    const [ack] = s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1400 });
    expect(ack).toMatchObject({ flags: '.', seq: 1, ack: 1 });
    expect(tcb.state).toBe(State.Established);
    expect(tcb.mss).toBe(1400);
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test('M5: a request in the last segment of the handshake is delivered at once', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    s.inject({ flags: TCP_ACK | TCP_PSH, seq: 1, ack: 1, data: 10 });
    expect(s.host.log).toEqual(['opened', 'data 10']);
    s.host.tcp.abort(s.tcb(), s.nowNs);
    s.assertClean();
  });

  test('data and FIN with the last segment of the handshake are taken too', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    const [ack] = s.send({ flags: TCP_ACK | TCP_FIN, seq: 1, ack: 1, data: 10 });
    expect(s.host.log).toEqual(['opened', 'data 10', 'ended']);
    expect(ack).toMatchObject({ flags: '.', ack: 12 });
    expect(s.tcb().state).toBe(State.CloseWait);
  });

  test('simultaneous open ends in one connection (RFC 9293, 3.5, figure 7)', () => {
    const s = new Script();
    const tcb = s.connect();
    s.egress();
    const [synAck] = s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(synAck).toMatchObject({ flags: 'S.', seq: 0, ack: 1 });
    expect(tcb.state).toBe(State.SynReceived);
    s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1460 });
    expect(tcb.state).toBe(State.Established);
    expect(s.host.log).toEqual(['opened']);
    s.host.tcp.abort(tcb, s.nowNs);
    s.assertClean();
  });

  test('gvisor#7075: a SYN with ECE and CWR is answered by SYN-ACK, not RST', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    const [synAck] = s.send({ flags: TCP_SYN | 0xc0, seq: 0, mss: 1460 });
    expect(synAck!.flags).toBe('S.E');
  });

  test('a lost SYN-ACK is sent again by timer, and at once for a repeated SYN', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(s.send({ flags: TCP_SYN, seq: 0, mss: 1460 })).toHaveLength(1);
    const again = s.advance(1.5 * SECOND);
    expect(again.map((c) => c.flags)).toEqual(['S.']);
  });

  test('a half-open connection gives up silently after its retries', () => {
    const s = new Script({ config: { synAckRetriesMax: 3 } });
    const listener = s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(listener.embryonic).toBe(1);
    const sent = s.advance(60 * SECOND);
    expect(sent.map((c) => Math.round((c.atNs - SECOND) / SECOND))).toEqual([1, 3, 7]);
    expect(s.host.log).toEqual([]);
    expect(listener.embryonic).toBe(0);
    s.assertClean();
  });

  test('connect() without answer times out with backed-off SYNs (RFC 6298, 5.5)', () => {
    const s = new Script({ config: { synRetriesMax: 4 } });
    s.connect();
    s.egress();
    const sent = s.advance(120 * SECOND);
    expect(sent.map((c) => Math.round((c.atNs - SECOND) / SECOND))).toEqual([1, 3, 7, 15]);
    expect(s.host.log).toEqual(['closed timeout']);
    s.assertClean();
  });

  test('connect() that is refused says so (RFC 9293, 3.10.7.3)', () => {
    const s = new Script();
    s.connect();
    s.egress();
    expect(s.send({ flags: TCP_RST | TCP_ACK, seq: 0, ack: 1 })).toEqual([]);
    expect(s.host.log).toEqual(['closed refused']);
    s.assertClean();
  });

  test('SYN-SENT ignores RST without ACK and resets a wrong ACK (RFC 9293, 3.10.7.3)', () => {
    const s = new Script();
    const tcb = s.connect();
    s.egress();
    expect(s.send({ flags: TCP_RST, seq: 0 })).toEqual([]);
    expect(tcb.state).toBe(State.SynSent);
    expect(s.send({ flags: TCP_ACK, seq: 0, ack: 77 })).toMatchObject([{ flags: 'R', seq: 77 }]);
    expect(s.send({ flags: TCP_RST | TCP_ACK, seq: 0, ack: 77 })).toEqual([]);
    expect(tcb.state).toBe(State.SynSent);
  });

  test('SYN-RECEIVED resets a wrong ACK and stays (RFC 9293, 3.10.7.4)', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(s.send({ flags: TCP_ACK, seq: 1, ack: 5 })).toMatchObject([{ flags: 'R', seq: 5 }]);
    expect(s.host.tcp.halfOpenCount).toBe(1);
    s.send({ flags: TCP_RST, seq: 1 });
    expect(s.host.tcp.halfOpenCount).toBe(0);
    s.assertClean();
  });

  test('options are used only when both sides offer them (RFC 7323; RFC 2018)', () => {
    const s = new Script();
    const tcb = s.accept({ mss: 500 });
    expect(tcb.sndShift).toBe(0);
    expect(tcb.rcvShift).toBe(0);
    expect(tcb.mss).toBe(500);
    s.write(tcb, 0, 100);
    const [data] = s.egress();
    expect(data!.options.hasTimestamps).toBe(0);
    const t = new Script();
    const other = t.accept({ mss: 500, scale: 7, sackPermitted: true, tsVal: 9 });
    expect(other.sndShift).toBe(7);
    expect(other.mss).toBe(488);
    t.write(other, 0, 100);
    expect(t.egress()[0]!.options).toMatchObject({ hasTimestamps: 1, tsEcr: 9 });
  });

  test('a peer without MSS option gets 536 bytes (RFC 9293, 3.7.1)', () => {
    const s = new Script();
    expect(s.accept({}).mss).toBe(536);
  });
});

describe('listener', () => {
  test('a full backlog drops SYNs silently and counts them', () => {
    const s = new Script();
    const listener = s.host.tcp.listen(0, 0, 0, 0, 80, { backlog: 1 });
    listener.queued = 1;
    expect(s.send({ flags: TCP_SYN, seq: 0, mss: 1460 })).toEqual([]);
    expect(listener.overflows).toBe(1);
    listener.queued = 0;
    expect(s.send({ flags: TCP_SYN, seq: 0, mss: 1460 })).toHaveLength(1);
  });

  test('LISTEN answers ACK by RST, ignores RST, no flags, SYN-FIN (RFC 9293, 3.10.7.2)', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    expect(s.send({ flags: TCP_ACK, seq: 5, ack: 9 })).toMatchObject([{ flags: 'R', seq: 9 }]);
    expect(s.send({ flags: TCP_SYN | TCP_ACK, seq: 5, ack: 9 })).toMatchObject([{ flags: 'R' }]);
    expect(s.send({ flags: TCP_RST, seq: 5 })).toEqual([]);
    expect(s.send({ flags: 0, seq: 5 })).toEqual([]);
    expect(s.send({ flags: TCP_SYN | TCP_FIN, seq: 5 })).toEqual([]);
    s.assertClean();
  });

  test('a closed port answers by RST, and a RST by nothing (RFC 9293, 3.10.7.1)', () => {
    const s = new Script();
    const [rst] = s.send({ flags: TCP_SYN, seq: 0, data: 4 });
    expect(rst).toMatchObject({ flags: 'R.', seq: 0, ack: 5 });
    expect(s.send({ flags: TCP_RST, seq: 0 })).toEqual([]);
    s.assertClean();
  });

  test('unlisten() resets half-open connections and frees the port', () => {
    const s = new Script();
    const listener = s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: TCP_SYN, seq: 0, mss: 1460 });
    expect(() => s.host.tcp.listen(0, 0, 0, 0, 80)).toThrow('already listening');
    s.host.tcp.unlisten(listener, s.nowNs);
    expect(s.take().map((c) => c.flags)).toEqual(['R.']);
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.assertClean();
  });

  test('a listener on an address comes before one on any', () => {
    const s = new Script();
    const any = s.host.tcp.listen(0, 0, 0, 0, 80);
    s.listener = any;
    const bound = s.host.tcp.listen(0, 0, 0xffff, s.host.address, 80);
    expect(s.accept().listener).toBe(bound.id);
    expect(any.accepted).toBe(0);
  });
});

describe('connect()', () => {
  test('says Unreachable, Exists and LimitReached as numbers', () => {
    const s = new Script({ config: { connectionsMax: 1 } });
    const flow = new IpFlow();
    flow.remote2 = 0xffff;
    flow.remote3 = 0x0a000002;
    s.host.routeStatus = -6;
    expect(s.host.tcp.connect(flow, 1, 0, s.nowNs)).toBe(-6);
    s.host.routeStatus = 0;
    expect(typeof s.host.tcp.connect(flow, 1, 7, s.nowNs)).toBe('object');
    expect(s.host.tcp.connect(flow, 1, 7, s.nowNs)).toBe(-11);
    expect(s.host.tcp.connect(flow, 1, 0, s.nowNs)).toBe(-10);
  });

  test('chooses ephemeral ports that differ and lie in the range (RFC 6056)', () => {
    const s = new Script({ config: { ephemeralPortMin: 50_000, ephemeralPortMax: 50_009 } });
    const flow = new IpFlow();
    flow.remote2 = 0xffff;
    flow.remote3 = 0x0a000002;
    const ports = new Set<number>();
    for (let i = 0; i < 10; i += 1) {
      const tcb = s.host.tcp.connect(flow, 1, 0, s.nowNs);
      if (typeof tcb === 'number') throw new TypeError('no port');
      ports.add(tcb.localPort);
    }
    expect([...ports].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, i) => 50_000 + i),
    );
    expect(s.host.tcp.connect(flow, 1, 0, s.nowNs)).toBe(-10);
  });

  test('initial sequence numbers differ by peer and advance with time (RFC 6528)', () => {
    const s = new Script();
    const first = s.connect();
    const iss = first.iss;
    s.host.tcp.abort(first, s.nowNs);
    s.nowNs += 4_000_000;
    expect(s.connect().iss).toBe((iss + 1000) | 0);
    const other = new Script({ seed: 2 });
    expect(other.connect().iss).not.toBe(iss);
  });
});

test('data with the SYN-ACK, and right behind it, is taken (RFC 9293, 3.10.7.3)', () => {
  const s = new Script();
  s.connect();
  s.egress();
  s.inject({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1460, data: pattern(0, 10) });
  s.inject({ flags: TCP_ACK, seq: 11, ack: 1, data: 20 });
  expect(s.host.log).toEqual(['opened', 'data 10', 'data 20']);
  expect(s.egress()).toMatchObject([{ flags: '.', ack: 31 }]);
});
