/**
 * Datagrams: a server answers in place, a client counts the answers; then one multicast to a group.
 */

import { createHeapArena } from '@tickwire/base';
import { createLoopbackPair } from '@tickwire/phy';
import { Stack } from '@tickwire/stack';
import { IpAddress } from '@tickwire/wire';

const arena = createHeapArena({ frames: 256, dataRoom: 2048 });
const wire = createLoopbackPair(arena);
const server = new Stack({ device: wire.a, addresses: ['10.0.0.1/24'] });
const client = new Stack({ device: wire.b, addresses: ['10.0.0.2/24'] });

using echo = server.udp({
  port: 7,
  groups: ['239.1.2.3'],
  socket: {
    data(socket, bytes, at, length, source) {
      const { word0, word1, word2, word3, port } = source;
      socket.sendWords(bytes, at, length, word0, word1, word2, word3, port);
    },
  },
});
let answers = 0;
using socket = client.udp({ socket: { data: () => void (answers += 1) } });

const bytes = new TextEncoder().encode('hello');
for (const destination of ['10.0.0.1', '10.0.0.1', '239.1.2.3']) {
  socket.send(bytes, 0, bytes.length, IpAddress.parse(destination), echo.localPort);
  for (let round = 0; round < 4; round += 1) {
    client.poll();
    server.poll();
  }
}
console.log(`${answers} answers to 3 datagrams, one of them multicast`);
