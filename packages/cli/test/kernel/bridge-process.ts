/**
 * The test's end of a bridge.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';
import type { FaultCounters, Faults } from '@tickwire/phy';
import type { IdleStrategy } from '@tickwire/stack';
import { type Namespace, realtime } from './namespace.ts';
import type { Absences } from './punctuality.ts';

const BRIDGE = fileURLToPath(new URL('./bridge.ts', import.meta.url));

/** On the wire, each way; what is late comes a millisecond later. */
const DELAY_NS = 200_000;
/** On one line at once: more than two windows, so that only the dice lose frames. */
const QUEUE_FRAMES = 8192;

/** What `bridge.ts` is started with. */
export interface BridgeOptions {
  /** The end of the first host, as for `openDevice`. */
  readonly first: string;
  /** The end of the second host: always the kernel. */
  readonly second: string;
  readonly seed: number;
  /** From the first host to the second. */
  readonly forward: Faults;
  /** From the second host to the first. */
  readonly backward: Faults;
  /** As for `runLoop`. */
  readonly idle?: IdleStrategy;
  /**
   * Whether its threads come before everybody else's (SCHED_RR), and its loop is late by a tenth of
   * a millisecond instead of one: it needs a share of a core, and wants it at once.
   */
  readonly isRealtime?: boolean;
}

/** What the bridge did. */
export interface BridgeReport {
  readonly forward: FaultCounters;
  readonly backward: FaultCounters;
  /** Frames that were left behind. */
  readonly inUse: number;
  /** When its loop did not come round, from the first frame on. */
  readonly absences: Absences;
}

/**
 * Faults of one direction at a rate of loss: as many frames are late, half as many come twice, and
 * in half as many a bit is wrong.
 */
export function faultsAt(loss: number): Faults {
  return {
    drop: loss,
    reorder: loss,
    duplicate: loss / 2,
    corrupt: loss / 2,
    delayNs: DELAY_NS,
    queueFrames: QUEUE_FRAMES,
  };
}

/** A running bridge. */
export class BridgeProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  readonly #ready = Promise.withResolvers<void>();
  /** Everything on stdout. */
  readonly #text: Promise<string>;

  private constructor(child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>) {
    this.#child = child;
    this.#text = this.#read();
  }

  /** Starts a bridge and waits until it carries frames. */
  static async start(space: Namespace, options: BridgeOptions): Promise<BridgeProcess> {
    const child = Bun.spawn(
      space.inside(
        ...realtime(options.isRealtime),
        process.execPath,
        BRIDGE,
        JSON.stringify(options),
      ),
      {
        env: { ...process.env, BUN_GC_TIMER_DISABLE: '1' },
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'inherit',
      },
    );
    const bridge = new BridgeProcess(child);
    await bridge.#ready.promise;
    return bridge;
  }

  /** Takes it down and returns its accounts. */
  async stop(): Promise<BridgeReport> {
    await this.#child.stdin.end();
    const [, report] = (await this.#text).split('\n');
    return JSON.parse(report ?? '') as BridgeReport;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }

  async #read(): Promise<string> {
    let text = '';
    for await (const part of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.startsWith('"ready"\n')) this.#ready.resolve();
    }
    // Without effect after it was resolved.
    this.#ready.reject(new Error(`the bridge ended: ${text}`));
    return text;
  }
}
