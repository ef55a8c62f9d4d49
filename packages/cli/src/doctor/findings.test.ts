import { describe, expect, test } from 'bun:test';
import { cli } from '../../test/cli.ts';
import { renderFindings } from '../commands/doctor.ts';
import { examine, type Finding } from './findings.ts';
import { type Machine, thisMachine } from './machine.ts';

const ALL_RIGHTS = 'CapEff:\t000001ffffffffff\n';
const MEMINFO = 'HugePages_Total:       8\nHugePages_Free:        4\nHugepagesize:       2048 kB\n';

/** A machine that offers everything, but for what a test takes away. */
function machine(
  files: Readonly<Record<string, string | undefined>> = {},
  change: Partial<Machine> = {},
): Machine {
  const all: Record<string, string | undefined> = {
    '/proc/self/status': ALL_RIGHTS,
    '/proc/meminfo': MEMINFO,
    '/dev/net/tun': '',
    '/sys/devices/system/cpu/isolated': '2-3\n',
    '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'performance\n',
    '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
    ...files,
  };
  return {
    read: (path) => all[path],
    exists: (path) => all[path] !== undefined,
    isWritable: (path) => all[path] !== undefined,
    which: () => '/sbin/ip',
    bunVersion: '1.4.5',
    uid: 0,
    cores: 8,
    hasDpdk: true,
    env: {},
    ...change,
  };
}

function find(name: string, subject: Machine): Finding {
  return examine(subject).find((finding) => finding.name === name)!;
}

describe('examine()', () => {
  test('has nothing to say about a machine that offers everything', () => {
    const findings = examine(machine());
    expect(findings.map(({ state }) => state)).toEqual(findings.map(() => 'ok'));
    expect(find('cores', machine()).text).toBe('8 usable, 2-3 isolated');
    expect(find('huge pages', machine()).text).toBe('4 of 8 free, 2 MiB each');
  });

  test.each([
    ['bun', {}, { bunVersion: '1.3.9' }, 'missing', '1.4.5 or newer is needed'],
    ['dpdk', {}, { hasDpdk: false }, 'note', 'npm run setup'],
    ['dpdk', {}, { hasDpdk: false, env: { TICKWIRE_NO_DPDK: '1' } }, 'note', 'unset TICKWIRE_NO_'],
    ['rights', { '/proc/self/status': 'CapEff:\t0\n' }, { uid: 1000 }, 'note', 'run as root'],
    ['tun', { '/dev/net/tun': undefined }, {}, 'note', 'modprobe tun'],
    ['tun', {}, { isWritable: () => false }, 'note', 'run as root'],
    ['ip', {}, { which: () => undefined }, 'note', 'install iproute2'],
    ['huge pages', { '/proc/meminfo': 'HugePages_Total: 0\n' }, {}, 'note', 'nr_hugepages'],
    ['cores', {}, { cores: 2 }, 'note', '--threads 3 wants four'],
    ['cores', {}, { cores: 1 }, 'note', 'expect long tails'],
    [
      'governor',
      { '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'powersave\n' },
      {},
      'note',
      'cpupower',
    ],
    [
      'clock',
      { '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n' },
      {},
      'note',
      'tsc',
    ],
  ] as const)(
    'says about %s what is missing and what to do',
    (name, files, change, state, advice) => {
      const finding = find(name, machine(files, change));
      expect(finding.state).toBe(state);
      expect(finding.advice).toContain(advice);
    },
  );

  test('takes newer versions of Bun, and canaries', () => {
    for (const bunVersion of ['1.4.5', '1.4.12', '1.5.0', '2.0.0', '1.4.6-canary.3']) {
      expect(find('bun', machine({}, { bunVersion })).state).toBe('ok');
    }
  });

  test('answers for the machine that this runs on', () => {
    const findings = examine(thisMachine(process.env));
    expect(findings.find(({ name }) => name === 'bun')?.state).toBe('ok');
  });
});

describe('doctor', () => {
  test('renders marks, advice and a verdict within 80 columns', () => {
    const findings = examine(machine({}, { hasDpdk: false, bunVersion: '1.0.0' }));
    const text = renderFindings(findings, { isTty: false, columns: 80, hasColor: false });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(text).toContain('  ✗ bun ');
    expect(text).toContain('  · dpdk ');
    expect(text).toContain('  ✓ tun ');
    expect(text).toEndWith('Something is missing, see above.');
  });

  test('runs here, as text and as JSON', async () => {
    const { code, out } = await cli(['doctor']);
    expect(code).toBe(0);
    expect(out).toContain('Ready: try "npm run exchange".');
    expect(JSON.parse((await cli(['doctor', '--json'])).out)).toMatchObject({ ready: true });
  });
});
