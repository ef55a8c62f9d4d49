/**
 * Runs a packet script against a stack in virtual time.
 *
 * A script fails at the first thing that is not as it says: a packet that differs, comes at another
 * instant, comes unasked or does not come; a call that returns something else, or too late; an
 * assertion that does not hold; a byte that was not sent; and, when all lines are done and every
 * connection is closed, a connection, timer or frame that is left behind.
 *
 * @module
 */

import { createScriptedStack, type ScriptedStack } from '../port/scripted-stack.ts';
import { BlockingCall } from '../posix/blocking-call.ts';
import { errnoName } from '../posix/errno.ts';
import { ScriptCalls } from './calls.ts';
import { Conversations } from './conversation.ts';
import { evaluate, namesIn } from './expression.ts';
import { type Family, stackOptionsOn } from './family.ts';
import { lookupName } from './info-names.ts';
import { messageOf } from './load-script.ts';
import { buildPacket } from './packet-build.ts';
import { type ReadPacket, readPacket } from './packet-read.ts';
import { differences, packetText, readText } from './packet-text.ts';
import type { AssertEvent, CallEvent, PacketEvent, Script, ScriptEvent, When } from './script.ts';

const NS = 1_000_000_000;
/** How long `*` waits for a packet. */
const ANY_NS: number = 3600 * NS;
/** Longer than every timer of a connection that nobody owns any more: TIME-WAIT and retries. */
const CLEANUP_NS: number = 3 * 3600 * NS;

/** What became of a script. */
export interface ScriptResult {
  readonly ok: boolean;
  /** `file:line: ...` with what was expected, what came, and the trace; undefined when ok. */
  readonly failure: string | undefined;
  /** Everything that happened, one line each, in the notation of scripts. */
  readonly trace: readonly string[];
}

/** Thrown inside the runner only. */
class Failure extends Error {
  readonly event: ScriptEvent;

  constructor(event: ScriptEvent, message: string) {
    super(message);
    this.event = event;
  }
}

interface Waiting {
  readonly event: ScriptEvent;
  readonly what: CallEvent;
  readonly call: BlockingCall;
  readonly fromNs: number;
  readonly untilNs: number;
}

/** Runs a script on a fresh stack, over IPv4 unless it or the caller asks for IPv6. */
export function runScript(
  script: Script,
  family: Family = script.header.family ?? 4,
): ScriptResult {
  const runner = new Runner(script, family);
  try {
    runner.run();
    return { ok: true, failure: undefined, trace: runner.trace };
  } catch (error) {
    const trace = runner.trace;
    return { ok: false, failure: describe(script, error, trace), trace };
  } finally {
    runner.stack[Symbol.dispose]();
  }
}

function describe(script: Script, error: unknown, trace: readonly string[]): string {
  const lines: string[] = [];
  if (error instanceof Failure) {
    const { event } = error;
    lines.push(`${event.file ?? script.file}:${event.line}: ${event.text}`, error.message);
  } else {
    lines.push(`${script.file}: ${error instanceof Error ? (error.stack ?? error.message) : ''}`);
  }
  if (script.variant !== '') lines.push(`  variant:  ${script.variant}`);
  lines.push('  trace:', ...trace.map((line) => `    ${line}`));
  return lines.join('\n');
}

class Runner {
  readonly stack: ScriptedStack;
  readonly trace: string[] = [];
  readonly #script: Script;
  readonly #calls: ScriptCalls;
  readonly #conversations: Conversations;
  readonly #waiting: Waiting[] = [];
  readonly #originNs: number;
  /** The instant of the line before. */
  #baseNs: number;
  /** A packet waits to arrive in one burst with the next. */
  #holding = false;
  /** Packets that left and no line has asked for. */
  readonly #unseen: ReadPacket[] = [];

  constructor(script: Script, family: Family) {
    this.#script = script;
    this.stack = createScriptedStack(stackOptionsOn(family, script.header.options));
    this.#calls = new ScriptCalls(this.stack.sockets, family);
    this.#conversations = new Conversations(family);
    this.#originNs = this.stack.nowNs;
    this.#baseNs = this.#originNs;
    this.stack.time.onRound = () => this.#round();
  }

