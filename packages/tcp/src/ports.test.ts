import { describe, expect, test } from 'bun:test';
import { Status } from '@tickwire/base';
import { IpFlow, TCP_ACK, TCP_FIN, TCP_SYN } from '@tickwire/wire';
import type { TcpConfig } from './config.ts';
import { PORT_TRIES_MAX } from './limits.ts';
import { State } from './state.ts';
import type { Tcb } from './tcb.ts';
import { RAW_ADDRESS, RawClient, RawHost } from './testing/raw-host.ts';
import { Script } from './testing/scripted-peer.ts';

const SECOND = 1_000_000_000;

const flowTo = (remote: number): IpFlow => {
  const flow = new IpFlow();
  flow.remote2 = 0xffff;
  flow.remote3 = remote;
  return flow;
};

/** Opens `count` connections to one destination; returns their local ports. */
function connect(host: RawHost, remote: number, remotePort: number, count: number): number[] {
  const ports: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const tcb = host.tcp.connect(flowTo(remote), remotePort, 0, host.nowNs);
    if (typeof tcb === 'number') throw new TypeError(`connect: ${tcb}`);
    ports.push(tcb.localPort);
  }
  return ports;
}

describe('local ports (RFC 6056, 3.3.4)', () => {
  test('one destination gets rising ports with gaps that nobody can count', () => {
    const host = new RawHost();
    const ports = connect(host, 7, 80, 200);
    const gaps = ports.slice(1).map((port, i) => (port - ports[i]! + 16_384) % 16_384);
    expect(Math.min(...gaps)).toBe(1);
    expect(Math.max(...gaps)).toBe(8);
    expect(new Set(gaps).size).toBe(8);
  });

  test('another destination, and another instance, begins somewhere else', () => {
    const begin = (seed: number, remote: number, port: number): number =>
      connect(new RawHost({}, 64, seed), remote, port, 1)[0]!;
    const begins = [begin(1, 7, 80), begin(1, 8, 80), begin(1, 7, 81), begin(2, 7, 80)];
    expect(new Set(begins).size).toBe(4);
  });

  test('connections to one destination say nothing about the next port to another', () => {
    const quiet = new RawHost();
    const busy = new RawHost();
    connect(busy, 7, 80, 100);
    expect(connect(busy, 9, 443, 1)).toEqual(connect(quiet, 9, 443, 1));
  });

  test('more than 65,536 connections go out, to different destinations', () => {
    const host = new RawHost({ connectionsMax: 70_000 });
    for (let i = 0; i < 70; i += 1) connect(host, 100 + i, 80, 1000);
    expect(host.tcp.connectionCount).toBe(70_000);
  });

  test('when nearly all are taken the cost stays below the limit and the free one is found', () => {
    const host = new RawHost({ connectionsMax: 16_384 });
    connect(host, 7, 80, 16_000);
    const spare = host.tcp.connection(1234);
    const port = spare.localPort;
    // Calls that end in LimitReached go on where they stopped.
    for (let i = 0; i < 2000 && host.tcp.connectionCount < 16_384; i += 1) {
      host.tcp.connect(flowTo(7), 80, 0, host.nowNs);
    }
    expect(host.tcp.connectionCount).toBe(16_384);
    host.tcp.abort(spare, host.nowNs);
    let calls = 0;
    let tcb: Tcb | number = Status.LimitReached;
    while (typeof tcb === 'number' && calls <= 16) {
      tcb = host.tcp.connect(flowTo(7), 80, 0, host.nowNs);
      calls += 1;
    }
    expect(typeof tcb === 'number' ? tcb : tcb.localPort).toBe(port);
    expect(calls).toBeLessThanOrEqual(16_384 / PORT_TRIES_MAX + 1);
  });
});

describe('ports in TIME-WAIT', () => {
  const config: Partial<TcpConfig> = { ephemeralPortMin: 50_000, ephemeralPortMax: 50_003 };

  /** Connects and closes first, so that this side keeps TIME-WAIT. */
  function once(s: Script, timestamps: boolean): number {
    const tcb = s.host.tcp.connect(flowTo(s.peerAddress), s.peerPort, 0, s.nowNs);
    if (typeof tcb === 'number') return tcb;
    const port = tcb.localPort;
    s.egress();
    // The script's own port is where its segments go.
    const to = { ...(timestamps ? { tsVal: 1, tsEcr: s.lastTsEcr } : {}), to: port };
    s.send({ flags: TCP_SYN | TCP_ACK, seq: 0, ack: 1, mss: 1460, ...to });
    s.host.tcp.close(tcb, s.nowNs);
    s.egress();
    s.send({ flags: TCP_FIN | TCP_ACK, seq: 1, ack: 2, ...to });
    return port;
  }

  test('are not used while others are free, and then only with newer timestamps (RFC 6191)', () => {
    const s = new Script({ config });
    const ports = [once(s, true), once(s, true), once(s, true), once(s, true)];
    expect(ports.toSorted((a, b) => a - b)).toEqual([50_000, 50_001, 50_002, 50_003]);
    expect(once(s, true)).toBe(Status.LimitReached);
    s.nowNs += 1.5 * SECOND;
    const before = new Map<number, number>();
    for (let slot = 0; slot < 4; slot += 1) {
      const { localPort, sndNxt } = s.host.tcp.connection(slot);
      before.set(localPort, sndNxt);
    }
    const port = once(s, true);
    // Behind everything that the connection before has sent (RFC 9293, 3.6.1).
    expect((s.hostIsn - before.get(port)!) | 0).toBeGreaterThan(0);
    expect(s.host.tcp.counters.timeWaitReused).toBe(1);
  });

  test('may be named, and are used again with newer timestamps only (RFC 6191)', () => {
    for (const timestamps of [true, false]) {
      const s = new Script({ config });
      const port = once(s, timestamps);
      const again = (): number | Tcb =>
        s.host.tcp.connect(flowTo(s.peerAddress), s.peerPort, port, s.nowNs);
      expect(again()).toBe(Status.Exists);
      s.nowNs += 1.5 * SECOND;
      const tcb = again();
      if (!timestamps) expect(tcb).toBe(Status.Exists);
      else expect(tcb).toMatchObject({ localPort: port, state: State.SynSent });
      expect(s.host.tcp.counters.timeWaitReused).toBe(timestamps ? 1 : 0);
      expect(again()).toBe(Status.Exists);
    }
  });

  test('stay taken without timestamps until TIME-WAIT is over', () => {
    const s = new Script({ config });
    for (let i = 0; i < 4; i += 1) once(s, false);
    s.nowNs += 1.5 * SECOND;
    expect(once(s, false)).toBe(Status.LimitReached);
    s.advance(60 * SECOND);
    expect(once(s, false)).toBeGreaterThan(0);
  });
});

test('a listener’s connections and those that go out never meet in one 4-tuple', () => {
  const host = new RawHost({ ephemeralPortMin: 80, ephemeralPortMax: 81 });
  host.tcp.listen(0, 0, 0, 0, 80);
  const client = new RawClient(host, 0x0a000009, 7777, 80);
  expect(client.open(1)).toBe(true);
  expect(host.last!.local3).toBe(RAW_ADDRESS);
  expect(connect(host, 0x0a000009, 7777, 1)).toEqual([81]);
  expect(host.tcp.connect(flowTo(0x0a000009), 7777, 80, 0)).toBe(Status.Exists);
});
