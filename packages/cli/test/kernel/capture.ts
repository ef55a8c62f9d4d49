/**
 * What was on the wire, recorded at the kernel's end and read by tshark.
 *
 * @module
 */

import { join } from 'node:path';
import { makeFolder, removeFolder } from './folder.ts';
import type { Namespace } from './namespace.ts';
import { must } from './namespace.ts';
import { type Opinion, opinionOf } from './opinion.ts';

/** Room for a whole test in the kernel: what does not fit is never judged. */
const BUFFER_KIB = 256 * 1024;

/** A tcpdump that nobody ends goes by itself. */
const LIFE_SECONDS = 300;

/** Where the mark may lie before the end of the file: nothing but odd ARP comes after it. */
const MARK_BYTES = 64 * 1024;
const MARK_ROUND_MS = 10;
const MARK_ROUNDS_MAX = 2_000;
const MARK_AGAIN_ROUNDS = 20;

/**
 * Immediate mode has slots of a fixed size. With room for one frame, half a page, there are
 * 131,072.
 * The default is 64 KiB where an interface could merge segments, and makes 4,096.
 */
const SLOTS = ['--immediate-mode', '-s', '1600'] as const;

/** What to record, and how. */
export interface Recording {
  /** In tcpdump's language; absent: everything. */
  readonly filter?: string;
  /**
   * Frames packed into the buffer, which then holds 200 MB whatever the recorder gets of the
   * processor; they come up to a second late.
   */
  readonly isBulk?: boolean;
}

/** A running tcpdump. */
export class Capture implements AsyncDisposable {
  readonly #folder: string;
  readonly #child: Bun.Subprocess<'ignore', 'ignore', 'pipe'>;
  #log = '';
  #isOver = false;
  #holes = 0;
  #reading: Promise<void> = Promise.resolve();

  private constructor(space: Namespace, iface: string, recording: Recording) {
    this.#folder = makeFolder();
    const limit = ['timeout', '--foreground', String(LIFE_SECONDS)];
    const buffer = ['-B', String(BUFFER_KIB), ...(recording.isBulk === true ? [] : SLOTS)];
    // -U: each frame is written when it comes, so that the end of the file tells how far it is.
    const file = ['-U', '-w', this.path];
    const command = ['tcpdump', '-i', iface, '-n', '-Z', 'root', ...buffer, ...file];
    this.#child = Bun.spawn(space.inside(...limit, ...command, recording.filter ?? ''), {
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
    });
  }

  /** Starts to record and resolves when the kernel does. */
  static async start(space: Namespace, iface: string, recording: Recording = {}): Promise<Capture> {
    const capture = new Capture(space, iface, recording);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    capture.#reading = capture.#read(resolve, reject);
    await promise;
    return capture;
  }

  get path(): string {
    return join(this.#folder, 'wire.pcap');
  }

  /**
   * Waits until everything so far is in the file: tcpdump leaves in the kernel's buffer what it has
   * not read when it ends. The mark is a datagram of the kernel that `host` echoes.
   */
  async reach(space: Namespace, host: string): Promise<void> {
    const mark = `mark ${crypto.randomUUID()}`;
    for (let round = 0; round < MARK_ROUNDS_MAX; round += 1) {
      // A lossy link may lose the mark.
      if (round % MARK_AGAIN_ROUNDS === 0) {
        must(space.inside('bash', '-c', `printf '${mark}' > /dev/udp/${host}/7`));
      }
      const file = Bun.file(this.path);
      const tail = Buffer.from(await file.slice(Math.max(0, file.size - MARK_BYTES)).bytes());
      if (tail.includes(mark)) return;
      await Bun.sleep(MARK_ROUND_MS);
    }
    throw new Error(`the capture has not reached its mark: ${this.#log}`);
  }

  /**
   * Frames that the kernel had to drop because the recorder got too little of the processor; known
   * after {@link stop}. They take away from what tshark can judge and say nothing about the stack.
   */
  get holes(): number {
    return this.#holes;
  }

  /** Ends the recording; throws when it ended before, by itself. */
  async stop(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    // `timeout` passes the signal on, and tcpdump empties its buffer before it goes.
    this.#child.kill('SIGINT');
    await this.#child.exited;
    await this.#reading;
    const dropped = /(\d+) packets dropped by kernel/.exec(this.#log)?.[1];
    if (dropped === undefined) throw new Error(`the capture has no end: ${this.#log}`);
    this.#holes = Number(dropped);
  }

  /** Lets tshark judge the frames that `host` sent, see {@link opinionOf}. */
  opinion(host: string, filter = ''): Opinion {
    return opinionOf(this.path, host, filter);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) {
      this.#child.kill('SIGINT');
      await this.#child.exited;
    }
    removeFolder(this.#folder);
  }

  async #read(onStart: () => void, onEnd: (error: Error) => void): Promise<void> {
    for await (const part of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#log += part;
      if (this.#log.includes('listening on')) onStart();
    }
    onEnd(new Error(`tcpdump ended: ${this.#log}`));
  }
}
