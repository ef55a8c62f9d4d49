import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetError } from '@tickwire/base';
import * as v from 'valibot';
import { cli } from '../test/cli.ts';
import { errorText } from './app.ts';
import { ExitCode } from './context.ts';
import { type RunResult, runResultSchema } from './exchange/result.ts';

// Whole runs, on machines that have other things to do.
setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'tickwire-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('help', () => {
  test('without a command lists the commands and succeeds', async () => {
    const { code, out } = await cli([]);
    expect(code).toBe(ExitCode.Ok);
    for (const command of ['exchange', 'trader', 'serve', 'replay-journal', 'bench', 'doctor']) {
      expect(out).toContain(`  ${command} `);
    }
  });

  test.each(['exchange', 'trader', 'serve', 'replay-journal', 'bench', 'doctor'])(
    '%s --help explains itself',
    async (command) => {
      const { code, out } = await cli([command, '--help']);
      expect(code).toBe(ExitCode.Ok);
      expect(out).toContain(`tickwire ${command}`);
    },
  );

  test('colours only where they are welcome', async () => {
    expect((await cli(['--help'])).out).not.toContain('\u001b[');
    expect((await cli(['--help'], { FORCE_COLOR: '1' })).out).toContain('\u001b[');
    expect((await cli(['--help'], { FORCE_COLOR: '1', NO_COLOR: '1' })).out).not.toContain(
      '\u001b',
    );
  });
});

describe('command lines that make no sense end with 2 and say why', () => {
  test.each([
    [['exchnge'], 'No command registered for `exchnge`, did you mean `exchange`?'],
    [['exchange', '--rat', '5'], 'No flag registered for --rat, did you mean --rate?'],
    [['exchange', '--rate', 'fast'], '"fast" is not a rate; give orders per second above 0'],
    [['exchange', '--threads', '2'], 'Expected "2" to be one of (1|3)'],
    [['exchange', '--journal', 'maybe'], 'to be one of (none|async|group-commit)'],
    [['exchange', '--duration', '0'], 'is not a duration'],
    [['exchange', '--sessions', '65'], 'is not a number of sessions; give 1 to 64'],
    [['trader', '--venue', 'here'], '"here" is not an IP address'],
    [['replay-journal'], 'Expected argument for DIR'],
    [['serve', '--address', '10.0.0.1'], 'is not an address with a prefix length'],
  ])('%p', async (args, message) => {
    const { code, out, err } = await cli(args);
    expect(err).toContain(message);
    expect(code).toBe(ExitCode.Usage);
    expect(out).toBe('');
  });
});

describe('runs that cannot be end with 1 and say what to do', () => {
  const full = join(folder, 'full');
  const bad = join(folder, 'bad.csv');
  const gone = join(folder, 'gone.csv');
  const fifo = join(folder, 'fifo');
  Bun.spawnSync(['mkfifo', fifo]);
  writeFileSync(full, '');
  writeFileSync(bad, '34200.1,1,5,100,5853300,1\nnonsense\n');

  test.each([
    [['exchange', '--journal', 'none', '--keep'], '--journal none writes no journal; leave out'],
    [['exchange', '--address', '10.0.0.1/24'], 'Without --device nobody else is on the wire'],
    [['exchange', '--device', 'net_tap', '--rate', '5'], 'give --rate to the trader command'],
    [['exchange', '--arrivals', 'recorded'], 'Recorded arrivals need a recording; give --replay'],
    [['exchange', '--rate', '0.1', '--duration', '1'], 'raise --rate or --duration'],
    [['exchange', '--replay', gone], `${gone} cannot be read (ENOENT); check the name`],
    [['exchange', '--replay', fifo], `${fifo} is not a regular file`],
    [['exchange', '--replay', folder], `${folder} is not a regular file`],
    [['exchange', '--journal-dir', full], `${full} is not a folder`],
    [['exchange', '--replay', bad], `${bad}:2: `],
    [
      ['exchange', '--journal-dir', folder],
      `${folder} is not empty and holds no journal; name a new folder`,
    ],
    [['exchange', '--journal-dir', join(full, 'x')], 'cannot be made; name a folder that you may'],
    [['exchange', '--pcap', join(folder, 'no/x.pcap')], 'cannot be written; name a file in a'],
    [['exchange', '--device', 'net_tpa'], '"net_tpa'],
    [['exchange', '--device', 'eth0'], '"eth0" is no device: neither a driver of DPDK nor a PCI'],
    [['exchange', '--device', 'net_af_packet'], 'iface is missing'],
    [['trader'], 'A trader needs a port to reach its venue; give --device'],
    [['serve'], 'The services need a port; give --device'],
    [['replay-journal', gone], 'There is no journal'],
    [['bench', 'no-such'], 'There is no benchmark "no-such"; "npm run bench" lists them'],
  ])('%p', async (args, message) => {
    const { code, out, err } = await cli(args);
    expect(err).toContain(message);
    expect(err).not.toContain('    at ');
    expect(code).toBe(ExitCode.Failed);
    expect(out).toBe('');
  });

  test('nothing is left behind in the temporary folder', async () => {
    const journals = (): string[] =>
      readdirSync(tmpdir()).filter((name) => name.startsWith('tickwire-journal-'));
    const before = journals().length;
    await cli(['exchange', '--orders', '100', '--quiet', '--pcap', join(folder, 'no/x.pcap')]);
    expect(journals().length).toBeLessThanOrEqual(before);
  });
});

