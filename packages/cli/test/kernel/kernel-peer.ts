/**
 * Small applications on the kernel's sockets, for what nc cannot do. Each prints one line of JSON
 * when it can be used, `"ready"`, and one with its result.
 *
 * Usage: `bun kernel-peer.ts <mode> <arguments as JSON>` in the kernel's namespace.
 *
 * @module
 */

import { createSocket, type Socket } from 'node:dgram';
import type { PeerTask } from './peer-task.ts';

/** Datagrams that wait for their echo at most: less than any queue on the way holds. */
const OUTSTANDING_MAX = 16;

/** Nothing here takes longer. */
const LIFE_MS = 120_000;

/** A datagram that does not come back fails the run by then. */
const PATIENCE_MS = 10_000;

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A socket of the family in which `peer` is written. */
function bound(port: number, peer: string): Promise<Socket> {
  const type = peer.includes(':') ? 'udp6' : 'udp4';
  const socket = createSocket({ type, reuseAddr: true });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, () => resolve(socket));
  });
}

/** Byte `i` of datagram `n`. */
function datagram(n: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (n * 31 + i * 7) & 0xff);
}

/** Sends datagrams of every size and compares their echoes, whatever their order. */
async function udpEcho(task: PeerTask & { mode: 'udp-echo' }): Promise<object> {
  const socket = await bound(0, task.host);
  const pending = new Map<number, string>();
  let sent = 0;
  let equal = 0;
  let wrong = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, PATIENCE_MS);
  const key = (bytes: Uint8Array): string => Bun.hash(bytes).toString(36);
  const more = (): void => {
    while (sent < task.count && pending.size < OUTSTANDING_MAX) {
      // Length 0 is in, and the largest is one frame.
      const bytes = datagram(sent, Math.floor((sent * task.bytesMax) / (task.count - 1)));
      // The number lies in the length: lengths differ, or their datagrams do.
      pending.set(sent, key(bytes));
      socket.send(bytes, task.port, task.host);
      sent += 1;
    }
    if (equal + wrong === task.count) resolve();
  };
  socket.on('message', (bytes) => {
    const hash = key(bytes);
    const [first] = [...pending].find(([, each]) => each === hash) ?? [];
    if (first === undefined) wrong += 1;
    else {
      equal += 1;
      pending.delete(first);
    }
    more();
  });
  say('ready');
  more();
  await promise;
  clearTimeout(timer);
  socket.close();
  return { sent, equal, wrong };
}

/** Receives the stack's multicasts, and sends its own to the same group. */
async function multicast(task: PeerTask & { mode: 'multicast' }): Promise<object> {
  const socket = await bound(task.port, task.group);
  const texts: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('message', (bytes) => {
    texts.push(bytes.toString());
    if (texts.length === task.count) resolve();
  });
  socket.addMembership(task.group, task.local);
  socket.setMulticastInterface(task.local);
  socket.setMulticastLoopback(false);
  for (let i = 0; i < task.count; i += 1) {
    socket.send(`from the kernel ${i}`, task.port, task.group);
  }
  say('ready');
  await Promise.race([promise, Bun.sleep(PATIENCE_MS)]);
  socket.dropMembership(task.group, task.local);
  socket.close();
  return { texts };
}

/** One connection of a TCP server: echoes, or hashes and throws away. */
function tcpServer(task: PeerTask & { mode: 'tcp-server' }): Promise<object> {
  const hasher = new Bun.CryptoHasher('sha256');
  const { promise, resolve } = Promise.withResolvers<object>();
  let received = 0;
  let ended = false;
  const waiting: Uint8Array[] = [];
  const server = Bun.listen({
    hostname: task.host,
    port: task.port,
    allowHalfOpen: true,
    socket: {
      data(socket, bytes) {
        hasher.update(bytes);
        received += bytes.length;
        if (task.echo) {
          waiting.push(new Uint8Array(bytes));
          flush(socket);
        }
      },
      drain: (socket) => flush(socket),
      end(socket) {
        ended = true;
        flush(socket);
      },
      close(_socket, error) {
        server.stop(true);
        resolve({ received, hash: hasher.digest('hex'), error: error?.message });
      },
    },
  });
  const flush = (socket: Bun.Socket): void => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const taken = socket.write(first);
      if (taken < first.length) {
        waiting[0] = first.subarray(Math.max(0, taken));
        return;
      }
      waiting.shift();
    }
    if (ended) socket.end();
  };
  say('ready');
  return promise;
}

/** Bytes that each of many connections has echoed. */
const MESSAGE_BYTES = 3_000;

/** One connection: connect, send, compare the echo, close. */
function conversation(host: string, port: number, n: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const message = datagram(n, MESSAGE_BYTES);
  const echo: number[] = [];
  const options = { hostname: host, port };
  const socket = {
    open: (each: Bun.Socket) => void each.write(message),
    data(each: Bun.Socket, bytes: Uint8Array) {
      echo.push(...bytes);
      if (echo.length >= message.length) each.end();
    },
    close: () => resolve(Bun.deepEquals(Uint8Array.from(echo), message)),
    connectError: () => resolve(false),
  };
  Bun.connect({ ...options, socket }).catch(() => resolve(false));
  return promise;
}

/** Many connections: as many at once as asked for. */
async function connections(task: PeerTask & { mode: 'connections' }): Promise<object> {
  say('ready');
  let begun = 0;
  let equal = 0;
  const worker = async (): Promise<void> => {
    while (begun < task.count) {
      begun += 1;
      if (await conversation(task.host, task.port, begun)) equal += 1;
    }
  };
  await Promise.all(Array.from({ length: task.atOnce }, worker));
  return { begun, equal };
}

function perform(task: PeerTask): Promise<object> {
  switch (task.mode) {
    case 'udp-echo':
      return udpEcho(task);
    case 'multicast':
      return multicast(task);
    case 'tcp-server':
      return tcpServer(task);
    case 'connections':
      return connections(task);
  }
}

// Whoever started this may be gone.
setTimeout(() => process.exit(1), LIFE_MS).unref();
say(await perform(JSON.parse(process.argv[2] ?? '') as PeerTask));
process.exit(0);
