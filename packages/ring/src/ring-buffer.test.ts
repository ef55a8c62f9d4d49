import { describe, expect, test } from 'bun:test';
import { ManualClock, NetError, Status } from '@tickwire/base';
import { consumerAt, PRODUCER_AT, STRIDE_WORDS } from './layout.ts';
import { describeRing, RingMonitor } from './monitor.ts';
import { lastConsumers, RingBuffer, type RingOptions } from './ring-buffer.ts';
import { Sequence } from './sequence.ts';

const SIMPLE: RingOptions = {
  name: 'test',
  slots: 4,
  slotBytes: 8,
  consumers: [{ name: 'reader', after: [] }],
};
const DIAMOND: RingOptions = {
  name: 'input',
  slots: 4,
  slotBytes: 8,
  consumers: [
    { name: 'journal', after: [] },
    { name: 'replication', after: [] },
    { name: 'book', after: ['journal', 'replication'] },
    { name: 'publisher', after: ['book'] },
  ],
};

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof NetError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

describe('Sequencer', () => {
  test('tryClaim() returns consecutive sequences and Again when the ring is full', () => {
    const ring = RingBuffer.create(SIMPLE);
    const producer = ring.producer();
    const reader = ring.consumer('reader');
    expect(producer.tryClaim(3)).toBe(0);
    expect(producer.tryClaim(1)).toBe(3);
    expect(producer.tryClaim(1)).toBe(Status.Again);
    expect(producer.pending).toBe(4);
    producer.publish(4);
    expect(producer.tryClaim(1)).toBe(Status.Again);
    expect(producer.remaining()).toBe(0);
    expect(reader.poll(8)).toBe(4);
    reader.release(1);
    expect(producer.remaining()).toBe(1);
    expect(producer.tryClaim(2)).toBe(Status.Again);
    expect(producer.tryClaim(1)).toBe(4);
  });

  test('tryClaim() refuses more slots than the ring has', () => {
    expect(RingBuffer.create(SIMPLE).producer().tryClaim(5)).toBe(Status.TooLong);
  });

  test('publish() gives back what was claimed and not filled', () => {
    const ring = RingBuffer.create(SIMPLE);
    const producer = ring.producer();
    expect(producer.tryClaim(4)).toBe(0);
    producer.publish(1);
    expect(ring.consumer('reader').poll(8)).toBe(1);
    expect(producer.tryClaim(3)).toBe(1);
  });

  test('publish() of more than was claimed is an assertion', () => {
    const producer = RingBuffer.create(SIMPLE).producer();
    producer.tryClaim(1);
    expect(() => producer.publish(2)).toThrow('Only claimed slots');
  });

  test('claim() with a timeout gives up with Again when nobody releases', () => {
    const clock = new ManualClock();
    // The clock moves by itself when it is read, so the test depends on no real time.
    const ticking = {
      nowNs(): number {
        clock.advance(100);
        return clock.nowNs();
      },
    };
    const ring = RingBuffer.create({ ...SIMPLE, wait: 'spin' }, { clock: ticking });
    const producer = ring.producer();
    producer.tryClaim(4);
    producer.publish(4);
    expect(producer.claim(1, 10_000)).toBe(Status.Again);
    expect(clock.nowNs()).toBeGreaterThan(10_000);
  });
});

