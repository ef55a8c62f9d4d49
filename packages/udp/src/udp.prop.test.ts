import { expect, test } from 'bun:test';
import { NO_FRAME, Prng, Status } from '@tickwire/base';
import fc from 'fast-check';
import { Bench, OUR_IP, V4 } from '../test/harness.ts';
import { type UdpSocket, UdpState } from './socket.ts';

const ADDRESSES = [0, OUR_IP, OUR_IP + 1];
const PEERS = [0x0a000010, 0x0a000011];
const PORTS = [7, 8];

/** What the demultiplexer must choose, by looking at every socket (RFC 1122, 4.1.3). */
function candidates(
  open: UdpSocket[],
  dst: number,
  port: number,
  src: number,
  srcPort: number,
): UdpSocket[] {
  const here = open.filter((s) => s.localPort === port && s.state >= UdpState.Bound);
  const connected = here.filter(
    (s) =>
      s.state === UdpState.Connected &&
      s.local3 === dst &&
      s.remote3 === src &&
      s.remotePort === srcPort,
  );
  if (connected.length > 0) return connected;
  const bound = here.filter((s) => s.state === UdpState.Bound);
  const exact = bound.filter((s) => s.local3 === dst);
  return exact.length > 0 ? exact : bound.filter((s) => s.local3 === 0);
}

test('receive() agrees with a linear search under random churn of sockets', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Prng(seed);
      const bench = new Bench({ sockets: 12 });
      const open: UdpSocket[] = [];
      const pick = (values: readonly number[]): number => values[random.nextBelow(values.length)]!;
      for (let step = 0; step < 150; step += 1) {
        const action = random.nextBelow(6);
        const socket = open[random.nextBelow(open.length + 1)];
        if (action === 0) {
          const fresh = bench.udp.open();
          if (fresh === null) continue;
          fresh.reuse = random.nextBelow(4) === 0 ? 0 : 1;
          open.push(fresh);
          bench.udp.bind(fresh, 0, 0, V4, pick(ADDRESSES), pick(PORTS));
        } else if (action === 1 && socket !== undefined) {
          bench.udp.close(socket, 0);
          open.splice(open.indexOf(socket), 1);
        } else if (action === 2 && socket !== undefined) {
          bench.udp.connect(socket, 0, 0, V4, pick(PEERS), pick(PORTS), 0);
        } else if (action === 3 && socket !== undefined) bench.udp.disconnect(socket);
        else {
          const dst = pick(ADDRESSES.slice(1));
          const port = pick(PORTS);
          const src = pick(PEERS);
          const srcPort = pick(PORTS);
          const expected = candidates(open, dst, port, src, srcPort);
          const status = bench.receive('x', port, { src, dst, srcPort });
          const got = bench.delivered.pop();
          if (expected.length === 0) expect(status).toBe(Status.NoHandler);
          else expect(expected).toContain(got!.socket);
        }
        expect(bench.framesInUse).toBe(0);
      }
      for (const socket of open) bench.udp.close(socket, 0);
      expect(bench.udp.openSockets).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('receive() never throws and never leaks on random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, isGroup) => {
      const bench = new Bench();
      const socket = bench.bound(7);
      bench.udp.joinGroup(socket, 0, 0, V4, 0xe0000005 | 0, 0);
      const frame = bench.arena.alloc();
      expect(frame).not.toBe(NO_FRAME);
      bench.arena.bytes.set(bytes, bench.arena.dataAt[frame]);
      bench.meta.frame = frame;
      bench.meta.at = bench.arena.dataAt[frame]!;
      bench.meta.length = bytes.length;
      bench.meta.dst2 = V4;
      bench.meta.dst3 = isGroup ? 0xe0000005 | 0 : OUR_IP;
      if (bench.udp.receive(bench.meta, 0) === Status.NoHandler) bench.arena.free(frame);
      expect(bench.framesInUse).toBe(0);
    }),
  );
});
