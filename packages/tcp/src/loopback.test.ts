import { describe, expect, test } from 'bun:test';
import { IpFlow, IpMeta } from '@tickwire/wire';
import type { Tcb } from './tcb.ts';
import { Host } from './testing/host.ts';
import { pattern } from './testing/scripted-peer.ts';

/** Hands what the host has sent to itself, the very frames. */
function deliver(host: Host, nowNs: number, family: number = 4): number {
  const sent = host.sent.splice(0);
  for (const s of sent) {
    const meta = new IpMeta();
    meta.family = family;
    meta.src0 = family === 6 ? 0x20010db8 : 0;
    meta.dst0 = meta.src0;
    meta.src2 = family === 6 ? 0 : 0xffff;
    meta.dst2 = meta.src2;
    meta.src3 = s.local3;
    meta.dst3 = s.remote3;
    meta.protocol = 6;
    meta.at = s.at;
    meta.length = s.length;
    meta.frame = s.frame;
    host.tcp.segmentArrives(meta, nowNs);
  }
  return sent.length;
}

describe('a connection of an instance with itself', () => {
  test('a frame is in its send queue and in its receive queue at once', () => {
    const host = new Host({ startNs: 1e9 });
    let nowNs = 1e9;
    const opened: Tcb[] = [];
    host.onOpened = (tcb): void => {
      opened.push(tcb);
    };
    host.tcp.listen(0, 0, 0, 0, 80);
    const flow = new IpFlow();
    flow.local2 = 0xffff;
    flow.local3 = host.address;
    flow.remote2 = 0xffff;
    flow.remote3 = host.address;
    const client = host.tcp.connect(flow, 80, 4000, nowNs);
    if (typeof client === 'number') throw new TypeError('connect');
    const run = (rounds: number): void => {
      for (let i = 0; i < rounds; i += 1) {
        nowNs += 1e6;
        host.tcp.timers(nowNs);
        host.tcp.egress(nowNs);
        deliver(host, nowNs);
      }
    };
    run(4);
    const server = opened.find((tcb) => tcb.listener >= 0)!;
    host.tcp.pause(server);
    host.tcp.write(client, pattern(0, 20_000), 0, 20_000);
    run(60);
    expect(server.rqBytes).toBe(20_000);
    host.tcp.resume(server);
    expect(Buffer.from(host.of(server).bytes)).toEqual(Buffer.from(pattern(0, 20_000)));
    host.tcp.shutdown(client);
    host.tcp.shutdown(server);
    run(10);
    nowNs += 61e9;
    run(3);
    expect(host.tcp.connectionCount).toBe(0);
    expect(host.framesInUse()).toBe(0);
  });

  test('a SYN to its own 4-tuple is a simultaneous open with itself (RFC 9293, 3.5)', () => {
    const host = new Host({ startNs: 1e9 });
    const flow = new IpFlow();
    flow.local2 = 0xffff;
    flow.local3 = host.address;
    flow.remote2 = 0xffff;
    flow.remote3 = host.address;
    const tcb = host.tcp.connect(flow, 4000, 4000, 1e9);
    if (typeof tcb === 'number') throw new TypeError('connect');
    for (let nowNs = 1e9; nowNs < 1.01e9; nowNs += 1e6) {
      host.tcp.timers(nowNs);
      host.tcp.egress(nowNs);
      deliver(host, nowNs);
    }
    expect(host.of(tcb).opened).toBe(1);
    host.tcp.abort(tcb, 1.02e9);
    for (const s of host.sent.splice(0)) host.arena.free(s.frame);
    expect(host.framesInUse()).toBe(0);
  });

  test('over IPv6 segments are smaller by the header, and the table keys by all words', () => {
    const host = new Host({ startNs: 1e9, address: 7 });
    let nowNs = 1e9;
    host.tcp.listen(0x20010db8, 0, 0, 7, 80);
    const flow = new IpFlow();
    flow.family = 6;
    flow.local0 = 0x20010db8;
    flow.local3 = 7;
    flow.remote0 = 0x20010db8;
    flow.remote3 = 7;
    // Another pair of addresses that differs in one word only.
    flow.local2 = 1;
    const wrong = host.tcp.connect(flow, 80, 4001, nowNs);
    expect(typeof wrong).toBe('object');
    flow.local2 = 0;
    const client = host.tcp.connect(flow, 80, 4000, nowNs);
    if (typeof client === 'number') throw new TypeError('connect');
    host.tcp.abort(wrong as Tcb, nowNs);
    host.tcp.write(client, pattern(0, 5000), 0, 5000);
    for (let i = 0; i < 12; i += 1) {
      nowNs += 1e6;
      host.tcp.timers(nowNs);
      host.tcp.egress(nowNs);
      deliver(host, nowNs, 6);
    }
    expect(host.of(client).opened).toBe(1);
    expect(client.mss).toBe(1500 - 40 - 20 - 12);
    const server = [...host.seen.values()].find((seen) => seen.tcb.listener >= 0)!;
    expect(Buffer.from(server.bytes)).toEqual(Buffer.from(pattern(0, 5000)));
  });
});