describe('Consumer', () => {
  test('poll() shows what is published and no more than the limit', () => {
    const ring = RingBuffer.create(SIMPLE);
    const producer = ring.producer();
    const reader = ring.consumer('reader');
    expect(reader.poll(8)).toBe(0);
    const at = producer.tryClaim(3);
    ring.view.setInt32(ring.slotAt(at + 2), 42, true);
    expect(reader.poll(8)).toBe(0);
    producer.publish(3);
    expect(reader.poll(2)).toBe(2);
    reader.release(2);
    expect(reader.poll(8)).toBe(1);
    expect(ring.view.getInt32(ring.slotAt(reader.next), true)).toBe(42);
  });

  test('release() of what was not ready is an assertion', () => {
    const reader = RingBuffer.create(SIMPLE).consumer('reader');
    expect(() => reader.release(1)).toThrow('Only messages that were ready');
  });

  test('a stage sees a message only after every stage before it', () => {
    const ring = RingBuffer.create(DIAMOND);
    const producer = ring.producer();
    const journal = ring.consumer('journal');
    const replication = ring.consumer('replication');
    const book = ring.consumer('book');
    producer.tryClaim(4);
    producer.publish(4);
    journal.poll(9);
    journal.release(3);
    expect(book.poll(9)).toBe(0);
    replication.poll(9);
    replication.release(2);
    expect(book.poll(9)).toBe(2);
    book.release(2);
    expect(producer.remaining()).toBe(0); // The publisher still has them.
    const publisher = ring.consumer('publisher');
    expect(publisher.poll(9)).toBe(2);
    publisher.release(2);
    expect(producer.remaining()).toBe(2);
  });

  test('wait() in a finished ring drains behind a slow stage, then says BadState', () => {
    const ring = RingBuffer.create(DIAMOND);
    const producer = ring.producer();
    const journal = ring.consumer('journal');
    const replication = ring.consumer('replication');
    const book = ring.consumer('book');
    producer.tryClaim(3);
    producer.publish(2);
    producer.finish();
    expect(producer.tryClaim(1)).toBe(Status.BadState);
    for (const stage of [journal, replication]) {
      // The end is not yet visible to the book: the stages before it still have messages.
      expect(book.wait(8, 0)).toBe(Status.Again);
      expect(stage.wait(8, Number.POSITIVE_INFINITY)).toBe(2);
      stage.release(2);
      expect(stage.wait(8, Number.POSITIVE_INFINITY)).toBe(Status.BadState);
    }
    expect(book.wait(8, Number.POSITIVE_INFINITY)).toBe(2);
    book.release(2);
    expect(book.wait(8, Number.POSITIVE_INFINITY)).toBe(Status.BadState);
  });

  test('wait() in a halted ring takes what is ready and waits for nobody', () => {
    const ring = RingBuffer.create(SIMPLE);
    const producer = ring.producer();
    const reader = ring.consumer('reader');
    producer.tryClaim(2);
    producer.publish(2);
    ring.halt();
    expect(producer.tryClaim(1)).toBe(Status.BadState);
    expect(reader.wait(8, Number.POSITIVE_INFINITY)).toBe(2);
    reader.release(2);
    expect(reader.wait(8, Number.POSITIVE_INFINITY)).toBe(Status.BadState);
  });

  test('a new holder of the role goes on where the last one stopped', () => {
    const ring = RingBuffer.create(SIMPLE);
    const producer = ring.producer();
    producer.tryClaim(3);
    producer.publish(3);
    {
      using first = ring.consumer('reader');
      first.poll(9);
      first.release(2);
    }
    expect(ring.consumer('reader').next).toBe(2);
  });
});

