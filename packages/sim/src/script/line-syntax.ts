/**
 * One line of a script: an instant, and what happens at it.
 *
 * @module
 */

import { parseAttributes, parsePacket } from './packet-syntax.ts';
import type { CallEvent, ScriptEvent, When } from './script.ts';

const NUMBER = String.raw`\d*\.?\d+`;
const TIME = new RegExp(String.raw`^(\+?)(${NUMBER})(?:(~|\.\.\.)(\+?)(${NUMBER}))?(?:\s+|$)`);
const NS = 1_000_000_000;

/** Reads a line without comments; the message of an error says what is wrong. */
export function parseLine(
  text: string,
  line: number,
  file: string | undefined,
): ScriptEvent | undefined {
  if (text === '') return undefined;
  const { when, rest } = parseWhen(text);
  return { line, file, text, when, what: parseWhat(rest) };
}

/** Seconds as whole nanoseconds. */
function seconds(text: string): number {
  return Math.round(Number(text) * NS);
}

function parseWhen(text: string): { when: When; rest: string } {
  if (text.startsWith('* ')) {
    const when: When = { absolute: false, fromNs: 0, untilNs: 0, kind: 'any' };
    return { when, rest: text.slice(2).trim() };
  }
  const match = TIME.exec(text);
  if (match === null) {
    return { when: { absolute: false, fromNs: 0, untilNs: 0, kind: 'at' }, rest: text };
  }
  const [all, plus, from = '0', separator, , until] = match;
  const fromNs = seconds(from);
  const untilNs = until === undefined ? fromNs : seconds(until);
  if (untilNs < fromNs) throw new Error('a range ends before it begins');
  const kind = separator === '~' ? 'range' : separator === '...' ? 'blocking' : 'at';
  return {
    when: { absolute: plus !== '+', fromNs, untilNs, kind },
    rest: text.slice(all.length).trim(),
  };
}

function parseWhat(text: string): ScriptEvent['what'] {
  if (text === '') return { kind: 'pause' };
  const skip = /^skip(?:\s+(\d+))?$/.exec(text);
  if (skip !== null) {
    return { kind: 'skip', count: skip[1] === undefined ? undefined : Number(skip[1]) };
  }
  if (text.startsWith('<') || text.startsWith('>')) {
    const { attributes, rest } = parseAttributes(text.slice(1).trim());
    const kind = text.startsWith('<') ? 'inbound' : 'outbound';
    return { kind, attributes, packet: parsePacket(rest.trim()) };
  }
  if (text.startsWith('%{')) {
    if (!text.endsWith('}%')) throw new Error('an assertion ends with }%');
    const expressions = text
      .slice(2, -2)
      .split(/[;,]/)
      .map((part) => part.trim())
      .filter((part) => part !== '');
    return { kind: 'assert', expressions };
  }
  return parseCall(text);
}

const CALL = /^(\w+)\((.*)\)(?:\s*=\s*(-?[\w|:]+|\{.*\})(?:\s+(E[A-Z]+))?(?:\s*\(.*\))?)?$/;

function parseCall(text: string): CallEvent {
  const match = CALL.exec(text);
  if (match === null) throw new Error('write a packet (< or >), a call name(...) = N, or %{ }%');
  const [, name = '', argumentText = '', result, errno] = match;
  const args = argumentText
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && part !== '...');
  return { kind: 'call', name, args, result, errno };
}
