/**
 * The small services that every test of a stack begins with: echo (RFC 862), discard (RFC 863),
 * character generator (RFC 864), over TCP and UDP, and a fixed HTTP/1.1 answer.
 *
 * @module
 */

import type { Stack, TcpListener } from './stack.ts';
import type { TcpSocket } from './tcp-socket.ts';
import type { UdpSocket } from './udp-socket.ts';

/** Well-known ports of the services (IANA). */
export const ServicePort = { Echo: 7, Discard: 9, Chargen: 19, Http: 80 } as const;

/** Ports to use; absent: the well-known one; 0: the service is off. */
export interface ServiceOptions {
  readonly echoPort?: number;
  readonly discardPort?: number;
  readonly chargenPort?: number;
  readonly httpPort?: number;
}

/** Running services; `stop` closes their ports, connections live on until they end. */
export interface Services extends Disposable {
  stop(): void;
}

/**
 * Starts the services on a stack.
 *
 * @throws NetError `EADDRINUSE` when a port is taken.
 *
 * @example
 * ```ts
 * using services = startServices(stack, { chargenPort: 0 });
 * ```
 */
export function startServices(stack: Stack, options: ServiceOptions = {}): Services {
  const listeners: TcpListener[] = [];
  const sockets: UdpSocket[] = [];
  const stop = (): void => {
    for (const listener of listeners) listener.stop();
    for (const socket of sockets) socket.close();
  };
  const echoPort = options.echoPort ?? ServicePort.Echo;
  const discardPort = options.discardPort ?? ServicePort.Discard;
  const chargenPort = options.chargenPort ?? ServicePort.Chargen;
  const httpPort = options.httpPort ?? ServicePort.Http;
  try {
    if (echoPort > 0) {
      listeners.push(listenEcho(stack, echoPort));
      sockets.push(echoDatagrams(stack, echoPort));
    }
    if (discardPort > 0) {
      listeners.push(stack.listen({ port: discardPort, socket: {} }));
      sockets.push(stack.udp({ port: discardPort }));
    }
    if (chargenPort > 0) {
      listeners.push(listenChargen(stack, chargenPort));
      sockets.push(chargenDatagrams(stack, chargenPort));
    }
    if (httpPort > 0) listeners.push(listenHttp(stack, httpPort));
  } catch (error) {
    stop();
    throw error;
  }
  return { stop, [Symbol.dispose]: stop };
}

/** Bytes that an echo connection took in and could not yet send back. */
class EchoState {
  pending: Uint8Array = new Uint8Array(0);
  peerEnded = false;
}

/** Sends back every byte; a full send queue pauses reception, so that nothing is lost. */
function listenEcho(stack: Stack, port: number): TcpListener {
  const finish = (socket: TcpSocket<EchoState>): void => {
    if (socket.data.peerEnded && socket.data.pending.length === 0) socket.end();
  };
  return stack.listen<EchoState>({
    port,
    data: () => new EchoState(),
    socket: {
      data(socket, bytes, at, length) {
        const taken = socket.write(bytes, at, length);
        if (taken === length) return;
        // The bytes are valid during the call only; the rest is copied, and no more comes until it
        // has left.
        const { pending } = socket.data;
        const rest = new Uint8Array(pending.length + length - taken);
        rest.set(pending);
        rest.set(bytes.subarray(at + taken, at + length), pending.length);
        socket.data.pending = rest;
        socket.pause();
      },
      drain(socket) {
        const { pending } = socket.data;
        socket.data.pending = pending.subarray(socket.write(pending));
        if (socket.data.pending.length === 0) socket.resume();
        finish(socket);
      },
      end(socket) {
        socket.data.peerEnded = true;
        finish(socket);
      },
    },
  });
}

