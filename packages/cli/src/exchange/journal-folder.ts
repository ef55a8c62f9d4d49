/**
 * Where the journal of a run lies.
 *
 * @module
 */

import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetError } from '@tickwire/base';
import { isJournal, type JournalPolicy } from '@tickwire/engine';

/** What the user asked for. */
export interface JournalFolderOptions {
  readonly journal: JournalPolicy;
  /** Absent: a temporary directory. */
  readonly journalDir?: string;
  /** Do not remove a temporary one. */
  readonly keep: boolean;
}

/** A journal directory; removed when disposed, unless it is to stay. */
export class JournalFolder implements Disposable {
  /** Absent when there is no journal. */
  readonly path: string | undefined;
  /** What the user should know about it. */
  readonly notice: string | undefined;
  /** Whether it holds a journal of earlier runs. */
  readonly isContinued: boolean = false;
  readonly #isTemporary: boolean;

  /**
   * @throws NetError `EINVAL` for a directory that holds something else, `EACCES` when it cannot
   * be.
   */
  constructor(options: JournalFolderOptions) {
    const { journal, journalDir, keep } = options;
    const isKept = keep || journalDir !== undefined;
    this.#isTemporary = journal !== 'none' && !isKept;
    if (journal === 'none') return;
    this.path = journalDir ?? makeTemporary();
    this.isContinued = journalDir !== undefined && findOrMake(journalDir);
    if (isKept) {
      this.notice = `The journal is in ${this.path}; "replay-journal ${this.path}" replays it.`;
    }
  }

  /** Bytes written to it; what is reserved ahead does not count. */
  get bytes(): number {
    const { path } = this;
    if (path === undefined) return 0;
    return readdirSync(path).reduce((sum, name) => sum + writtenBytes(join(path, name)), 0);
  }

  [Symbol.dispose](): void {
    if (this.#isTemporary && this.path !== undefined) rmSync(this.path, { recursive: true });
  }
}

/** Pieces in which the end of a file is looked for. */
const PIECE_BYTES = 1 << 20;

/** Bytes up to the last that is not zero: segments are filled with zeros when they are made. */
export function writtenBytes(path: string): number {
  const file = openSync(path, 'r');
  try {
    const piece = new Uint8Array(PIECE_BYTES);
    let end = fstatSync(file).size;
    while (end > 0) {
      const start = Math.max(0, end - PIECE_BYTES);
      const length = readSync(file, piece, 0, end - start, start);
      const last = piece.subarray(0, length).findLastIndex((byte) => byte !== 0);
      if (last >= 0) return start + last + 1;
      end = start;
    }
    return 0;
  } finally {
    closeSync(file);
  }
}

/**
 * Makes the folder, or finds what is in it. True when it holds a journal to go on with.
 *
 * A folder of something else is left alone; a `lock` without a journal is that of a start that
 * ended early.
 */
function findOrMake(directory: string): boolean {
  if (existsSync(directory)) {
    if (isJournal(directory)) return true;
    if (readdirSync(directory).every((name) => name === 'lock' || name.endsWith('.tmp'))) {
      return false;
    }
    throw new NetError(
      'EINVAL',
      `${directory} is not empty and holds no journal; name a new folder, or that of a journal, ` +
        'with --journal-dir',
      { directory },
    );
  }
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw new NetError(
      'EACCES',
      `${directory} cannot be made; name a folder that you may write to with --journal-dir`,
      { directory },
      { cause },
    );
  }
  return false;
}

/** @throws NetError `EACCES` when `TMPDIR` is no place to write to. */
function makeTemporary(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'tickwire-journal-'));
  } catch (cause) {
    throw new NetError(
      'EACCES',
      `No temporary folder can be made in ${tmpdir()}; set TMPDIR, or give --journal-dir`,
      { directory: tmpdir() },
      { cause },
    );
  }
}
