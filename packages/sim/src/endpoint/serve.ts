/**
 * Serves endpoints on a Unix socket: one stack per client, newline-delimited JSON.
 *
 * @module
 */

import { Endpoint } from './endpoint.ts';

/** Longest request: a write of a megabyte in hexadecimal, and some. */
const LINE_BYTES_MAX: number = 4 * 1024 * 1024;

/** A running server. */
export interface EndpointServer extends Disposable {
  readonly path: string;
  /** Closes the socket and every client's stack. */
  stop(): void;
}

/** What the server keeps for one client. */
interface Client {
  readonly endpoint: Endpoint;
  readonly decoder: TextDecoder;
  /** Received and not yet a whole line. */
  partial: string;
  /** Answered and not yet taken by the kernel. */
  unsent: Uint8Array;
}

/**
 * Listens on a Unix socket. Each client has a stack of its own, which ends with the connection.
 *
 * @example
 * ```ts
 * using server = serveEndpoint('/run/user/1000/tickwire.sock');
 * ```
 */
export function serveEndpoint(path: string): EndpointServer {
  const clients = new Set<Client>();
  const server = Bun.listen<Client>({
    unix: path,
    socket: {
      open(socket) {
        socket.data = {
          endpoint: new Endpoint(),
          decoder: new TextDecoder(),
          partial: '',
          unsent: new Uint8Array(0),
        };
        clients.add(socket.data);
      },
      data(socket, chunk) {
        const client = socket.data;
        const answers = answer(client, client.decoder.decode(chunk, { stream: true }));
        if (answers === undefined) {
          socket.end();
          return;
        }
        client.unsent = Buffer.concat([client.unsent, Buffer.from(answers)]);
        client.unsent = client.unsent.subarray(socket.write(client.unsent));
      },
      drain(socket) {
        const client = socket.data;
        client.unsent = client.unsent.subarray(socket.write(client.unsent));
      },
      close(socket) {
        clients.delete(socket.data);
        socket.data.endpoint[Symbol.dispose]();
      },
    },
  });
  const stop = (): void => {
    server.stop(true);
    for (const client of clients) client.endpoint[Symbol.dispose]();
    clients.clear();
  };
  return { path, stop, [Symbol.dispose]: stop };
}

/** Answers all whole lines, in order; undefined when a line is longer than any request. */
function answer(client: Client, text: string): string | undefined {
  const lines = (client.partial + text).split('\n');
  client.partial = lines.pop() ?? '';
  if (client.partial.length > LINE_BYTES_MAX) return undefined;
  let answers = '';
  for (const line of lines) {
    if (line.trim() !== '') answers += `${client.endpoint.handleLine(line)}\n`;
  }
  return answers;
}
