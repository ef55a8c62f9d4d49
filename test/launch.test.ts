/**
 * The launcher as a black box: a small checkout of its own, and programs that play npm, apt-get,
 * pkg-config and make. Nothing is installed and no network is used.
 */

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './support/source.ts';

const isRoot = process.getuid?.() === 0;
const node = Bun.which('node');

/** Where the programs are that every shell script needs. */
const SYSTEM = ['sh', 'mkdir', 'chmod', 'sleep', 'test', 'touch'];

const MAIN = `
const [what] = process.argv.slice(2);
console.error('PATH bun: ' + Bun.which('bun'));
if (what === 'wait') {
  process.on('SIGTERM', () => process.exit(42));
  setTimeout(() => process.exit(1), 20_000);
  console.log('waiting');
} else {
  console.log(JSON.stringify({ arguments: process.argv.slice(2) }));
  process.exitCode = Number(process.env.EXIT_WITH ?? 0);
}
`;

let checkout = '';

function file(path: string, text: string): string {
  const full = join(checkout, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

/** Puts a shell script on the launcher's PATH, in place of a link: never through it. */
function program(name: string, script: string): void {
  rmSync(join(checkout, 'path', name), { force: true });
  chmodSync(file(`path/${name}`, `#!/bin/sh\n${script}\n`), 0o755);
}

/** The lines that the played programs wrote about how they were called. */
function calls(): string[] {
  const log = join(checkout, 'calls');
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

const log = (name: string): string => `printf '%s\\n' "${name} $*" >> '${checkout}/calls'`;

function start(args: string[], env: Record<string, string> = {}): Bun.ReadableSubprocess {
  return Bun.spawn([node!, join(checkout, 'scripts/launch.mjs'), ...args], {
    env: { PATH: join(checkout, 'path'), HOME: checkout, TICKWIRE_NO_INSTALL: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function launch(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const child = start(args, env);
  const [out, err, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { code, out, err };
}

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'tickwire-launch-'));
  cpSync(join(root, 'scripts/launch.mjs'), join(checkout, 'scripts/launch.mjs'));
  cpSync(join(root, 'scripts/launch'), join(checkout, 'scripts/launch'), { recursive: true });
  file('package.json', JSON.stringify({ private: true, packageManager: `bun@${Bun.version}` }));
  file('bun.lock', '{}\n');
  file('packages/cli/src/main.ts', MAIN);
  file('packages/cli/node_modules/.keep', '');
  // As if the packages of this lock file were installed already.
  const digest = new Bun.CryptoHasher('sha256').update('{}\n').digest('hex');
  file('node_modules/.tickwire', digest);
  mkdirSync(join(checkout, 'path'));
  for (const name of SYSTEM) symlinkSync(Bun.which(name)!, join(checkout, 'path', name));
  symlinkSync(process.execPath, join(checkout, 'path', 'bun'));
});

afterEach(() => rmSync(checkout, { recursive: true, force: true }));

describe.skipIf(node === null)('launch.mjs (needs node on PATH)', () => {
  test('hands over arguments, stdout and exit code, and keeps stdout clean', async () => {
    const args = ['exchange', '--orders', '1000', '--json'];
    const result = await launch(args, { EXIT_WITH: '7' });
    expect(JSON.parse(result.out)).toEqual({ arguments: args });
    expect(result.code).toBe(7);
    expect(result.err).toContain(`PATH bun: ${join(checkout, '.tickwire/bin/bun')}`);
  });

  test('hands over signals', async () => {
    const child = start(['wait']);
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill('SIGTERM');
    expect(await child.exited).toBe(42);
  });

  test('runs nothing but the command when all is done', async () => {
    program('bun', `${log('bun')}\nexec ${process.execPath} "$@"`);
    await launch(['exchange']);
    const before = calls().length;
    const { err } = await launch(['exchange']);
    expect(err).not.toContain('tickwire:');
    const main = join(checkout, 'packages/cli/src/main.ts');
    expect(calls().slice(before)).toEqual([`bun ${main} exchange`]);
  });

  test('installs the pinned bun where PATH has another version', async () => {
    program('bun', 'echo 1.0.0');
    program(
      'npm',
      `${log('npm')}
      mkdir -p node_modules/@oven/bun-test/bin node_modules/bun/bin
      printf '#!/bin/sh\\nexit 1\\n' > node_modules/bun/bin/bun.exe
      printf '#!/bin/sh\\nexec ${process.execPath} "$@"\\n' > node_modules/@oven/bun-test/bin/bun
      chmod 755 node_modules/@oven/bun-test/bin/bun`,
    );
    const { code, out, err } = await launch(['exchange']);
    expect(err).toContain('installing bun');
    expect(JSON.parse(out)).toEqual({ arguments: ['exchange'] });
    expect(code).toBe(0);
    expect(calls()).toHaveLength(1);
    expect(calls()[0]).toContain(`--ignore-scripts --loglevel=error bun@${Bun.version}`);
  });

  test('says what to do when bun does not run on this processor', async () => {
    rmSync(join(checkout, 'path/bun'));
    program(
      'npm',
      `mkdir -p node_modules/@oven/bun-test/bin
      printf '#!/bin/sh\\nkill -ILL $$\\n' > node_modules/@oven/bun-test/bin/bun
      chmod 755 node_modules/@oven/bun-test/bin/bun`,
    );
    const { code, err } = await launch(['exchange']);
    expect(err).toMatch(/processor lacks/);
    expect(err).not.toContain('    at ');
    expect(code).toBe(1);
  });

  test('ends with the result line when the tests cannot start', async () => {
    rmSync(join(checkout, 'path/bun'));
    const { code, out, err } = await launch(['test']);
    expect(out).toBe('0 passed, 1 failed, 0 skipped\n');
    expect(err).toContain('there is no npm to install it with');
    expect(code).toBe(1);
  });

  test('installs the packages when the lock file has changed', async () => {
    const real = process.execPath;
    program('bun', `case "$1" in install) ${log('bun')};; *) exec ${real} "$@";; esac`);
    file('bun.lock', '{ "changed": true }\n');
    expect((await launch(['exchange'])).code).toBe(0);
    expect((await launch(['exchange'])).code).toBe(0);
    expect(calls()).toEqual(['bun install --frozen-lockfile']);
  });

  test('takes over the lock of a launcher that is gone', async () => {
    file('.tickwire/lock', '999999999');
    expect((await launch(['exchange'])).code).toBe(0);
    expect(existsSync(join(checkout, '.tickwire/lock'))).toBe(false);
  });

  test('lets one of two launchers set up', async () => {
    const script = `if [ "$1" = install ]; then ${log('bun')}; sleep 0.3; exit 0; fi`;
    program('bun', `${script}\nexec ${process.execPath} "$@"`);
    file('bun.lock', '{ "changed": true }\n');
    const results = await Promise.all([launch(['exchange']), launch(['exchange'])]);
    expect(results.map((result) => result.code)).toEqual([0, 0]);
    expect(calls()).toHaveLength(1);
  });
});

describe.skipIf(node === null)('launch.mjs and DPDK (needs node on PATH)', () => {
  const LIBRARY = 'csrc/build/libtickwire.so';

  /** A checkout with a shim, and a machine with or without what builds it. */
  function machine(has: { dpdk: boolean; build?: string }): void {
    file('csrc/Makefile', 'all:\n');
    file('csrc/shim.c', 'int x;\n');
    program('gcc', 'exit 0');
    program('pkg-config', has.dpdk ? 'exit 0' : `test -e '${checkout}/installed'`);
    const build = `mkdir -p '${checkout}/csrc/build' && touch '${checkout}/${LIBRARY}'`;
    program('make', `${log('make')}\n${has.build ?? build}`);
  }

  test('builds the shim once, and again when a source is newer', async () => {
    machine({ dpdk: true });
    await launch(['exchange']);
    await launch(['exchange']);
    expect(calls()).toHaveLength(1);
    const later = new Date(Date.now() + 60_000);
    utimesSync(join(checkout, 'csrc/shim.c'), later, later);
    await launch(['exchange']);
    expect(calls()).toHaveLength(2);
  });

  test('prints what the compiler said, goes on and leaves no old library behind', async () => {
    machine({ dpdk: true, build: 'echo "shim.c:1: error: no" >&2; exit 2' });
    file(LIBRARY, 'old');
    utimesSync(join(checkout, LIBRARY), 1, 1);
    const { code, out, err } = await launch(['exchange']);
    expect(err).toContain('shim.c:1: error: no');
    expect(err).toContain('DID NOT BUILD');
    expect(JSON.parse(out)).toEqual({ arguments: ['exchange'] });
    expect(code).toBe(0);
    expect(existsSync(join(checkout, LIBRARY))).toBe(false);
  });

  test('does nothing about DPDK when TICKWIRE_NO_DPDK is 1', async () => {
    machine({ dpdk: false });
    const { code, err } = await launch(['exchange'], { TICKWIRE_NO_DPDK: '1' });
    expect(err).not.toContain('DPDK');
    expect(code).toBe(0);
    expect(calls()).toEqual([]);
  });

  test('names what is missing and how to install it, and goes on', async () => {
    machine({ dpdk: false });
    program('apt-get', log('apt-get'));
    const { code, err } = await launch(['exchange'], { TICKWIRE_NO_INSTALL: '1' });
    expect(err).toContain('libdpdk-dev (TICKWIRE_NO_INSTALL is set)');
    expect(err).toMatch(/apt-get install --no-install-recommends .*libdpdk-dev/);
    expect(code).toBe(0);
    expect(calls()).toEqual([]);
  });

  test.skipIf(!isRoot)('installs what is missing by apt-get (needs root)', async () => {
    machine({ dpdk: false });
    program(
      'apt-get',
      `${log('apt-get')}\ncase "$*" in install*) echo > '${checkout}/installed';; esac`,
    );
    const { code } = await launch(['exchange'], { TICKWIRE_NO_INSTALL: '' });
    expect(code).toBe(0);
    expect(calls().map((call) => call.split(' ').slice(0, 2).join(' '))).toEqual([
      'apt-get update',
      'apt-get install',
      expect.stringMatching(/^make/),
    ]);
    expect(calls()[1]).toMatch(/--no-install-recommends .*libdpdk-dev/);
  });

  test.skipIf(!isRoot)(
    'asks apt-get again only by setup after it failed (needs root)',
    async () => {
      machine({ dpdk: false });
      program('apt-get', `${log('apt-get')}\nexit 100`);
      const first = await launch(['exchange'], { TICKWIRE_NO_INSTALL: '' });
      expect(first.code).toBe(0);
      expect(first.err).toContain('apt-get failed');
      const count = calls().length;
      const second = await launch(['exchange'], { TICKWIRE_NO_INSTALL: '' });
      expect(second.err).toContain('npm run setup tries again');
      expect(calls()).toHaveLength(count);
      await launch(['setup'], { TICKWIRE_NO_INSTALL: '' });
      expect(calls().length).toBeGreaterThan(count);
    },
  );
});
