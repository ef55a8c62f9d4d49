/**
 * The venue on real ports: a TAP that the kernel talks to, and a trader in another namespace.
 */

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasNative } from '@tickwire/phy-dpdk';
import { Namespace, pipeline, whyNot } from '../test/kernel/namespace.ts';
import { type CliProcess, finish, resultOf, start } from '../test/process.ts';

// Whole runs, on machines that have other things to do.
setDefaultTimeout(60_000);

const reason = hasNative() ? whyNot(['nc', 'curl']) : 'needs DPDK';
if (reason !== undefined) console.warn(`SKIPPED, all of device.netns.test.ts: ${reason}`);

/** Reads stderr until it says that the venue is there; returns what it said. */
async function ready(child: CliProcess): Promise<string> {
  const reader = child.stderr.getReader();
  let text = '';
  while (!text.includes('Ctrl-C ends it')) {
    const { value, done } = await reader.read();
    if (done) break;
    text += new TextDecoder().decode(value);
  }
  // Whatever comes later is drained, so that the child never waits for a reader.
  void (async () => {
    while (!(await reader.read()).done);
  })();
  return text;
}

describe.skipIf(reason !== undefined)('--device', () => {
  const spaces: Namespace[] = [];
  const space = (): Namespace => {
    const made = new Namespace();
    spaces.push(made);
    return made;
  };
  afterAll(() => spaces.forEach((each) => each[Symbol.dispose]()));

  test('a venue on a TAP answers the kernel (ping, echo, HTTP) and ends on SIGINT', async () => {
    const here = space();
    const args = ['exchange', '--device', 'net_tap:iface=twcli0', '--json'];
    const venue = start(args, here.inside());
    const said = await ready(venue);
    expect(said).toContain('The kernel has 10.77.0.254/24 on twcli0');
    expect(said).toContain('Login accept-all');
    const ping = await pipeline(here, 'ping -c 3 -i 0.2 -W 2 10.77.0.1');
    expect(ping.output).toContain('3 received');
    const echo = await pipeline(here, 'echo hello | timeout 5 nc -q 1 10.77.0.1 7');
    expect(echo.output).toContain('hello');
    const http = await pipeline(here, 'curl -s -m 5 -i http://10.77.0.1/');
    expect(http.output).toContain('200 OK');
    venue.kill('SIGINT');
    const [out, code] = await Promise.all([venue.stdout.text(), venue.exited]);
    expect(resultOf(out)).toMatchObject({
      role: 'venue',
      device: 'net_tap:iface=twcli0',
      orders: 0,
      interrupted: true,
      replay: { equal: true },
    });
    expect(code).toBe(0);
  });

  test('serve answers on its own, and says what it moved', async () => {
    const here = space();
    const args = ['serve', '--device', 'net_tap:iface=twcli1', '--address', '10.78.0.1/24'];
    const child = start(args, here.inside());
    expect(await ready(child)).toContain('The kernel has 10.78.0.254/24 on twcli1');
    const echo = await pipeline(here, 'echo there | timeout 5 nc -q 1 10.78.0.1 7');
    expect(echo.output).toContain('there');
    child.kill('SIGTERM');
    const [out, code] = await Promise.all([child.stdout.text(), child.exited]);
    expect(out).toMatch(/frames [1-9]\d* in, [1-9]\d* out/);
    expect(code).toBe(0);
  });

  test('trader in another namespace trades over veth; both sides count the same', async () => {
    const one = space();
    const other = space();
    one.veth('twv0', other, 'twv1');
    const args = ['exchange', '--device', 'net_af_packet:iface=twv0', '--json', '--idle', 'yield'];
    const venue = start(args, one.inside());
    await ready(venue);
    const load = ['--rate', '5k', '--orders', '5000', '--warmup', '500', '--json', '--quiet'];
    const trader = start(
      ['trader', '--device', 'net_af_packet:iface=twv1', ...load],
      other.inside(),
    );
    const traded = await finish(trader);
    venue.kill('SIGINT');
    const [out, code] = await Promise.all([venue.stdout.text(), venue.exited]);
    const [there, here] = [resultOf(traded.out), resultOf(out)];
    expect(there).toMatchObject({ role: 'trader', orders: 5000, lost: 0, multicastLost: 0 });
    expect(here).toMatchObject({ role: 'venue', orders: 5000, replay: { equal: true } });
    for (const name of ['reports', 'fills', 'rejects', 'newOrders', 'cancels'] as const) {
      expect(here[name]).toBe(there[name]);
    }
    expect([traded.code, code]).toEqual([0, 0]);
  });

  test('a venue goes on with its journal; a trader that it has seen is told so', async () => {
    const one = space();
    const other = space();
    one.veth('twv4', other, 'twv5');
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-venue-'));
    const args = ['exchange', '--device', 'net_af_packet:iface=twv4', '--json', '--idle', 'yield'];
    const open = async (): Promise<{ venue: CliProcess; said: string }> => {
      const venue = start([...args, '--journal-dir', folder], one.inside());
      return { venue, said: await ready(venue) };
    };
    const trade = (...more: string[]): ReturnType<typeof finish> => {
      const load = ['--rate', '5k', '--orders', '1000', '--warmup', '0', '--json', '--quiet'];
      const device = ['--device', 'net_af_packet:iface=twv5'];
      return finish(start(['trader', ...device, ...load, ...more], other.inside()));
    };
    try {
      const first = await open();
      expect((await trade()).code).toBe(0);
      first.venue.kill('SIGKILL');
      await first.venue.exited;
      const { venue, said } = await open();
      expect(said).toContain('Recovered 1000 inputs from 1000 records');
      const again = await trade();
      expect(again.err).toMatch(/has had orders of trader \d before; give .* --first-trader/);
      expect(again.code).toBe(1);
      const traded = await trade('--first-trader', '8');
      expect(resultOf(traded.out)).toMatchObject({ orders: 1000, lost: 0, multicastLost: 0 });
      venue.kill('SIGINT');
      const [out, code] = await Promise.all([venue.stdout.text(), venue.exited]);
      const replay = { equal: true, records: 2000 };
      expect(resultOf(out)).toMatchObject({ orders: 1000, replay });
      expect(resultOf(out).fills).toBe(resultOf(traded.out).fills);
      expect([traded.code, code]).toEqual([0, 0]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a trader without a venue says so and ends with 1', async () => {
    const one = space();
    const other = space();
    one.veth('twv2', other, 'twv3');
    const args = ['trader', '--device', 'net_af_packet:iface=twv2', '--orders', '10', '--quiet'];
    const { code, err } = await finish(start(args, one.inside()));
    expect(err).toMatch(/10\.77\.0\.1.*(cannot be reached|did not answer)|within 5 s/);
    expect(code).toBe(1);
  });

  test('a device that is not there, or a port that is taken, is an error with advice', async () => {
    const here = space();
    const args = ['exchange', '--device', 'net_af_packet:iface=nowhere0'];
    const gone = await finish(start(args, here.inside()));
    expect(gone.err).toContain('There is no network interface "nowhere0" here; "ip link" lists');
    expect(gone.code).toBe(1);
    const port = ['exchange', '--device', 'net_tap:iface=twcli2', '--port', '7'];
    const taken = await finish(start(port, here.inside()));
    expect(taken.err).toContain('[EADDRINUSE]');
    expect(taken.code).toBe(1);
  });
});
