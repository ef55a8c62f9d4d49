import { describe, expect, test } from 'bun:test';
import { Recovery } from './recovery.ts';
import { Crossed } from './testing/crossed.ts';

/** More than half of the sequence space. */
const BYTES = 2 ** 31 + 2 ** 27;
const SEGMENT = 1448;

/** Sends full-sized segments only, so that marks that others move stay where they are. */
function bulk(pair: Crossed): void {
  const { a } = pair;
  let sent = 0;
  while (sent < BYTES) {
    for (let i = 0; i < 60; i += 1) {
      const at = a.tcp.reserve(a.tcb!, SEGMENT);
      if (at < 0) break;
      a.tcp.commit(a.tcb!, SEGMENT);
      sent += SEGMENT;
    }
    pair.round(20_000);
  }
  for (let i = 0; i < 4; i += 1) pair.round(20_000);
}

describe('after two gigabytes sequence numbers have come round', () => {
  test('no mark of the sender is left behind, nor the mark of urgent data', () => {
    const pair = new Crossed({ nagle: true, ecn: 1 });
    pair.open();
    const tcb = pair.a.tcb!;
    pair.a.tcp.writeUrgent(tcb, new Uint8Array(SEGMENT), 0, SEGMENT);
    const start = tcb.sndUna;
    tcb.undoCount = 1;
    tcb.undoLeft = start;
    tcb.undoRight = start;
    bulk(pair);
    expect(tcb.undoCount).toBe(-1);
    expect(((tcb.sndUna - start) | 0) < 0).toBe(true);
    for (const mark of [tcb.sndSmall, tcb.sackHigh, tcb.ecnRecover, tcb.recover]) {
      expect(((mark - tcb.sndUna) | 0) <= 0).toBe(true);
    }
    expect(tcb.recovery).toBe(Recovery.Open);
    // Nagle would hold this back for ever, were its mark still that of the first byte.
    const before = pair.b.received;
    pair.a.tcp.write(tcb, new Uint8Array(10), 0, 10);
    pair.round(20_000);
    expect(pair.b.received - before).toBe(10);
    const { tcp } = pair.b;
    expect([tcp.counters.urgentMarks, tcp.urgentBytes(pair.b.tcb!)]).toEqual([1, 0]);
    pair.a.tcp.writeUrgent(tcb, new Uint8Array(10), 0, 10);
    pair.round(20_000);
    expect(tcp.counters.urgentMarks).toBe(2);
  });
});
