import { describe, expect, test } from 'bun:test';
import { Congestion } from './config.ts';
import { BbrMode } from './congestion/bbr-state.ts';
import { TcpInfo } from './info.ts';
import { CloseReason, closeReasonName, State, stateName } from './state.ts';
import { Script } from './testing/scripted-peer.ts';

const MS = 1_000_000;

describe('info()', () => {
  test('speaks in the terms of TCP_INFO', () => {
    const s = new Script();
    s.host.tcp.listen(0, 0, 0, 0, 80);
    s.send({ flags: 2, seq: 0, mss: 1000, sackPermitted: true, scale: 2 });
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1, window: 10_000 });
    const tcb = s.tcb();
    s.write(tcb, 0, 12_500);
    s.egress();
    s.nowNs += 20 * MS;
    s.send({ seq: 1, ack: 1001, window: 10_000 });
    s.send({ seq: 1, ack: 1001, window: 10_000, sack: [[2001, 6001]] });
    const info = new TcpInfo();
    s.host.tcp.info(tcb, info);
    expect(info).toMatchObject({
      state: State.Established,
      caState: 3,
      options: 2 | 4,
      sndWscale: 2,
      sndMss: 1000,
      rttNs: 20 * MS,
      minRttNs: 20 * MS,
      rtoNs: 200 * MS,
      sacked: 4,
      lost: 1,
      retrans: 1,
      totalRetrans: 1,
      bytesAcked: 1000,
      sndWndBytes: 40_000,
      notsentBytes: 12_500 + 1 - ((tcb.sndNxt - tcb.iss) | 0),
    });
    expect(info.unacked).toBe(Math.ceil(((tcb.sndNxt - tcb.sndUna) | 0) / 1000));
    expect(info.rcvWndBytes).toBeGreaterThan(60_000);
  });

  test('an idle connection is open and has nothing outstanding', () => {
    const s = new Script();
    const tcb = s.accept();
    const info = new TcpInfo();
    s.host.tcp.info(tcb, info);
    expect(info).toMatchObject({ caState: 0, unacked: 0, lost: 0, sacked: 0, bytesInFlight: 0 });
  });

  test('tells what BBR does, and -1 under another controller', () => {
    const s = new Script();
    const tcb = s.accept();
    const info = new TcpInfo();
    s.host.tcp.info(tcb, info);
    expect(info.bbrMode).toBe(-1);
    s.host.tcp.setCongestion(tcb, Congestion.Bbr, s.nowNs);
    s.host.tcp.info(tcb, info);
    expect(info.bbrMode).toBe(BbrMode.Startup);
    tcb.bbr!.mode = BbrMode.ProbeRtt;
    s.host.tcp.info(tcb, info);
    expect(info.bbrMode).toBe(BbrMode.ProbeRtt);
    s.host.tcp.setCongestion(tcb, Congestion.Cubic, s.nowNs);
    s.host.tcp.info(tcb, info);
    expect(info.bbrMode).toBe(-1);
  });
});

describe('the list of connections', () => {
  test('shows every state and ends', () => {
    const s = new Script();
    s.accept();
    s.connect(4001);
    s.connect(4002);
    const states: string[] = [];
    const { tcp } = s.host;
    for (let slot = tcp.firstConnection(); slot >= 0; slot = tcp.nextConnection(slot)) {
      states.push(stateName(tcp.connection(slot).state));
    }
    expect(states.sort()).toEqual(['ESTABLISHED', 'SYN-SENT', 'SYN-SENT']);
    expect(tcp.connectionCount).toBe(3);
  });

  test('a handle of slot and generation notices that the slot is used again', () => {
    const s = new Script();
    const first = s.connect(4001);
    const { slot, generation } = first;
    s.host.tcp.abort(first, s.nowNs);
    const second = s.connect(4002);
    expect(second.slot).toBe(slot);
    expect(second.generation).not.toBe(generation);
  });
});

test('states and reasons have names', () => {
  for (const state of Object.values(State)) expect(stateName(state)).not.toBe('UNKNOWN');
  for (const reason of Object.values(CloseReason)) {
    expect(closeReasonName(reason)).not.toBe('unknown');
  }
  expect(stateName(99)).toBe('UNKNOWN');
});
