/**
 * What a machine offers, what it lacks, and what to do about it.
 *
 * @module
 */

import type { Machine } from './machine.ts';

/** `ok`: nothing to do; `note`: it works, with a limit; `missing`: something does not work. */
export type FindingState = 'ok' | 'note' | 'missing';

/** One fact about the machine. */
export interface Finding {
  readonly name: string;
  readonly state: FindingState;
  /** What is. */
  readonly text: string;
  /** What to do, if anything. */
  readonly advice?: string;
}

/** The oldest Bun that tickwire is tried with. */
const BUN_MIN = [1, 4, 5] as const;
/** Bits of CapEff, from linux/capability.h. */
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;

function bun(machine: Machine): Finding {
  const text = `Bun ${machine.bunVersion}`;
  const version = machine.bunVersion.split(/[.-]/).map(Number);
  for (const [i, least] of BUN_MIN.entries()) {
    const part = version[i] ?? 0;
    if (part > least) break;
    if (part < least) {
      return {
        name: 'bun',
        state: 'missing',
        text,
        advice: `Bun ${BUN_MIN.join('.')} or newer is needed; "npm run setup" brings it`,
      };
    }
  }
  return { name: 'bun', state: 'ok', text };
}

function dpdk(machine: Machine): Finding {
  if (machine.hasDpdk) return { name: 'dpdk', state: 'ok', text: 'the shim over DPDK is built' };
  if ((machine.env['TICKWIRE_NO_DPDK'] ?? '') !== '') {
    return {
      name: 'dpdk',
      state: 'note',
      text: 'switched off by TICKWIRE_NO_DPDK: the exchange runs on the loopback device',
      advice: 'unset TICKWIRE_NO_DPDK',
    };
  }
  return {
    name: 'dpdk',
    state: 'note',
    text: 'not there: the exchange runs on the loopback device, --device does not work',
    advice: '"npm run setup" tries again; on Debian it installs dpdk-dev and builds the shim',
  };
}

function capabilities(machine: Machine): bigint {
  const status = machine.read('/proc/self/status') ?? '';
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
}

function rights(machine: Machine): Finding {
  const mask = capabilities(machine);
  const has = (bit: number): boolean => ((mask >> BigInt(bit)) & 1n) === 1n;
  const who = machine.uid === 0 ? 'root' : `user ${machine.uid}`;
  const missing = [
    ...(has(CAP_NET_ADMIN) ? [] : ['CAP_NET_ADMIN (net_tap, net_af_xdp)']),
    ...(has(CAP_NET_RAW) ? [] : ['CAP_NET_RAW (net_af_packet)']),
  ];
  if (missing.length === 0) {
    return { name: 'rights', state: 'ok', text: `${who}, may open interfaces of the kernel` };
  }
  return {
    name: 'rights',
    state: 'note',
    text: `${who}, without ${missing.join(' and ')}`,
    advice: 'the default run needs neither; for --device run as root',
  };
}

function tun(machine: Machine): Finding {
  const name = 'tun';
  if (!machine.exists('/dev/net/tun')) {
    return {
      name,
      state: 'note',
      text: '/dev/net/tun is missing: no net_tap',
      advice: '"modprobe tun", or start the container with --device /dev/net/tun',
    };
  }
  if (!machine.isWritable('/dev/net/tun')) {
    return {
      name,
      state: 'note',
      text: '/dev/net/tun cannot be opened: no net_tap',
      advice: 'run as root',
    };
  }
  return { name, state: 'ok', text: '/dev/net/tun can be opened' };
}

function ipCommand(machine: Machine): Finding {
  const path = machine.which('ip');
  if (path !== undefined) return { name: 'ip', state: 'ok', text: path };
  return {
    name: 'ip',
    state: 'note',
    text: 'the command is missing: a TAP is not given an address',
    advice: 'install iproute2',
  };
}

function hugePages(machine: Machine): Finding {
  const info = machine.read('/proc/meminfo') ?? '';
  const value = (key: string): number =>
    Number(new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(info)?.[1] ?? '0');
  const total = value('HugePages_Total');
  const free = value('HugePages_Free');
  const size = value('Hugepagesize') / 1024;
  if (free > 0) {
    return { name: 'huge pages', state: 'ok', text: `${free} of ${total} free, ${size} MiB each` };
  }
  return {
    name: 'huge pages',
    state: 'note',
    text: total > 0 ? `all ${total} in use` : 'none reserved',
    advice: 'only a NIC needs them: "echo 256 > /proc/sys/vm/nr_hugepages" as root',
  };
}

function cores(machine: Machine): Finding {
  const { cores: count } = machine;
  const isolated = machine.read('/sys/devices/system/cpu/isolated')?.trim() ?? '';
  const text = `${count} usable${isolated === '' ? '' : `, ${isolated} isolated`}`;
  if (count >= 4) return { name: 'cores', state: 'ok', text };
  return {
    name: 'cores',
    state: 'note',
    text,
    advice:
      count < 2
        ? 'the machine shares its only core with the load: expect long tails'
        : '--threads 3 wants four: stack, book, journal, and one for everything else',
  };
}

function governor(machine: Machine): Finding {
  const folder = '/sys/devices/system/cpu/cpu0/cpufreq';
  const text = machine.read(`${folder}/scaling_governor`)?.trim();
  if (text === undefined) {
    return { name: 'governor', state: 'ok', text: 'not visible (a virtual machine, mostly)' };
  }
  if (text === 'performance') return { name: 'governor', state: 'ok', text };
  return {
    name: 'governor',
    state: 'note',
    text: `${text}: the clock rises only after the load, which costs tail latency`,
    advice: '"cpupower frequency-set -g performance" before a measurement',
  };
}

function clock(machine: Machine): Finding {
  const path = '/sys/devices/system/clocksource/clocksource0/current_clocksource';
  const text = machine.read(path)?.trim() ?? 'unknown';
  if (text === 'tsc' || text === 'kvm-clock' || text === 'arch_sys_counter') {
    return { name: 'clock', state: 'ok', text };
  }
  return {
    name: 'clock',
    state: 'note',
    text: `${text}: reading the time may be a system call`,
    advice: 'latencies include it; "tsc" is the quick one where the hardware has it',
  };
}

/** Everything there is to say about a machine. */
export function examine(machine: Machine): Finding[] {
  return [bun, dpdk, rights, tun, ipCommand, hugePages, cores, governor, clock].map((probe) =>
    probe(machine),
  );
}
