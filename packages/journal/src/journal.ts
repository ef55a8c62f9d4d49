/**
 * The write-ahead log: what is appended here survives, by a stated policy.
 *
 * @module
 */

import { assert, NetError, Status, wallClockMs } from '@tickwire/base';
import { Batch } from './batch.ts';
import { SEGMENT_HEADER_BYTES } from './format.ts';
import {
  BATCH_BYTES_DEFAULT,
  checkBeginning,
  checkOptions,
  type JournalOptions,
  type JournalPolicy,
  randomNonce,
  SEGMENT_BYTES_DEFAULT,
} from './options.ts';
import { JournalReader } from './reader.ts';
import { type Cut, recover, type Recovery, type SegmentInfo } from './recovery.ts';
import { emitSegmentHeader, segmentName, syncOrThrow, writeZeros } from './segment.ts';
import {
  findSnapshot,
  loadSnapshot,
  removeSnapshot,
  type SnapshotSearch,
  snapshotSequences,
  storeSnapshot,
} from './snapshot.ts';
import { SpareSegment } from './spare.ts';
import { type BackgroundSync, type Storage, storageError, writeFully } from './storage.ts';

/** Snapshots that {@link Journal.prune} keeps: the newest, and one to fall back on. */
export const SNAPSHOTS_KEPT = 2;

/**
 * The writer of a journal, and the door to its reader and snapshots. One thread, one per directory.
 *
 * After a failed write or sync nothing more is accepted: {@link failure} says why, every call
 * returns `Status.BadState`, and the durable cursor stands still. Only a restart, which reads back
 * what is really there, goes on.
 *
 * @example
 * ```ts
 * using journal = Journal.open({ storage: new FileStorage('data'), policy: 'group-commit' });
 * if (journal.append(bytes, at, 32, journal.nextSequence) < 0) stop(journal.failure);
 * if (journal.commit() < 0) stop(journal.failure);
 * release(journal.releasableSequence);
 * ```
 */
export class Journal {
  readonly policy: JournalPolicy;
  /** What recovery had to cut from the end; undefined after an orderly shutdown. Log it. */
  readonly cut: Cut | undefined;
  /**
   * Rotations that had to fill the new file on the spot because {@link maintain} was not called
   * enough.
   */
  lateRotations = 0;
  readonly #storage: Storage;
  readonly #segmentBytes: number;
  readonly #createdMs: number;
  readonly #nonce: number;
  readonly #batch: Batch;
  readonly #spare: SpareSegment;
  readonly #background: BackgroundSync | undefined;
  /** Segments before the current one. */
  readonly #closed: SegmentInfo[] = [];
  #fd = -1;
  #first = 0;
  /** Where the next batch goes in the current segment. */
  #position = 0;
  #written: number;
  #durable: number;
  #syncing: number;
  /** False when the last data batch has no later batch that proves it durable. */
  #sealed: boolean;
  #open = true;
  #failure: NetError | undefined;

  private constructor(options: JournalOptions, found: Recovery | undefined) {
    const { storage, policy } = options;
    this.policy = policy;
    this.cut = found?.cut;
    this.#storage = storage;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
    this.#createdMs = options.nowMs ?? wallClockMs();
    this.#nonce = found?.nonce ?? options.nonce ?? randomNonce();
    this.#spare = new SpareSegment(storage, this.#segmentBytes);
    const last = found?.lastSequence ?? (options.firstSequence ?? 1) - 1;
    const batchBytes = options.batchBytes ?? BATCH_BYTES_DEFAULT;
    this.#batch = new Batch(batchBytes, this.#nonce, last, found?.chain ?? 0);
    this.#sealed = found?.sealed ?? true;
    this.#written = last;
    this.#durable = last;
    this.#syncing = last;
    if (found !== undefined) this.#closed.push(...found.segments);
    if (policy !== 'none') {
      if (found === undefined) this.#startSegment();
      else this.#resumeSegment(found);
      this.#spare.fillInBackground();
    }
    this.#background = policy === 'async' ? storage.background() : undefined;
  }

