import { describe, expect, test } from 'bun:test';
import { fileURLToPath } from 'node:url';
import { whyNoDpdk } from '../test/environment.ts';
import { run } from '../test/namespace.ts';
import { EalBuilder } from './index.ts';

const INDEX = fileURLToPath(new URL('./index.ts', import.meta.url));

/** Runs `code` in a process of its own and returns the code and message of what it throws. */
function thrownBy(code: string, env: Record<string, string> = {}, before: string[] = []): string {
  const script = `
    const { EalBuilder, createMemPool, createRingPair, openDevice } = await import('${INDEX}');
    const eal = () => new EalBuilder().noHuge().noPci().init();
    try { ${code}; console.log('nothing'); } catch (e) { console.log(e.code, e.message); }`;
  return run([...before, process.execPath, '-e', script], env).output.trim();
}

/** As root, but without capabilities: what a container takes away. */
const WITHOUT_CAPABILITIES = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];

describe.skipIf(whyNoDpdk() !== undefined)('errors say what to do:', () => {
  test.each([
    ['DPDK is switched off', { TICKWIRE_NO_DPDK: '1' }, 'TICKWIRE_NO_DPDK=1; unset it'],
    ['the library is not built', { TICKWIRE_LIBRARY: '/nonexistent.so' }, 'run "npm run setup"'],
    ['the library is another one', { TICKWIRE_LIBRARY: process.execPath }, 'does not load'],
  ])('%s', (_, env, message) => {
    const thrown = thrownBy('eal()', env);
    expect(thrown).toStartWith('ERR_TW_NO_DPDK ');
    expect(thrown).toContain(message);
  });

  test('DPDK is started twice, or after it has failed', () => {
    expect(thrownBy('eal(); eal()')).toStartWith('ERR_TW_CONFIG DPDK can be started once');
    const twice = 'try { new EalBuilder().noHuge().arg("--nonsense").init() } catch {} eal()';
    expect(thrownBy(twice)).toStartWith('ERR_TW_CONFIG DPDK can be started once');
  });

  test('DPDK does not know an option: the message has the reason, nothing is printed', () => {
    const lines = thrownBy('new EalBuilder().noHuge().arg("--nonsense").init()').split('\n');
    expect(lines[0]).toStartWith('EINVAL DPDK does not start with "--no-telemetry');
    expect(lines.length).toBeLessThanOrEqual(6);
  });

  test('a pool is larger than the memory', () => {
    const code = 'createMemPool(eal(), { frames: 1_000_000 })';
    expect(thrownBy(code)).toMatch(/^ENOMEM Cannot make a pool .* memoryMb\(\)/);
  });

  test('a ring has an odd size', () => {
    const code = 'createRingPair(createMemPool(eal(), { frames: 63 }), { size: 100 })';
    expect(thrownBy(code)).toStartWith('EINVAL The size of a ring is a power of two');
  });

  test.each([
    ["openDevice('net_af_packet:iface=nosuch0')", 'ENODEV There is no network interface'],
    ["openDevice('net_af_xdp:iface=nosuch0')", 'ENODEV There is no network interface'],
    ["openDevice('0000:ff:1f.7')", 'ENODEV There is no PCI device 0000:ff:1f.7'],
    ["openDevice('net_nosuch0')", 'ENODEV DPDK cannot open the device "net_nosuch0"'],
    ["openDevice('net_tap:iface')", 'EINVAL "net_tap:iface" is no device'],
  ])('%s', (code, expected) => {
    expect(thrownBy(code)).toStartWith(expected);
  });

  test.skipIf(Bun.which('setpriv') === null || process.getuid?.() !== 0)(
    'the process lacks a capability',
    () => {
      const tap = thrownBy("openDevice('net_tap')", {}, WITHOUT_CAPABILITIES);
      expect(tap).toStartWith('EPERM net_tap needs CAP_NET_ADMIN; run as root');
      const packet = thrownBy("openDevice('net_af_packet:iface=lo')", {}, WITHOUT_CAPABILITIES);
      expect(packet).toStartWith('EPERM net_af_packet needs CAP_NET_RAW and CAP_NET_ADMIN');
    },
  );
});

describe('EalBuilder', () => {
  test('args() leaves threads where they are unless cores are named', () => {
    expect(new EalBuilder().noHuge().noPci().args()).toContain('--no-pci');
    const free = new EalBuilder().noHuge().args().join(' ');
    expect(free).toMatch(/--no-huge .*--no-shconf -m 64 --lcores=0@\([\d,-]+\)$/);
    const pinned = new EalBuilder().coreList('2,3').memoryMb(512).args().join(' ');
    expect(pinned).toMatch(/--in-memory -m 512 -l 2,3$/);
  });
});
