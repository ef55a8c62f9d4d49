/**
 * DPDK's environment abstraction layer: memory, cores and drivers of this process.
 *
 * DPDK can be initialised once per process, and not again after it has failed. So everything that
 * can be known beforehand is checked beforehand, and devices are not arguments of the start but are
 * added later, where a failure harms nothing.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { NetError } from '@tickwire/base';
import { addressOf, check, cStrings, failure, logTail, native, textFrom } from './native.ts';
import { requireHugePages } from './preflight.ts';

/** MiB without huge pages, unless asked otherwise: two pools of 8,191 frames, and the rings. */
const MEMORY_MB = 64;

/** DPDK's log levels. */
export type LogLevel = 'emergency' | 'error' | 'warning' | 'notice' | 'info' | 'debug';

let current: Eal | undefined;
let isSpent = false;

/** Cores that this process may run on, in the notation of DPDK: "0-3,8". */
function allowedCores(): string {
  const status = readFileSync('/proc/self/status', 'utf8');
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '0';
}

/**
 * Collects the options of DPDK. Every method returns the builder.
 *
 * @example
 * ```ts
 * using eal = new EalBuilder().noHuge().noPci().memoryMb(128).init();
 * ```
 */
export class EalBuilder {
  readonly #args: string[] = [];
  #memoryMb: number | undefined;
  #isHuge = true;
  #coreList: string | undefined;
  #filePrefix: string | undefined;
  #inMemory = true;
  #logFile = '';
  #logLevel: LogLevel = 'notice';

  /** Uses ordinary pages: no preparation of the machine, more TLB misses, no NIC that needs DMA. */
  noHuge(): this {
    this.#isHuge = false;
    return this;
  }

  /** Looks at no PCI device: a quicker start when only virtual devices are used. */
  noPci(): this {
    this.#args.push('--no-pci');
    return this;
  }

  /** Shares memory with secondary processes by files; the default is memory of its own. */
  shared(): this {
    this.#inMemory = false;
    return this;
  }

  /** Memory taken at the start, in MiB; default 64 without huge pages, on demand with them. */
  memoryMb(megabytes: number): this {
    this.#memoryMb = megabytes;
    return this;
  }

  /** A device that exists from the start, as in `net_tap0,iface=tap7`. */
  vdev(devargs: string): this {
    this.#args.push(`--vdev=${devargs}`);
    return this;
  }

  /** Uses only the PCI devices that are allowed by name: `0000:01:00.0`. */
  allow(address: string): this {
    this.#args.push(`--allow=${address}`);
    return this;
  }

  /**
   * Cores in DPDK's notation (`-l`): the calling thread is pinned to the first one, and so is every
   * thread and process that it starts later. The default leaves the threads where they are.
   */
  coreList(cores: string): this {
    this.#coreList = cores;
    return this;
  }

  /** Keeps processes of one machine apart; needed only with {@link EalBuilder.shared}. */
  filePrefix(prefix: string): this {
    this.#filePrefix = prefix;
    return this;
  }

  /** Any other argument of DPDK's EAL. */
  arg(argument: string): this {
    this.#args.push(argument);
    return this;
  }

  /** How much DPDK writes to its log; default `notice`. */
  logLevel(level: LogLevel): this {
    this.#logLevel = level;
    return this;
  }

  /**
   * The file that DPDK's log is appended to. The default is an anonymous file, whose last lines are
   * in `details.log` of errors: nothing is ever printed.
   */
  logFile(path: string): this {
    this.#logFile = path;
    return this;
  }

  /** The arguments that DPDK is going to see. */
  args(): readonly string[] {
    const args = ['tickwire', '--no-telemetry', `--log-level=${this.#logLevel}`];
    // Ordinary pages can move, so no physical address is worth anything.
    if (!this.#isHuge) args.push('--no-huge', '--iova-mode=va');
    // DPDK refuses --in-memory without huge pages; without files there is nothing to share either.
    if (this.#inMemory) args.push(this.#isHuge ? '--in-memory' : '--no-shconf');
    const memoryMb = this.#memoryMb ?? (this.#isHuge ? undefined : MEMORY_MB);
    if (memoryMb !== undefined) args.push('-m', String(memoryMb));
    // One DPDK core that may run wherever the process may: pinning is the caller's decision.
    if (this.#coreList === undefined) args.push(`--lcores=0@(${allowedCores()})`);
    else args.push('-l', this.#coreList);
    if (this.#filePrefix !== undefined) args.push(`--file-prefix=${this.#filePrefix}`);
    return [...args, ...this.#args];
  }

  /**
   * Starts DPDK.
   *
   * @throws NetError `ERR_TW_NO_DPDK` without the library, `ENOMEM` without the huge pages that
   *   were asked for, `ERR_TW_CONFIG` when DPDK was started before in this process.
   */
  init(): Eal {
    const shim = native();
    if (current !== undefined || isSpent) {
      throw new NetError(
        'ERR_TW_CONFIG',
        'DPDK can be started once per process; use Eal.current, or another process',
      );
    }
    if (this.#isHuge) requireHugePages();
    const path = cStrings(this.#logFile);
    check(shim.tw_log_open(addressOf(path)), 'DPDK cannot write its log', 'name another file');
    const args = this.args();
    const text = cStrings(...args);
    isSpent = true;
    const status = shim.tw_eal_init(addressOf(text), args.length);
    if (status < 0) {
      throw failure(
        status,
        `DPDK does not start with "${args.slice(1).join(' ')}" (${logTail()})`,
        'see details.log, change the options and start a new process',
      );
    }
    current = new Eal();
    return current;
  }
}

/** DPDK, running in this process. Made by {@link EalBuilder.init}. */
export class Eal implements Disposable {
  #isOpen = true;

  /** The running one, if there is one. */
  static get current(): Eal | undefined {
    return current;
  }

  /** For example "DPDK 22.11.11". */
  get version(): string {
    return textFrom((out, bytes) => native().tw_version(out, bytes));
  }

  /** The last lines of DPDK's log. */
  get log(): string {
    return logTail();
  }

  /** Binds the calling thread to one core; with `isolcpus` nothing else runs there. */
  pin(core: number): void {
    check(
      native().tw_pin(core),
      `Cannot bind the thread to core ${core}`,
      'choose one of Cpus_allowed_list in /proc/self/status',
    );
  }

  /** Ends DPDK in this process: it cannot be started again. Close pools and devices first. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    current = undefined;
    native().tw_eal_cleanup();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Makes the calling thread (a Worker) known to DPDK, so that it has a cache of its own in every
 * pool; without this it works too, with a lock-free ring instead of the cache. Undone by `dispose`.
 *
 * @throws NetError `ENOMEM` when DPDK has no number left (128 threads).
 */
export function registerThread(): Disposable {
  check(
    native().tw_thread_register(),
    'DPDK does not accept this thread',
    'start DPDK in the main thread first and use fewer than 128 threads',
  );
  return {
    [Symbol.dispose](): void {
      native().tw_thread_unregister();
    },
  };
}