  /**
   * Takes the directory, recovers what is in it and goes on behind it.
   *
   * @throws NetError `EADDRINUSE` when another writer has the directory; `ERR_TW_CORRUPT` when
   * something that was durable is damaged or missing; `ERR_TW_CONFIG` for an option out of range;
   * the storage's errors.
   */
  static open(options: JournalOptions): Journal {
    checkOptions(options);
    const { storage } = options;
    if (!storage.lock()) {
      const message = `Journal ${storage.path} has another writer; stop that one first`;
      throw new NetError('EADDRINUSE', message, { path: storage.path });
    }
    try {
      const found = recover(storage);
      checkBeginning(storage, found, options.firstSequence ?? 1);
      if (options.policy !== 'none') {
        for (const name of storage.list()) if (name.endsWith('.tmp')) storage.remove(name);
      }
      return new Journal(options, found);
    } catch (error) {
      storage.unlock();
      throw error;
    }
  }

  /** The sequence that the next record must have. */
  get nextSequence(): number {
    return this.#batch.next;
  }

  /** Last sequence handed to the kernel: survives the death of the process. */
  get writtenSequence(): number {
    return this.#written;
  }

  /** Last sequence known to be on the disk: survives the death of the machine. */
  get durableSequence(): number {
    return this.#durable;
  }

  /** Last sequence whose reply may leave, by the policy. */
  get releasableSequence(): number {
    if (this.policy === 'group-commit') return this.#durable;
    return this.policy === 'async' ? this.#written : this.#batch.first - 1;
  }

  /** Records appended and not committed. */
  get pendingRecords(): number {
    return this.#batch.count;
  }

  /**
   * CRC chain over every record so far. Two journals that agree on it and on the sequence agree on
   * every byte.
   */
  get chain(): number {
    return this.#batch.chain;
  }

  /** Why the journal accepts nothing more; undefined while it does. */
  get failure(): NetError | undefined {
    return this.#failure;
  }

