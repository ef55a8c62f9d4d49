/**
 * Echo (RFC 862), discard (RFC 863) and chargen (RFC 864), over TCP and UDP.
 *
 * @module
 */

import type { DatagramSource, Stack, TcpHandlers, UdpHandlers, UdpSocket } from '@tickwire/stack';

/** Port of the echo service. */
export const ECHO_PORT = 7;
/** Port of the discard service. */
export const DISCARD_PORT = 9;
/** Port of the character generator. */
export const CHARGEN_PORT = 19;

/** What did not fit into the send queue of an echo connection. */
class Rest {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  isEnding = false;
}

const echoHandlers: TcpHandlers<Rest> = {
  data(socket, bytes, at, length) {
    const taken = socket.write(bytes, at, length);
    if (taken === length) return;
    // The peer sends but does not read: keep these bytes and take no more, so its window closes.
    const rest = socket.data;
    rest.bytes = bytes.slice(at + taken, at + length);
    rest.at = 0;
    socket.pause();
  },
  drain(socket) {
    const rest = socket.data;
    rest.at += socket.write(rest.bytes, rest.at, rest.bytes.length - rest.at);
    if (rest.at < rest.bytes.length) return;
    if (rest.isEnding) socket.end();
    else socket.resume();
  },
  end(socket) {
    // What waits still goes back: a half-close is how nc says that its input is over.
    if (socket.data.at < socket.data.bytes.length) socket.data.isEnding = true;
    else socket.end();
  },
};

/**
 * Ports whose services answer everything: answering them would keep two machines busy for ever with
 * one forged datagram (CERT CA-1996-01).
 */
function isLoop(port: number): boolean {
  return port === ECHO_PORT || port === CHARGEN_PORT;
}

function reply(
  socket: UdpSocket,
  bytes: Uint8Array,
  at: number,
  length: number,
  to: DatagramSource,
): void {
  // A datagram that finds no room is lost, as datagrams are.
  socket.sendWords(bytes, at, length, to.word0, to.word1, to.word2, to.word3, to.port);
}

const echoDatagrams: UdpHandlers = {
  data(socket, bytes, at, length, source) {
    if (!isLoop(source.port)) reply(socket, bytes, at, length, source);
  },
};

/** Starts the echo service. */
export function serveEcho(stack: Stack): void {
  stack.listen({ port: ECHO_PORT, socket: echoHandlers, data: () => new Rest() });
  stack.udp({ port: ECHO_PORT, socket: echoDatagrams });
}

/** Starts the discard service. */
export function serveDiscard(stack: Stack): void {
  stack.listen({ port: DISCARD_PORT, socket: { data: () => {} } });
  stack.udp({ port: DISCARD_PORT, socket: { data: () => {} } });
}

/** Characters of a line of chargen, without its end (RFC 864). */
const LINE = 72;
/** Printable characters, from the blank to the tilde. */
const PRINTABLE = 95;
/** After so many lines the pattern begins again. */
const PATTERN: Uint8Array = chargenPattern();
/** Bytes of a chargen datagram: 0 to 512 (RFC 864). */
const DATAGRAM_MAX = 512;

/** The rotating lines of RFC 864, one period of them. */
export function chargenPattern(): Uint8Array {
  const pattern = new Uint8Array(PRINTABLE * (LINE + 2));
  let at = 0;
  for (let line = 0; line < PRINTABLE; line += 1) {
    for (let i = 0; i < LINE; i += 1) pattern[at++] = 0x20 + ((line + i) % PRINTABLE);
    pattern[at++] = 0x0d;
    pattern[at++] = 0x0a;
  }
  return pattern;
}

/** Place in the pattern of one chargen connection. */
class Place {
  at = 0;
}

const chargenHandlers: TcpHandlers<Place> = {
  open: (socket) => generate(socket),
  drain: (socket) => generate(socket),
  data: () => {},
};

function generate(socket: Parameters<NonNullable<TcpHandlers<Place>['open']>>[0]): void {
  const place = socket.data;
  for (;;) {
    const taken = socket.write(PATTERN, place.at, PATTERN.length - place.at);
    place.at = (place.at + taken) % PATTERN.length;
    if (taken === 0) return;
  }
}

/** Starts the character generator. */
export function serveChargen(stack: Stack): void {
  stack.listen({ port: CHARGEN_PORT, socket: chargenHandlers, data: () => new Place() });
  let datagrams = 0;
  stack.udp({
    port: CHARGEN_PORT,
    socket: {
      data(socket, _bytes, _at, _length, source) {
        // "A random number of characters": any varying number will do, and this one is reproducible.
        datagrams += 1;
        const length = (datagrams * 211) % (DATAGRAM_MAX + 1);
        if (!isLoop(source.port)) reply(socket, PATTERN, 0, length, source);
      },
    },
  });
}
