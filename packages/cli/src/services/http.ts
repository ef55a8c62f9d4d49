/**
 * One fixed HTTP/1.1 answer (RFC 9112): enough for curl, wrk and a browser to say hello.
 *
 * @module
 */

import type { Stack, TcpHandlers, TcpSocket } from '@tickwire/stack';

/** Port of the HTTP service. */
export const HTTP_PORT = 80;

/** Bytes of a request's head at most; what curl sends has under 200. */
const HEAD_BYTES_MAX = 8192;

const BODY = 'tickwire: a TCP/IP stack in user space says hello\n';
const encoder = new TextEncoder();

function answer(status: string, body: string, extra: string): string {
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: text/plain',
    `Content-Length: ${body.length}`,
  ].join('\r\n');
  return `${head}\r\n${extra}\r\n`;
}

const CLOSE = 'Connection: close\r\n';
const OK = encoder.encode(answer('200 OK', BODY, '') + BODY);
const OK_CLOSE = encoder.encode(answer('200 OK', BODY, CLOSE) + BODY);
const OK_HEAD = encoder.encode(answer('200 OK', BODY, ''));
const OK_HEAD_CLOSE = encoder.encode(answer('200 OK', BODY, CLOSE));
const BAD = encoder.encode(answer('400 Bad Request', '', CLOSE));
const TOO_LARGE = encoder.encode(answer('431 Request Header Fields Too Large', '', CLOSE));
const NOT_ALLOWED = encoder.encode(
  answer('405 Method Not Allowed', '', `Allow: GET, HEAD\r\n${CLOSE}`),
);

/** A connection: the head that is arriving and the answers that wait for room. */
class Exchange {
  head = '';
  readonly waiting: Uint8Array[] = [];
  /** Bytes of the first answer that are sent. */
  sent = 0;
  isEnding = false;
}

type Socket = TcpSocket<Exchange>;

/** The answer to one head, and whether it is the last on this connection. */
export function respond(head: string): { readonly bytes: Uint8Array; readonly isLast: boolean } {
  const [line = '', ...fields] = head.split('\r\n');
  const match = /^([A-Z]+) \S+ HTTP\/1\.([01])$/.exec(line);
  if (match === null) return { bytes: BAD, isLast: true };
  const [, method, minor] = match;
  // A body would have to be read to find the next request: nobody here wants one.
  if (method !== 'GET' && method !== 'HEAD') return { bytes: NOT_ALLOWED, isLast: true };
  const connection = fields
    .filter((field) => /^connection:/i.test(field))
    .join(',')
    .toLowerCase();
  const isLast = minor === '0' ? !connection.includes('keep-alive') : connection.includes('close');
  if (method === 'HEAD') return { bytes: isLast ? OK_HEAD_CLOSE : OK_HEAD, isLast };
  return { bytes: isLast ? OK_CLOSE : OK, isLast };
}

function flush(socket: Socket): void {
  const { data } = socket;
  for (let first = data.waiting[0]; first !== undefined; first = data.waiting[0]) {
    data.sent += socket.write(first, data.sent, first.length - data.sent);
    if (data.sent < first.length) {
      socket.pause();
      return;
    }
    data.waiting.shift();
    data.sent = 0;
  }
  if (data.isEnding) socket.end();
  else socket.resume();
}

const decoder = new TextDecoder('latin1');

const handlers: TcpHandlers<Exchange> = {
  data(socket, bytes, at, length) {
    const { data } = socket;
    if (data.isEnding) return;
    data.head += decoder.decode(bytes.subarray(at, at + length));
    for (;;) {
      const end = data.head.indexOf('\r\n\r\n');
      if (end < 0 || data.isEnding) break;
      const { bytes: text, isLast } = respond(data.head.slice(0, end));
      data.head = data.head.slice(end + 4);
      data.waiting.push(text);
      data.isEnding = isLast;
    }
    if (!data.isEnding && data.head.length > HEAD_BYTES_MAX) {
      data.waiting.push(TOO_LARGE);
      data.isEnding = true;
    }
    flush(socket);
  },
  drain: flush,
  end(socket) {
    socket.data.isEnding = true;
    flush(socket);
  },
};

/** Starts the HTTP service. */
export function serveHttp(stack: Stack): void {
  stack.listen({ port: HTTP_PORT, socket: handlers, data: () => new Exchange() });
}
