/**
 * Starts applications on the kernel's sockets, see `kernel-peer.ts`.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';
import type { Namespace } from './namespace.ts';

const PEER = fileURLToPath(new URL('./kernel-peer.ts', import.meta.url));

/** What the application does. */
export type PeerTask =
  | {
      readonly mode: 'udp-echo';
      readonly host: string;
      readonly port: number;
      readonly count: number;
      readonly bytesMax: number;
    }
  | {
      readonly mode: 'multicast';
      readonly group: string;
      readonly port: number;
      /** Address of the interface to join on. */
      readonly local: string;
      /** Datagrams to send, and to wait for. */
      readonly count: number;
    }
  | {
      readonly mode: 'tcp-server';
      readonly host: string;
      readonly port: number;
      readonly echo: boolean;
    }
  | {
      readonly mode: 'connections';
      readonly host: string;
      /** Of an echo service. */
      readonly port: number;
      readonly count: number;
      /** Connections that are open at one time. */
      readonly atOnce: number;
    };

/** A running application. */
export interface RunningPeer<Answer> extends AsyncDisposable {
  /** What it says at the end. */
  readonly result: Promise<Answer>;
}

/** Starts an application and resolves when it is ready. */
export async function startPeer<Answer>(
  space: Namespace,
  task: PeerTask,
): Promise<RunningPeer<Answer>> {
  const child = Bun.spawn(space.inside(process.execPath, PEER, JSON.stringify(task)), {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const isReady = Promise.withResolvers<void>();
  const read = async (): Promise<Answer> => {
    let text = '';
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes('\n')) isReady.resolve();
    }
    const [, answer] = text.trim().split('\n');
    if (answer === undefined) throw new Error(`${task.mode} said only: ${text}`);
    return JSON.parse(answer) as Answer;
  };
  const result = read();
  result.catch((error: unknown) => isReady.reject(error));
  await isReady.promise;
  return {
    result,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}
