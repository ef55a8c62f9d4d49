/** What the runner watches without being told: promises that never move back. */

import { describe, expect, test } from 'bun:test';
import { Conversation, PEER_ISN, streamBytes } from './conversation.ts';

const key = { local: '10.0.0.1', localPort: 1, peer: '10.0.0.2', peerPort: 2 };

/** A conversation with scaling by 4 (shift 2). */
function scaled(): Conversation {
  const conversation = new Conversation(key);
  conversation.peerShift = 0;
  conversation.learnSyn(1000, 2);
  return conversation;
}

describe('Conversation.movedBack()', () => {
  test('accepts what moves on or stays', () => {
    const conversation = scaled();
    expect(conversation.movedBack(true, 1, 4000, 100)).toBe('');
    expect(conversation.movedBack(false, 1, 1000, 100)).toBe('');
    expect(conversation.movedBack(false, 1001, 750, 101)).toBe('');
    expect(conversation.movedBack(false, 1001, 900, undefined)).toBe('');
  });

  test('notices an acknowledgement, an edge and a clock that move back', () => {
    const conversation = scaled();
    conversation.movedBack(false, 1001, 1000, 100);
    expect(conversation.movedBack(false, 1000, 1001, 100)).toContain('acknowledgement');
    expect(conversation.movedBack(false, 1001, 999, 100)).toContain('right edge');
    expect(conversation.movedBack(false, 1001, 1000, 99)).toContain('timestamp');
  });

  test('compares across the seam of the sequence space', () => {
    const conversation = scaled();
    expect(conversation.movedBack(false, 0xffff_fff0, 100, 0xffff_ffff)).toBe('');
    expect(conversation.movedBack(false, 10, 100, 3)).toBe('');
    expect(conversation.movedBack(false, 0xffff_fff5, 100, 3)).toContain('acknowledgement');
  });

  test('begins anew with a new initial sequence number, not with a repeated SYN', () => {
    const conversation = scaled();
    conversation.movedBack(false, 5000, 1000, 100);
    conversation.learnSyn(1000, 2);
    expect(conversation.movedBack(false, 4999, 2000, 100)).toContain('acknowledgement');
    conversation.learnSyn(2000, 2);
    expect(conversation.movedBack(false, 1, 1, 1)).toBe('');
  });

  test('does not scale the window unless both sides have offered it', () => {
    const conversation = new Conversation(key);
    conversation.learnSyn(1000, 2);
    conversation.movedBack(false, 1, 1000, undefined);
    expect(conversation.movedBack(false, 501, 500, undefined)).toBe('');
    expect(conversation.movedBack(false, 501, 499, undefined)).toContain('right edge');
  });
});

describe('Conversation.isBeyondWindow()', () => {
  test('knows the largest window that was offered, scaled when it is', () => {
    const conversation = scaled();
    conversation.peerShift = 3;
    expect(conversation.isBeyondWindow(1_000_000)).toBe(false);
    conversation.offer(true, undefined, 1000);
    expect(conversation.isBeyondWindow(1001)).toBe(false);
    expect(conversation.isBeyondWindow(1002)).toBe(true);
    conversation.offer(false, 501, 100);
    expect(conversation.isBeyondWindow(1301)).toBe(false);
    expect(conversation.isBeyondWindow(1302)).toBe(true);
    conversation.offer(false, 501, 1);
    expect(conversation.isBeyondWindow(1301)).toBe(false);
  });
});

describe('relative numbers', () => {
  test('go to the wire and back, across the seam', () => {
    const conversation = scaled();
    for (const seq of [0, 1, 3999, 4000, 4001, 100_000, 4_294_967_295]) {
      expect(conversation.peerSeqToScript(conversation.peerSeqToWire(seq))).toBe(seq);
      expect(conversation.hostSeqToScript(conversation.hostSeqToWire(seq))).toBe(seq);
    }
    expect((PEER_ISN + 4000) % 2 ** 32).toBe(0);
  });

  test('of timestamps begin at 100, and 0 stays 0', () => {
    const conversation = scaled();
    expect(conversation.hostTsToScript(77_000)).toBe(100);
    expect(conversation.hostTsToScript(77_250)).toBe(350);
    expect(conversation.hostTsToWire(350)).toBe(77_250);
    expect(conversation.hostTsToWire(0)).toBe(0);
  });
});

test('streamBytes() is not equal to itself shifted by anything up to a window', () => {
  const bytes = streamBytes(0, 70_000);
  for (const shift of [1, 2, 4, 8, 16, 100, 256, 536, 1000, 1448, 1460, 4096, 65_536]) {
    let equal = 0;
    for (let i = 0; i < 1000; i += 1) if (bytes[i] === bytes[i + shift]) equal += 1;
    expect(equal).toBeLessThan(100);
  }
});
