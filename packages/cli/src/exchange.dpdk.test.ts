/**
 * The exchange as a user meets it: a process, over crossed DPDK rings where DPDK is there.
 */

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { hasNative } from '@tickwire/phy-dpdk';
import { finish, resultOf, start } from '../test/process.ts';

// Whole runs, on machines that have other things to do.
setDefaultTimeout(60_000);

describe('npm run exchange, as a process', () => {
  test('takes the rings of DPDK, shows progress on stderr, ends with one object', async () => {
    const args = ['exchange', '--rate', '20k', '--duration', '1.5', '--warmup', '2000', '--json'];
    const { code, out, err } = await finish(start(args));
    const result = resultOf(out);
    expect(out.split('\n')).toHaveLength(2);
    expect(result.device).toBe(hasNative() ? 'net_ring' : 'loopback');
    expect(result.dpdk === null).toBe(!hasNative());
    expect(result).toMatchObject({ orders: 30_000, lost: 0, multicastLost: 0, ok: true });
    expect(result.replay).toMatchObject({ equal: true, records: 30_000 });
    expect(err).toMatch(/\d orders {2}[\d,]+\/s .*book [\d,]+ \/ [\d,]+/);
    expect(code).toBe(0);
  });

  test('SIGINT ends the run with its summary and its replay', async () => {
    const child = start(['exchange', '--rate', '2k', '--duration', '1h', '--warmup', '0']);
    const reader = child.stderr.getReader();
    // The second line of progress is a second into the run.
    for (let text = ''; text.split('\n').length < 3;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    child.kill('SIGINT');
    const [out, code] = await Promise.all([child.stdout.text(), child.exited]);
    expect(out).toContain('ended early by a signal');
    expect(out).toContain('the same state and the same reports');
    expect(code).toBe(0);
  });

  test('a reader that leaves early does not make it hang', async () => {
    const child = start(['exchange', '--orders', '1000', '--quiet', '--json']);
    await child.stdout.cancel();
    expect(await child.exited).toBeNumber();
  });

  test.each([
    ['a full disk under stdout', '"$@" >/dev/full', /^tickwire: The output .* \[ENOSPC\]\n$/],
    ['a closed pipe', 'set -o pipefail; "$@" | true', /^$/],
    ['TMPDIR nowhere', 'TMPDIR=/nonexist "$@"', /^tickwire: No temporary folder .*\n$/],
  ])('%s is an error of one line at most', async (_what, line, said) => {
    const args = ['exchange', '--orders', '500', '--quiet', '--json'];
    const env = ['env', 'TICKWIRE_NO_DPDK=1', 'bash', '-c', line, 'bash'];
    const { code, err } = await finish(start(args, env));
    expect(err.replace(/^Without DPDK.*\n/, '')).toMatch(said);
    expect(code).toBe(1);
  });
});
