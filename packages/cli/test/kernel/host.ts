/**
 * Our stack as a host of its own: opens a device, starts the services and does what it is told by
 * lines of JSON on stdin, `{"id": 1, "op": "connect", ...}`, answered by lines on stdout. Ends when
 * stdin closes. DPDK starts once per process, which is why this is a program.
 *
 * Usage: `bun host.ts <options as JSON>`, see {@link HostOptions}.
 *
 * @module
 */

import { assert, monotonicClock } from '@tickwire/base';
import { createMemPool, EalBuilder, openDevice } from '@tickwire/phy-dpdk';
import { runLoop, Stack, startServices } from '@tickwire/stack';
import { BulkSender } from './bulk-sender.ts';
import type { Request } from './host-protocol.ts';
import { type HostOptions, HostServicePort } from './host-protocol.ts';
import { HostTraffic } from './host-traffic.ts';
import { Napping } from './nap.ts';

/** Connections that a test does not end are given up after this. */
const SETTLE_MS = 30_000;

/** Short, so that a connection that we closed first is gone before the accounts are made. */
const TIME_WAIT_NS = 50_000_000;

const options = JSON.parse(process.argv[2] ?? 'null') as HostOptions | null;
assert(options !== null, 'usage: host.ts <options as JSON>');

const frames = options.frames ?? 8191;
const dataRoom = options.dataRoom ?? 2176;
const eal = new EalBuilder()
  .noHuge()
  .noPci()
  .memoryMb(48 + Math.ceil((frames * (dataRoom + 512)) / (1 << 20)))
  .init();
const pool = createMemPool(eal, { frames, dataRoom });
const device = openDevice(options.device, {
  pool,
  ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
});
const heldByDriver = pool.inUse;
const stack = new Stack({
  device,
  addresses: [options.address],
  ...(options.gateway === undefined ? {} : { gateway: options.gateway }),
  tcp: { timeWaitNs: TIME_WAIT_NS, ...options.tcp },
});
const services = startServices(stack);
const traffic = new HostTraffic(stack);
traffic.listen(HostServicePort.Sink, HostServicePort.Source);
const bulk = new BulkSender(stack);

const controller = new AbortController();
const { signal } = controller;
const { idle = 'sleep' } = options;
const loop =
  options.isRealtime === true
    ? runLoop([new Napping([stack, bulk])], monotonicClock, { signal, idle: 'yield' })
    : runLoop([stack, bulk], monotonicClock, { signal, idle });

function counters(): Record<string, unknown> {
  return { ip: stack.core.ip.counters(), tcp: stack.core.tcp.counters };
}

/** Leaves all groups and waits until every connection is gone, or patience. */
async function settle(): Promise<void> {
  traffic.leave();
  const untilNs = monotonicClock.nowNs() + SETTLE_MS * 1e6;
  const { tcp } = stack.core;
  while (tcp.connectionCount > 0 && monotonicClock.nowNs() < untilNs) await Bun.sleep(5);
  // What leaving wanted to say goes out with the next round.
  const { polls } = stack.core;
  while (stack.core.polls < polls + 2) await Bun.sleep(1);
}

/** Closes everything and tells what is left. */
async function close(): Promise<Record<string, unknown>> {
  await settle();
  const { tcp, ip } = stack.core;
  const left = {
    connections: tcp.connectionCount,
    tcpTimers: tcp.timersArmed,
    ipFrames: ip.framesHeld,
    heldByDriver,
  };
  services.stop();
  traffic.close();
  controller.abort();
  await loop;
  const before = counters();
  stack.close();
  device.close();
  pool.arena.flush();
  const { rxFrames, txFrames, rxMissed, rxErrors, txDropped } = device.stats;
  return {
    ...left,
    inUse: pool.inUse,
    stats: { rxFrames, txFrames, rxMissed, rxErrors, txDropped },
    ...before,
  };
}

async function handle(request: Request): Promise<unknown> {
  switch (request.op) {
    case 'counters':
      return counters();
    case 'connections':
      return stack.core.tcp.connectionCount;
    case 'info':
      return traffic.info() ?? null;
    case 'connect':
      return traffic.connect(request);
    case 'ping':
      return traffic.ping(request.host, request.count);
    case 'results':
      return traffic.results;
    case 'source':
      traffic.source = request;
      return true;
    case 'join':
      return traffic.join(request.group, request.port);
    case 'datagrams':
      return traffic.datagrams;
    case 'multicast':
      return traffic.multicast(request.group, request.port, request.count);
    case 'bulk':
      return bulk.run(request);
    case 'settle':
      return settle();
    case 'close':
      return close();
  }
}

async function answer(line: string): Promise<void> {
  const request = JSON.parse(line) as Request & { id: number };
  let reply: object;
  try {
    reply = { id: request.id, value: await handle(request) };
  } catch (error) {
    reply = { id: request.id, error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

process.stdout.write(`${JSON.stringify({ id: 0, value: 'ready' })}\n`);
// A loop that throws must not look like a host that is slow.
loop.catch((error: unknown) => {
  process.stderr.write(`the poll loop ended: ${String(error)}\n`);
  process.exit(3);
});
for await (const line of console) if (line !== '') void answer(line);
process.exit(0);
