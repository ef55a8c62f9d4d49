/**
 * A connection from SYN to TIME-WAIT: open, data, end, close are handlers shared per server.
 */

import { createHeapArena } from '@tickwire/base';
import { createLoopbackPair } from '@tickwire/phy';
import { Stack } from '@tickwire/stack';

const arena = createHeapArena({ frames: 1024, dataRoom: 2048 });
const wire = createLoopbackPair(arena);
const server = new Stack({ device: wire.a, addresses: ['10.0.0.1/24'] });
const client = new Stack({ device: wire.b, addresses: ['10.0.0.2/24'] });

server.listen({
  port: 7,
  socket: { data: (socket, bytes, at, length) => void socket.write(bytes, at, length) },
});

let isClosed = false;
const decoder = new TextDecoder();
client.connect({
  hostname: '10.0.0.1',
  port: 7,
  data: undefined,
  socket: {
    open: (socket) => void socket.write(new TextEncoder().encode('the quick brown fox')),
    data(socket, bytes, at, length) {
      console.log(`echo: ${decoder.decode(bytes.subarray(at, at + length))}`);
      console.log(`smoothed round trip: ${Math.round(socket.info()?.rttNs ?? 0)} ns`);
      socket.end();
    },
    close(_socket, error) {
      console.log(error === undefined ? 'closed in order' : `closed: ${error.message}`);
      isClosed = true;
    },
  },
});
while (!isClosed) {
  client.poll();
  server.poll();
}