describe('RingBuffer', () => {
  const near = [0, 2 ** 24 - 3, 2 ** 31 - 3, 2 ** 32 - 3, 2 ** 40, 2 ** 52 - 3];

  test.each(near)('carries messages across the wrap that follows sequence %d', (start) => {
    const ring = RingBuffer.create({ ...SIMPLE, initialSequence: start });
    const producer = ring.producer();
    const there = RingBuffer.attach(structuredClone(ring.descriptor));
    const reader = there.consumer('reader');
    let expected = start;
    for (let i = 0; i < 10; i++) {
      const at = producer.tryClaim(3);
      expect(at).toBe(start + i * 3);
      for (let k = 0; k < 3; k++) ring.view.setFloat64(ring.slotAt(at + k), at + k, true);
      producer.publish(3);
      expect(reader.poll(9)).toBe(3);
      for (let k = 0; k < 3; k++, expected++) {
        expect(there.view.getFloat64(there.slotAt(reader.next + k), true)).toBe(expected);
      }
      reader.release(3);
    }
    // A handle that is opened now knows the whole count, not only its low 32 bits.
    expect(RingBuffer.attach(ring.descriptor).producerSequence().count).toBe(start + 30);
  });

  test('a sequence that slept over 2^32 messages is right again after resync()', () => {
    const words = new Int32Array(new SharedArrayBuffer(STRIDE_WORDS * 4));
    const writer = new Sequence('w', words, 0);
    const sleeper = new Sequence('s', words, 0);
    for (let count = 0; count < 2 ** 33; count += 2 ** 22) writer.store(count);
    writer.store(2 ** 33 + 7);
    expect(sleeper.load()).not.toBe(2 ** 33 + 7);
    expect(sleeper.resync()).toBe(2 ** 33 + 7);
  });

  test('attach() refuses memory of another shape', () => {
    const { descriptor } = RingBuffer.create(SIMPLE);
    expect(codeOf(() => RingBuffer.attach({ ...descriptor, slots: 8 }))).toBe('ERR_TW_FORMAT');
    const blank = { ...descriptor, sab: new SharedArrayBuffer(descriptor.sab.byteLength) };
    expect(codeOf(() => RingBuffer.attach(blank))).toBe('ERR_TW_FORMAT');
  });

  test('a role has one holder until it is disposed of or evicted', () => {
    const ring = RingBuffer.create(SIMPLE);
    const other = RingBuffer.attach(ring.descriptor);
    const first = ring.producer();
    expect(codeOf(() => other.producer())).toBe('EADDRINUSE');
    first[Symbol.dispose]();
    other.producer();
    ring.evict('producer');
    ring.producer();
    expect(codeOf(() => ring.consumer('nobody'))).toBe('ENOENT');
  });

  test.each([
    { slots: 3 },
    { slots: 1 },
    { slots: 2 ** 25 },
    { slotBytes: 12 },
    { slotBytes: 0 },
    { consumers: [] },
    { initialSequence: -1 },
    { consumers: [{ name: 'a', after: ['b'] }] },
    { consumers: [{ name: 'a', after: ['a'] }] },
    {
      consumers: [
        { name: 'a', after: [] },
        { name: 'a', after: [] },
      ],
    },
  ])('create() refuses %o', (wrong) => {
    expect(codeOf(() => RingBuffer.create({ ...SIMPLE, ...wrong }))).toBe('ERR_TW_CONFIG');
  });

  test('lastConsumers() names those that nobody waits for', () => {
    expect(lastConsumers(DIAMOND.consumers)).toEqual(['publisher']);
  });

  test('cursors lie 128 bytes apart, and slots behind the last one', () => {
    const ring = RingBuffer.create(DIAMOND);
    expect(PRODUCER_AT * 4).toBe(128);
    expect(consumerAt(3) * 4).toBe(5 * 128);
    expect(ring.slotAt(0)).toBe(6 * 128);
    expect(ring.slotAt(5)).toBe(6 * 128 + 8);
  });
});

describe('RingMonitor', () => {
  test('diagnose() blames the stage that has work, not the stages that wait for it', () => {
    const ring = RingBuffer.create(DIAMOND);
    const monitor = new RingMonitor(ring, 0);
    const producer = ring.producer();
    const replication = ring.consumer('replication');
    ring.consumer('journal');
    producer.tryClaim(4);
    producer.publish(4);
    replication.poll(9);
    replication.release(4);
    monitor.diagnose(1e9);
    const report = monitor.diagnose(3e9);
    expect(report.full).toBe(true);
    expect(report.blocker?.name).toBe('journal');
    expect(report.blocker?.stalledNs).toBe(3e9);
    expect(report.consumers.map((c) => [c.name, c.lag, c.ready])).toEqual([
      ['journal', 4, 4],
      ['replication', 0, 0],
      ['book', 4, 0],
      ['publisher', 4, 0],
    ]);
    expect(describeRing(report)).toBe(
      'ring input is full (4 of 4): journal is 4 behind and has not moved for 3.00 s',
    );
  });

  test('diagnose() blames nobody when all have caught up, and says when a role is empty', () => {
    const ring = RingBuffer.create(SIMPLE);
    const monitor = new RingMonitor(ring, 0);
    expect(monitor.diagnose(5e9).blocker).toBeUndefined();
    const producer = ring.producer();
    producer.tryClaim(1);
    producer.publish(1);
    expect(describeRing(monitor.diagnose(6e9))).toContain('reader (no thread attached) is 1');
  });
});
