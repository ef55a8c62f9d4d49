/**
 * One stack driven by requests: a clock, a layer-3 port, sockets, introspection and knobs, for test
 * programs in any language. Requests and replies are JSON objects, one at a time, in order.
 *
 * The messages are documented in `docs/testing.md`.
 *
 * @module
 */

import { NetError } from '@tickwire/base';
import { listConnections, listHalfOpen } from '@tickwire/stack';
import { stateName, type TcpConfig } from '@tickwire/tcp';
import type { LinkDestination } from '../port/layer3-port.ts';
import {
  createScriptedStack,
  type ScriptedStack,
  type ScriptedStackOptions,
} from '../port/scripted-stack.ts';
import { BlockingCall } from '../posix/blocking-call.ts';
import { errnoName } from '../posix/errno.ts';
import { tcpInfoFields } from '../posix/tcp-info.ts';
import { countersOf } from '../script/info-names.ts';
import { Fields, RequestError } from './fields.ts';
import { isSocketCall, socketCall, type SocketReply } from './socket-calls.ts';

/** What goes into a reply besides `id` and `ok`. */
export type ReplyBody = Readonly<Record<string, unknown>>;

/** A call that waits. */
interface PendingCall {
  readonly call: BlockingCall;
  /** What the last attempt said. */
  readonly reply: () => SocketReply;
}

/** Options of the stack that a request may set beside the knobs of TCP. */
const STACK_OPTIONS = ['address', 'gateway', 'mtu', 'frames', 'seed', 'startNs'] as const;

/** One stack and the requests it understands. */
export class Endpoint implements Disposable {
  #stack: ScriptedStack;
  readonly #pending: Map<number, PendingCall> = new Map();
  #nextCall = 1;

  constructor(options: ScriptedStackOptions = {}) {
    this.#stack = this.#make(options);
  }

  /** Answers one line of JSON with one line of JSON. Never throws for what a client sent. */
  handleLine(line: string): string {
    let id: unknown = null;
    try {
      const request = JSON.parse(line) as unknown;
      if (typeof request !== 'object' || request === null || Array.isArray(request)) {
        throw new RequestError('EINVAL', 'a request is a JSON object');
      }
      const fields = new Fields(request as Readonly<Record<string, unknown>>);
      id = fields.optional('id') ?? null;
      return JSON.stringify({ id, ok: true, ...this.handle(fields) });
    } catch (error) {
      const code =
        error instanceof RequestError || error instanceof NetError ? error.code : 'EPROTO';
      const message = error instanceof Error ? error.message : String(error);
      return JSON.stringify({ id, ok: false, error: code, message });
    }
  }