  /**
   * Adds a record to the batch. Copies the bytes; writes nothing yet.
   *
   * @param type 0 to 65,535, for the application.
   * @returns `Status.Ok`; `Status.Again` when the batch is full (commit, then repeat);
   * `Status.OutOfRange` when `sequence` is not {@link nextSequence}; `Status.TooLong` over 32,768
   * bytes; `Status.BadState` when closed or failed.
   */
  append(bytes: Uint8Array, at: number, length: number, sequence: number, type = 0): Status {
    if (!this.#open || this.#failure !== undefined) return Status.BadState;
    return this.#batch.append(bytes, at, length, sequence, type);
  }

  /**
   * Brings the batch to where the policy wants it, in one write; does nothing when it is empty.
   *
   * @returns `Status.Ok`, or `Status.BadState` when the journal is closed or has failed, now or
   * before.
   */
  commit(): Status {
    if (!this.#open || this.#failure !== undefined) return Status.BadState;
    if (this.policy === 'none') {
      this.#batch.clear();
      return Status.Ok;
    }
    if (this.#batch.count > 0 && this.#writeBatch() < 0) return Status.BadState;
    return this.policy === 'async' ? this.#advanceBackground() : this.sync();
  }

  /** Makes everything that was committed durable, at once. Under `none` there is nothing to do. */
  sync(): Status {
    if (!this.#open || this.#failure !== undefined) return Status.BadState;
    if (this.policy === 'none' || this.#durable === this.#written) return Status.Ok;
    // A failure is reported once: were it reported to the other thread, ours would see success.
    let errno = this.#background?.wait() ?? 0;
    if (errno === 0) errno = this.#storage.sync(this.#fd);
    if (errno < 0) return this.#fail(storageError('sync', segmentName(this.#first), errno));
    this.#durable = this.#written;
    return Status.Ok;
  }

  /**
   * One piece of idle work: notices finished background syncs and fills the next segment. Call it
   * when a round of the loop found nothing else to do.
   *
   * @returns 1 when there may be more to do, 0 when not, `Status.BadState` when the journal has
   * failed.
   */
  maintain(): number {
    if (!this.#open || this.#failure !== undefined) return Status.BadState;
    if (this.policy === 'none') return 0;
    const status = this.#advanceBackground();
    if (status < 0) return status;
    try {
      return this.#spare.step();
    } catch {
      // Not needed yet: the rotation tries again, and its failure counts.
      this.#spare.discard();
      return 0;
    }
  }

  /** A cursor over what is written, from `from` on. */
  reader(from: number): JournalReader {
    if (this.policy === 'none') return new JournalReader(this.#storage, this.#closed, from);
    const segments = [...this.#closed, this.#current()];
    return new JournalReader(this.#storage, segments, from);
  }

  /**
   * Stores the state after `sequence`, whole or not at all. Everything up to `sequence` is made
   * durable first, so that no snapshot is ever ahead of its journal.
   *
   * @throws NetError `EINVAL` when `sequence` is not committed or the policy is `none`; the
   * storage's errors.
   */
  writeSnapshot(sequence: number, bytes: Uint8Array): void {
    if (this.policy === 'none' || sequence > this.#written) {
      const message = 'A snapshot needs its sequence in the journal; commit it first';
      throw new NetError('EINVAL', message, { sequence, written: this.#written });
    }
    if (sequence > this.#durable && this.sync() < 0) throw this.#failure ?? closedError();
    storeSnapshot(this.#storage, sequence, bytes);
  }

  /** The newest snapshot that holds; older ones stand in for damaged ones, which are named. */
  latestSnapshot(): SnapshotSearch {
    return findSnapshot(this.#storage, this.#written);
  }

  /**
   * Deletes snapshots but the newest {@link SNAPSHOTS_KEPT} that hold, and segments that only
   * replay before the oldest of those. Does nothing while fewer hold: a single snapshot has nothing
   * to fall back on but the whole journal.
   *
   * @returns the number of files deleted.
   */
  prune(): number {
    const storage = this.#storage;
    const holding = snapshotSequences(storage).filter(
      (sequence) => loadSnapshot(storage, sequence) !== undefined,
    );
    const oldest = holding[SNAPSHOTS_KEPT - 1];
    if (oldest === undefined || this.policy === 'none') return 0;
    let removed = 0;
    while (this.#closed.length > 0 && this.#closed[0]!.last <= oldest) {
      storage.remove(this.#closed.shift()!.name);
      // Oldest first, each durable before the next: a crash leaves no hole in the middle.
      storage.syncDirectory();
      removed++;
    }
    for (const sequence of snapshotSequences(storage)) {
      if (sequence >= oldest) continue;
      removeSnapshot(storage, sequence);
      removed++;
    }
    storage.syncDirectory();
    return removed;
  }

  /**
   * Commits, syncs, seals and gives the directory up. After a failure it writes nothing more.
   *
   * @returns `Status.Ok`, or `Status.BadState` when something appended did not become durable; see
   * {@link failure}.
   */
  close(): Status {
    if (!this.#open) return this.#failure === undefined ? Status.Ok : Status.BadState;
    let status = this.commit();
    if (status === Status.Ok) status = this.sync();
    if (status === Status.Ok && !this.#sealed && this.policy !== 'none') {
      status = this.#writeBatch();
      const errno = status === Status.Ok ? this.#storage.sync(this.#fd) : 0;
      if (errno < 0) status = this.#fail(storageError('sync', segmentName(this.#first), errno));
    }
    this.#open = false;
    this.#background?.close();
    this.#spare.close();
    if (this.#fd >= 0) this.#storage.close(this.#fd);
    this.#storage.unlock();
    return status;
  }

  /** As {@link close}, but throws what went wrong. */
  [Symbol.dispose](): void {
    if (this.close() < 0) throw this.#failure ?? closedError();
  }

  /** Writes the buffer as one batch; without records it is a seal. */
  #writeBatch(): Status {
    const batch = this.#batch;
    const length = batch.length;
    if (this.#position + length > this.#segmentBytes && this.#rotate() < 0) return Status.BadState;
    batch.finish(this.#durable);
    const errno = writeFully(this.#storage, this.#fd, batch.bytes, length, this.#position);
    if (errno < 0) return this.#fail(storageError('write', segmentName(this.#first), errno));
    this.#position += length;
    this.#written = batch.next - 1;
    this.#sealed = batch.count === 0;
    batch.clear();
    return Status.Ok;
  }

  /** Ends the current segment, durable to its last byte, and begins the next. */
  #rotate(): Status {
    // The other thread must be done with the file before it is closed.
    const state = this.#background?.wait() ?? 0;
    if (state < 0) return this.#fail(storageError('sync', segmentName(this.#first), state));
    // Recovery relies on it: a segment that has a successor is durable as a whole.
    if (this.sync() < 0) return Status.BadState;
    const ended = this.#current();
    if (!this.#spare.ready) this.lateRotations++;
    try {
      this.#storage.close(this.#fd);
      this.#fd = -1;
      this.#startSegment();
    } catch (error) {
      return this.#fail(error instanceof NetError ? error : closedError(error));
    }
    this.#closed.push(ended);
    return Status.Ok;
  }

  /** Begins the segment whose first record is the first of the batch in the buffer. */
  #startSegment(): void {
    const first = this.#batch.first;
    const header = new Uint8Array(new ArrayBuffer(SEGMENT_HEADER_BYTES));
    emitSegmentHeader(header, {
      segmentBytes: this.#segmentBytes,
      nonce: this.#nonce,
      first,
      createdMs: this.#createdMs,
      durable: this.#durable,
      chain: this.#batch.firstChain,
    });
    this.#fd = this.#spare.take(segmentName(first), header);
    this.#first = first;
    this.#position = SEGMENT_HEADER_BYTES;
  }

  /**
   * Opens the last segment, empties what does not count, and makes the rest durable: it may only be
   * in the kernel.
   */
  #resumeSegment(found: Recovery): void {
    const storage = this.#storage;
    const last = this.#closed.pop();
    assert(last !== undefined, 'A recovered journal has a segment');
    this.#first = last.first;
    this.#position = last.endAt;
    this.#fd = storage.open(last.name);
    let size = storage.size(this.#fd);
    if (found.cut !== undefined) {
      storage.truncate(this.#fd, last.endAt);
      size = last.endAt;
    }
    while (size < this.#segmentBytes) {
      const length = Math.min(this.#segmentBytes - size, 1_048_576);
      writeZeros(storage, this.#fd, size, length);
      size += length;
    }
    syncOrThrow(storage, this.#fd, last.name);
  }

  #current(): SegmentInfo {
    const first = this.#first;
    return { name: segmentName(first), first, last: this.#written, endAt: this.#position };
  }

  /** Under `async`: takes note of a finished sync and asks for the next. */
  #advanceBackground(): Status {
    const background = this.#background;
    if (background === undefined) return Status.Ok;
    const state = background.state();
    if (state < 0) {
      return this.#fail(storageError('sync', segmentName(this.#first), state));
    }
    if (state > 0) return Status.Ok;
    if (this.#syncing > this.#durable) this.#durable = this.#syncing;
    if (this.#written > this.#durable) {
      this.#syncing = this.#written;
      background.request(this.#fd);
    }
    return Status.Ok;
  }

  #fail(error: NetError): Status {
    this.#failure = error;
    return Status.BadState;
  }
}

function closedError(cause?: unknown): NetError {
  return new NetError('ERR_TW_CLOSED', 'The journal is closed; open it again', {}, { cause });
}