function echoDatagrams(stack: Stack, port: number): UdpSocket {
  return stack.udp({
    port,
    socket: {
      data(socket, bytes, at, length, source) {
        // A datagram from an echo port would come back for ever.
        if (source.port === port || source.port === ServicePort.Chargen) return;
        const { word0, word1, word2, word3 } = source;
        socket.sendWords(bytes, at, length, word0, word1, word2, word3, source.port);
      },
    },
  });
}

/** The rotating pattern of RFC 864: lines of 72 of the 95 printable characters. */
const CHARGEN_PATTERN: Uint8Array = chargenPattern();

function chargenPattern(): Uint8Array {
  const lines: number[] = [];
  for (let first = 0; first < 95; first += 1) {
    for (let column = 0; column < 72; column += 1) lines.push(32 + ((first + column) % 95));
    lines.push(13, 10);
  }
  return Uint8Array.from(lines);
}

/** Writes the pattern whenever there is room. */
function listenChargen(stack: Stack, port: number): TcpListener {
  const fill = (socket: TcpSocket<{ at: number }>): void => {
    for (;;) {
      const { at } = socket.data;
      const taken = socket.write(CHARGEN_PATTERN, at);
      if (taken === 0) return;
      socket.data.at = (at + taken) % CHARGEN_PATTERN.length;
    }
  };
  return stack.listen<{ at: number }>({
    port,
    data: () => ({ at: 0 }),
    socket: { open: fill, drain: fill, data: () => {} },
  });
}

function chargenDatagrams(stack: Stack, port: number): UdpSocket {
  return stack.udp({
    port,
    socket: {
      data(socket, _bytes, _at, _length, source) {
        if (source.port === port || source.port === ServicePort.Echo) return;
        const { word0, word1, word2, word3 } = source;
        // RFC 864: 0 to 512 characters; one line is polite and cannot amplify much.
        socket.sendWords(CHARGEN_PATTERN, 0, 74, word0, word1, word2, word3, source.port);
      },
    },
  });
}

const HTTP_BODY = 'tickwire\n';
const HTTP_ANSWER: Uint8Array = new TextEncoder().encode(
  [
    'HTTP/1.1 200 OK',
    'Content-Type: text/plain',
    `Content-Length: ${HTTP_BODY.length}`,
    '',
    HTTP_BODY,
  ].join('\r\n'),
);
/** A client that sends no blank line within this many bytes is cut off. */
const HTTP_HEADER_MAX = 16 * 1024;

/** How much of the blank line that ends a request has been seen, and how long its header is. */
class HttpState {
  matched = 0;
  headerBytes = 0;
  /** Answers still to be sent, and how much of the first has been. */
  owed = 0;
  answerAt = 0;
  peerEnded = false;
}

/** Answers every request header, whatever it asks, and keeps the connection alive. */
function listenHttp(stack: Stack, port: number): TcpListener {
  const answer = (socket: TcpSocket<HttpState>): void => {
    const state = socket.data;
    while (state.owed > 0) {
      state.answerAt += socket.write(HTTP_ANSWER, state.answerAt);
      // The send queue is full: `drain` goes on.
      if (state.answerAt < HTTP_ANSWER.length) return;
      state.answerAt = 0;
      state.owed -= 1;
    }
    if (state.peerEnded) socket.end();
  };
  return stack.listen<HttpState>({
    port,
    data: () => new HttpState(),
    socket: {
      data(socket, bytes, at, length) {
        const state = socket.data;
        for (let i = at; i < at + length; i += 1) {
          const wanted = state.matched % 2 === 0 ? 13 : 10;
          if (bytes[i] === wanted) state.matched += 1;
          else state.matched = bytes[i] === 13 ? 1 : 0;
          state.headerBytes += 1;
          if (state.matched === 4) {
            state.matched = 0;
            state.headerBytes = 0;
            state.owed += 1;
          }
        }
        if (state.headerBytes > HTTP_HEADER_MAX) socket.terminate();
        else answer(socket);
      },
      drain: answer,
      end(socket) {
        socket.data.peerEnded = true;
        answer(socket);
      },
    },
  });
}