  /** Answers one request. Throws {@link RequestError} for a bad one. */
  handle(fields: Fields): ReplyBody {
    const op = fields.text('op');
    if (isSocketCall(op)) return this.#call(op, fields);
    switch (op) {
      case 'reset':
        return this.#reset(fields);
      case 'now':
        return { nowNs: this.#stack.nowNs };
      case 'advance':
        return this.#advance(fields);
      case 'next_timer': {
        const atNs = this.#stack.time.nextAt();
        return { atNs: Number.isFinite(atNs) ? atNs : null };
      }
      case 'inject':
        return this.#inject(fields);
      case 'take':
        return this.#take(fields.number('max', Number.MAX_SAFE_INTEGER));
      case 'result':
        return this.#result(fields.number('call'));
      case 'info':
        return this.#info(fields.number('fd'));
      case 'connections':
        return { connections: this.#connections(), halfOpen: this.#stack.core.tcp.halfOpenCount };
      case 'counters':
        return countersOf(this.#stack);
      case 'account':
        return this.#account();
      case 'knobs':
        return { ...this.#stack.core.tcp.config };
      default:
        throw new RequestError('EINVAL', `unknown op ${op}; see docs/testing.md`);
    }
  }

  #make(options: ScriptedStackOptions): ScriptedStack {
    const stack = createScriptedStack(options);
    stack.time.onRound = () => this.#retry();
    return stack;
  }

  #reset(fields: Fields): ReplyBody {
    const options: Record<string, unknown> = {};
    for (const name of STACK_OPTIONS) {
      const value = fields.optional(name);
      if (value !== undefined) options[name] = value;
    }
    const tcp = fields.object('tcp') as Partial<TcpConfig>;
    const fresh = this.#make({ ...options, tcp });
    this.#stack[Symbol.dispose]();
    this.#stack = fresh;
    this.#pending.clear();
    return { nowNs: fresh.nowNs };
  }

  /** Stops early at an emission or at the return of a call when asked to. */
  #advance(fields: Fields): ReplyBody {
    const { time, port } = this.#stack;
    const toNs = fields.number('toNs', time.nowNs + fields.number('byNs', 0));
    if (toNs < time.nowNs) throw new RequestError('EINVAL', 'a clock does not go back');
    const onPacket = fields.flag('untilPacket');
    const onResult = fields.flag('untilResult');
    const waiting = this.#waiting();
    time.advanceTo(toNs, () => {
      if (onPacket && port.emissions.length > 0) return true;
      return onResult && this.#waiting() < waiting;
    });
    return { nowNs: time.nowNs, packets: port.emissions.length };
  }

  #inject(fields: Fields): ReplyBody {
    const link = fields.text('link', 'unicast');
    if (link !== 'unicast' && link !== 'multicast' && link !== 'broadcast') {
      throw new RequestError('EINVAL', 'link is unicast, multicast or broadcast');
    }
    this.#stack.port.inject(fields.bytes('hex'), link satisfies LinkDestination);
    if (!fields.flag('hold')) this.#stack.time.settle();
    return { packets: this.#stack.port.emissions.length };
  }

  #take(max: number): ReplyBody {
    const packets = this.#stack.port.emissions.splice(0, max).map((emission) => ({
      atNs: emission.atNs,
      hex: Buffer.from(emission.bytes).toString('hex'),
      link: emission.linkDst,
    }));
    return { packets };
  }

  #call(op: string, fields: Fields): ReplyBody {
    const attempt = socketCall(this.#stack.sockets, op, fields);
    let reply: SocketReply = { result: 0 };
    const call = new BlockingCall(
      () => {
        reply = attempt();
        return reply.result;
      },
      fields.flag('blocking'),
      this.#stack.nowNs,
    );
    const pending: PendingCall = { call, reply: () => reply };
    this.#stack.time.settle();
    if (call.retry(this.#stack.nowNs)) return this.#replyOf(pending);
    const handle = this.#nextCall;
    this.#nextCall += 1;
    this.#pending.set(handle, pending);
    return { pending: handle };
  }

  #replyOf(pending: PendingCall): ReplyBody {
    const { result, ...rest } = pending.reply();
    if (result >= 0) return { result, ...rest, atNs: pending.call.atNs };
    return { result: -1, errno: errnoName(result), atNs: pending.call.atNs };
  }

  #result(call: number): ReplyBody {
    const pending = this.#pending.get(call);
    if (pending === undefined) throw new RequestError('ENOENT', `no call ${call} is waiting`);
    if (pending.call.result === undefined) return { pending: call };
    this.#pending.delete(call);
    return this.#replyOf(pending);
  }

  #retry(): void {
    for (const pending of this.#pending.values()) pending.call.retry(this.#stack.nowNs);
  }

  #waiting(): number {
    let count = 0;
    for (const pending of this.#pending.values()) {
      if (pending.call.result === undefined) count += 1;
    }
    return count;
  }

  #info(fd: number): ReplyBody {
    const end = this.#stack.sockets.end(fd);
    if (end === undefined) throw new RequestError('EBADF', `${fd} is no descriptor`);
    const info = this.#stack.sockets.info(fd);
    if (info === undefined) return { state: 'CLOSED' };
    return { state: stateName(info.state), ...tcpInfoFields(info) };
  }

  /** Half-open connections are among them, as SYN-RECEIVED. */
  #connections(): ReplyBody[] {
    const { tcp } = this.#stack.core;
    return [...listConnections(tcp), ...listHalfOpen(tcp)].map((each) => ({
      state: each.state,
      local: each.localAddress,
      localPort: each.localPort,
      remote: each.remoteAddress,
      remotePort: each.remotePort,
    }));
  }

  #account(): ReplyBody {
    const { core } = this.#stack;
    return {
      connections: core.tcp.connectionCount,
      halfOpen: core.tcp.halfOpenCount,
      timers: core.tcp.timersArmed,
      frames: this.#stack.framesInUse(),
      framesInIp: core.ip.framesHeld,
    };
  }

  [Symbol.dispose](): void {
    this.#pending.clear();
    this.#stack[Symbol.dispose]();
  }
}
