/**
 * The test's end of a host process.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';
import type { Accounts, HostOptions, Request, TransferResult } from './host-protocol.ts';
import { type Namespace, realtime } from './namespace.ts';

const HOST = fileURLToPath(new URL('./host.ts', import.meta.url));

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A host process in a namespace. Disposal ends it, by number. */
export class HostProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  private constructor(child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>) {
    this.#child = child;
  }

  /** Starts a host and waits until it polls. */
  static async start(space: Namespace, options: HostOptions): Promise<HostProcess> {
    const child = Bun.spawn(
      space.inside(
        ...realtime(options.isRealtime),
        process.execPath,
        HOST,
        JSON.stringify(options),
      ),
      {
        env: { ...process.env, BUN_GC_TIMER_DISABLE: '1' },
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'inherit',
      },
    );
    const host = new HostProcess(child);
    const ready = host.#expect(0);
    void host.#listen();
    await ready;
    return host;
  }

  /** Sends a request and waits for its answer. */
  async ask<Answer>(request: Request): Promise<Answer> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = this.#expect(id);
    this.#child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    await this.#child.stdin.flush();
    return (await answer) as Answer;
  }

  /** Connects to a server of the kernel, see `HostTraffic.connect`. */
  connect(host: string, port: number, seed: number, bytes: number): Promise<TransferResult> {
    return this.ask<TransferResult>({ op: 'connect', host, port, seed, bytes });
  }

  /** Closes stack and driver and returns what was left behind. */
  close(): Promise<Accounts> {
    return this.ask<Accounts>({ op: 'close' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }

  #expect(id: number): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    return waiting.promise;
  }

  async #listen(): Promise<void> {
    let rest = '';
    for await (const part of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + part).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#settle(JSON.parse(line) as Reply);
    }
    const status = await this.#child.exited;
    for (const { reject } of this.#waiting.values()) {
      reject(new Error(`the host ended with status ${status}`));
    }
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply.value);
    else waiting?.reject(new Error(reply.error));
  }
}
