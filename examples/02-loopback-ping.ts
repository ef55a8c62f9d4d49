/**
 * Two stacks on a wire inside this process: ARP finds the neighbour, ICMP answers.
 */

import { createHeapArena, ManualClock } from '@tickwire/base';
import { createLoopbackPair, Tracer } from '@tickwire/phy';
import { Stack } from '@tickwire/stack';
import { IpAddress } from '@tickwire/wire';

const clock = new ManualClock(0);
const arena = createHeapArena({ frames: 256, dataRoom: 2048 });
const wire = createLoopbackPair(arena);
const traced = new Tracer(wire.a, (line) => console.log(line));
const a = new Stack({ device: traced, addresses: ['10.0.0.1/24'], clock, seed: 1 });
const b = new Stack({ device: wire.b, addresses: ['10.0.0.2/24'], clock, seed: 2 });

a.core.onEchoReply = (identifier, sequence): void => {
  console.log(`reply to ping ${identifier}, sequence ${sequence}`);
};
a.core.ip.sendEcho(IpAddress.parse('10.0.0.2'), 7, 1, Uint8Array.of(1, 2, 3, 4), 0, 4, 0);
for (let round = 0; round < 5; round += 1) {
  clock.advance(10_000);
  a.poll();
  b.poll();
}