describe('errorText()', () => {
  test('gives code and sentence of a NetError, and the stack of a defect', () => {
    expect(errorText(new NetError('EPERM', 'No; run as root'))).toBe(
      'tickwire: No; run as root [EPERM]',
    );
    const advice = "No device; see details.log for the driver's reason";
    expect(errorText(new NetError('ENODEV', advice, { log: 'one\ntwo' }))).toBe(
      "tickwire: No device; see the lines below for the driver's reason [ENODEV]\n  one\n  two",
    );
    expect(errorText(new NetError('ENODEV', advice, { log: '' }))).toContain("DPDK's log, which");
    expect(errorText(new TypeError('x is not a function'))).toContain('    at ');
    expect(errorText('odd')).toBe('tickwire: odd');
  });
});

function parse(text: string): RunResult {
  const last = text.trimEnd().split('\n').at(-1)!;
  return v.parse(runResultSchema, JSON.parse(last));
}

describe('exchange', () => {
  test('--json prints one object last on stdout, and exits with 0', async () => {
    const args = ['exchange', '--orders', '3000', '--warmup', '500', '--json'];
    const { code, out, err } = await cli(args);
    const result = parse(out);
    expect(out.split('\n')).toHaveLength(2);
    expect(result).toMatchObject({
      role: 'embedded',
      device: 'loopback',
      dpdk: null,
      orders: 3000,
      lost: 0,
      multicastLost: 0,
      sessions: 4,
      journal: 'async',
      warmup: { orders: 500 },
      replay: { equal: true, records: 3000 },
      ok: true,
    });
    expect(result.latencyNs.count).toBe(2500);
    expect(result.multicastMessages).toBe(result.reports);
    expect(result.journalBytes).toBeGreaterThan(3000 * 16);
    expect(code).toBe(ExitCode.Ok);
    expect(err).toContain('on the loopback device (TICKWIRE_NO_DPDK is set)');
  });

  test('prints a summary with a histogram, and no progress with --quiet', async () => {
    const { code, out, err } = await cli(['exchange', '--orders', '2000', '--quiet']);
    expect(code).toBe(ExitCode.Ok);
    expect(err).toBe('');
    expect(out).toContain('order to report');
    expect(out).toContain('█');
    expect(out).toContain('the same state and the same reports');
    expect(out).toContain('Without DPDK, on the loopback device');
  });

  test('--journal none runs without a journal and has nothing to replay', async () => {
    const { code, out } = await cli(['exchange', '--orders', '500', '--journal', 'none', '--json']);
    expect(parse(out)).toMatchObject({ journalBytes: 0, replay: { equal: null }, ok: true });
    expect(code).toBe(ExitCode.Ok);
  });

  test('--journal-dir keeps the journal, and replay-journal finds the same state', async () => {
    const directory = join(folder, 'journal');
    const args = ['exchange', '--orders', '2000', '--json', '--journal-dir', directory];
    const result = parse((await cli(args)).out);
    expect(existsSync(directory)).toBe(true);
    const { out, code } = await cli(['replay-journal', directory, '--json']);
    expect(code).toBe(ExitCode.Ok);
    expect(JSON.parse(out)).toMatchObject({
      records: 2000,
      stateHash: result.replay.stateHash,
      reportSha256: result.reportSha256,
    });
    expect((await cli(['replay-journal', directory])).out).toContain(result.replay.stateHash);
  });

  test('--pcap writes a capture', async () => {
    const path = join(folder, 'run.pcap');
    const { code } = await cli(['exchange', '--orders', '200', '--quiet', '--pcap', path]);
    expect(code).toBe(ExitCode.Ok);
    const magic = new Uint8Array(await Bun.file(path).arrayBuffer()).slice(0, 4);
    expect([...magic].map((byte) => byte.toString(16)).toSorted()).toEqual(
      ['a1', 'b2', '3c', '4d'].toSorted(),
    );
  });

  test('--trace prints every frame', async () => {
    const { err } = await cli(['exchange', '--orders', '20', '--quiet', '--trace']);
    expect(err).toContain('Flags [S]');
    expect(err).toContain('239.77.0.1.9001');
  });

  test('a signal ends the run early, with a summary of what was', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 300);
    const args = ['exchange', '--rate', '1k', '--duration', '1h', '--json'];
    const { code, out } = await cli(args, {}, controller.signal);
    const result = parse(out);
    expect(result.interrupted).toBe(true);
    expect(result.orders).toBeLessThan(100_000);
    expect(result).toMatchObject({ lost: 0, replay: { equal: true } });
    expect(code).toBe(ExitCode.Ok);
  });
});
