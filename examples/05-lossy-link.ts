/**
 * A megabyte over a link that loses every twentieth frame, in virtual time: seconds of waiting for
 * timers pass in milliseconds, and the same seed gives the same run.
 */

import { createHeapArena, ManualClock } from '@tickwire/base';
import { createLoopbackPair, FaultInjector } from '@tickwire/phy';
import { Stack, type TcpSocket } from '@tickwire/stack';

const clock = new ManualClock(0);
const arena = createHeapArena({ frames: 4096, dataRoom: 2048 });
const wire = createLoopbackPair(arena);
const faults = { drop: 0.05, delayNs: 5_000_000 };
const link = new FaultInjector(wire.a, { seed: 7, transmit: faults, receive: faults });
const a = new Stack({ device: link, addresses: ['10.0.0.1/24'], clock, seed: 1 });
const b = new Stack({ device: wire.b, addresses: ['10.0.0.2/24'], clock, seed: 2 });

const data = crypto.getRandomValues(new Uint8Array(65_536));
const total = 1_048_576;
let sent = 0;
let received = 0;
b.listen({
  port: 9,
  socket: { data: (_socket, _bytes, _at, length) => void (received += length) },
});
const push = (socket: TcpSocket<undefined>): void => {
  while (sent < total) {
    const at = sent % data.length;
    const taken = socket.write(data, at, Math.min(data.length - at, total - sent));
    if (taken === 0) return;
    sent += taken;
  }
};
const socket = a.connect({
  hostname: '10.0.0.2',
  port: 9,
  data: undefined,
  socket: { open: push, drain: push },
});
while (received < total) {
  const work = a.poll() + b.poll();
  if (work > 0) continue;
  // Nothing to do now: go to the next timer or the next frame on the wire.
  const atNs = Math.min(a.pollAt(), b.pollAt(), link.nextDueNs());
  clock.set(Math.max(atNs, clock.nowNs() + 1));
}
const seconds = clock.nowNs() / 1e9;
console.log(`${received} bytes in ${seconds.toFixed(2)} s of virtual time`);
console.log(`${socket.info()?.totalRetrans ?? 0} segments retransmitted`);