  run(): void {
    for (const event of this.#script.events) this.#step(event);
    const last = this.#script.events.at(-1);
    if (last === undefined) throw new Error('the script has no lines');
    this.#assertNothingUnseen(last);
    const waiting = this.#waiting[0];
    if (waiting !== undefined) {
      throw new Failure(waiting.event, '  expected: the call returns\n  got:      it still waits');
    }
    this.#cleanUp(last);
  }

  #step(event: ScriptEvent): void {
    const { when, what } = event;
    if (what.kind === 'outbound') {
      this.#expect(event, what);
      return;
    }
    const atNs = this.#instant(when);
    if (this.#holding && what.kind === 'inbound' && atNs <= this.stack.nowNs) {
      this.#inject(event, what);
      return;
    }
    this.stack.time.advanceTo(Math.max(atNs, this.stack.nowNs));
    if (what.kind === 'skip') this.#skip(event, what.count);
    this.#assertNothingUnseen(event);
    this.#assertNoneLate(event);
    this.#baseNs = atNs;
    if (what.kind === 'inbound') this.#inject(event, what);
    else if (what.kind === 'call') this.#call(event, what);
    else if (what.kind === 'assert') this.#check(event, what);
  }

  #skip(event: ScriptEvent, count: number | undefined): void {
    const skipped = this.#unseen.splice(0);
    for (const read of skipped) {
      if (read.fault !== undefined) throw new Failure(event, `  ${read.fault}`);
    }
    if (count === undefined || skipped.length === count) return;
    const got = `  got:      ${skipped.length}`;
    throw new Failure(event, `  expected: ${count} packets before this line\n${got}`);
  }

  #instant(when: When): number {
    return (when.absolute ? this.#originNs : this.#baseNs) + when.fromNs;
  }

  /** After every poll round: take what left, and let waiting calls try again. */
  #round(): void {
    for (const emission of this.stack.port.takeAll()) {
      const read = readPacket(this.#conversations, emission);
      if (read.packet.kind === 'tcp' && read.packet.flags.replace(/[EWA]+/, '') === 'S') {
        this.#conversations.current = read.key;
      }
      this.#unseen.push(read);
      this.#log(read.atNs, `> ${readText(read, new Map(), this.#conversations.current)}`);
    }
    const { nowNs } = this.stack;
    for (let i = 0; i < this.#waiting.length; i += 1) {
      const waiting = this.#waiting[i]!;
      if (!waiting.call.retry(nowNs)) continue;
      this.#waiting.splice(i, 1);
      i -= 1;
      this.#returned(waiting);
    }
  }

  #inject(event: ScriptEvent, what: PacketEvent): void {
    let bytes: Uint8Array;
    try {
      bytes = buildPacket(this.#conversations, what.attributes, what.packet);
    } catch (error) {
      throw new Failure(event, `  ${messageOf(error)}`);
    }
    this.#log(this.stack.nowNs, event.text.replace(/^[^<]*/, ''));
    const { attributes } = what;
    const linkDst = attributes.has('broadcast')
      ? 'broadcast'
      : attributes.has('multicast')
        ? 'multicast'
        : 'unicast';
    this.stack.port.inject(bytes, linkDst);
    // A held packet arrives in one burst with the next.
    this.#holding = attributes.has('hold');
    if (!this.#holding) this.stack.time.settle();
  }

  #expect(event: ScriptEvent, what: PacketEvent): void {
    const { when } = event;
    const { toleranceNs } = this.#script.header;
    const fromNs = this.#instant(when);
    const baseNs = when.absolute ? this.#originNs : this.#baseNs;
    const untilNs = when.kind === 'any' ? this.stack.nowNs + ANY_NS : baseNs + when.untilNs;
    if (this.#unseen.length === 0) {
      const limitNs = Math.max(untilNs + toleranceNs, this.stack.nowNs);
      this.stack.time.advanceTo(limitNs, () => this.#unseen.length > 0);
    }
    const read = this.#unseen.shift();
    const { current } = this.#conversations;
    const attributes = [...what.attributes].map((each) => each.join(' ').trim()).join(', ');
    const brackets = attributes === '' ? '' : `[${attributes}] `;
    const wanted = `${this.#time(fromNs)} > ${brackets}${packetText(what.packet)}`;
    if (read === undefined) {
      throw new Failure(event, `  expected: ${wanted}\n  got:      nothing`);
    }
    const faults = differences(what.packet, what.attributes, read, current);
    if (when.kind !== 'any') {
      const early = read.atNs < fromNs - toleranceNs;
      if (early || read.atNs > untilNs + toleranceNs) faults.push('time');
    }
    if (faults.length > 0) {
      const got = `${this.#time(read.atNs)} > ${readText(read, what.attributes, current)}`;
      const differs = `  differs:  ${faults.join(', ')}`;
      throw new Failure(event, `  expected: ${wanted}\n  got:      ${got}\n${differs}`);
    }
    this.#baseNs = when.kind === 'at' ? fromNs : read.atNs;
  }

  #call(event: ScriptEvent, what: CallEvent): void {
    const { when } = event;
    const nowNs = this.stack.nowNs;
    let call: BlockingCall;
    try {
      const attempt = this.#calls.attempt(what.name, what.args);
      const blocks = this.#calls.blocks(what.name, what.args);
      call = new BlockingCall(attempt, blocks, nowNs);
    } catch (error) {
      throw new Failure(event, `  ${messageOf(error)}`);
    }
    const fromNs = this.#baseNs;
    const untilNs = when.kind === 'blocking' ? fromNs + when.untilNs - when.fromNs : fromNs;
    const waiting: Waiting = { event, what, call, fromNs, untilNs };
    this.#log(nowNs, event.text.replace(/^[\d+.~]*\s*/, ''));
    if (call.result === undefined) this.#waiting.push(waiting);
    else this.#returned(waiting);
    this.stack.time.settle();
    if (when.kind !== 'blocking') this.#assertNoneLate(event);
  }

  #returned(waiting: Waiting): void {
    const { event, what, call, untilNs } = waiting;
    const { toleranceNs } = this.#script.header;
    const got = resultText(call.result!);
    if (this.#calls.fault !== undefined) throw new Failure(event, `  ${this.#calls.fault}`);
    const wanted = what.errno === undefined ? what.result : `${what.result} ${what.errno}`;
    if (wanted !== undefined && wanted !== got) {
      throw new Failure(event, `  expected: ${what.name}() = ${wanted}\n  got:      ${got}`);
    }
    if (Math.abs(call.atNs - untilNs) > toleranceNs) {
      const times = [this.#time(untilNs), this.#time(call.atNs)];
      throw new Failure(
        event,
        `  expected: ${what.name}() returns at ${times[0]}\n  got:      at ${times[1]} (${got})`,
      );
    }
  }

  #check(event: ScriptEvent, what: AssertEvent): void {
    const { current } = this.#conversations;
    const lookup = (name: string): number => lookupName(this.stack, current, name);
    for (const expression of what.expressions) {
      let value: number;
      let names: string;
      try {
        value = evaluate(expression, lookup);
        names = namesIn(expression)
          .map((name) => `${name} = ${lookup(name)}`)
          .join(', ');
      } catch (error) {
        throw new Failure(event, `  ${messageOf(error)}`);
      }
      if (value === 0) throw new Failure(event, `  expected: ${expression}\n  got:      ${names}`);
    }
  }

  #assertNothingUnseen(event: ScriptEvent): void {
    const read = this.#unseen[0];
    if (read === undefined) return;
    const got = readText(read, new Map(), this.#conversations.current);
    throw new Failure(
      event,
      `  expected: no packet before this line\n  got:      ${this.#time(read.atNs)} > ${got}`,
    );
  }

  #assertNoneLate(event: ScriptEvent): void {
    const { toleranceNs } = this.#script.header;
    for (const waiting of this.#waiting) {
      if (this.stack.nowNs <= waiting.untilNs + toleranceNs && waiting.event !== event) continue;
      throw new Failure(
        waiting.event,
        `  expected: ${waiting.what.name}() returns at ${this.#time(waiting.untilNs)}\n` +
          '  got:      it still waits',
      );
    }
  }

  /** Closes everything and waits: nothing may be left. */
  #cleanUp(event: ScriptEvent): void {
    const { stack } = this;
    stack.time.onRound = () => stack.port.takeAll();
    stack.sockets.closeAll();
    stack.time.advance(CLEANUP_NS);
    const left = stack.leftovers();
    if (left.length > 0) {
      throw new Failure(event, `  expected: nothing is left\n  got:      ${left.join(', ')}`);
    }
  }

  #time(ns: number): string {
    return ((ns - this.#originNs) / NS).toFixed(6);
  }

  #log(ns: number, text: string): void {
    this.trace.push(`${this.#time(ns)} ${text}`);
  }
}

function resultText(result: number | string): string {
  if (typeof result === 'string') return result;
  return result < 0 ? `-1 ${errnoName(result)}` : String(result);
}
