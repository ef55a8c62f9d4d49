/**
 * From the text of a script to what the runner runs: header, preludes, templates.
 *
 * ```text
 * title: A listener answers a SYN with SYN-ACK
 * rfc: 9293, 3.10.7.2
 * level: MUST
 * options: timestamps=false delayedAckNs=40ms
 * each: window = 1000 | 65535
 *
 * use listening
 * +0 < S 0:0(0) win $window <mss 1460>
 * +0 > S. 0:0(0) ack 1 <...>
 * ```
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import type { ScriptedStackOptions } from '../port/scripted-stack.ts';
import { parseLine } from './line-syntax.ts';
import {
  type Header,
  type Level,
  type Script,
  type ScriptEvent,
  ScriptSyntaxError,
} from './script.ts';

/** Folder of the scripts of this package. */
export const SCRIPTS_FOLDER: string = join(import.meta.dir, '..', '..', 'scripts');
/** Folder of preludes inside {@link SCRIPTS_FOLDER}. */
const PRELUDES = 'lib';
/** 100 microseconds: instants in scripts are written in tenths of milliseconds at best. */
const TOLERANCE_NS = 100_000;
const LEVELS: readonly string[] = ['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT', 'MAY', 'NOTE'];
const UNITS_NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
/** Options that belong to the stack; all others are knobs of TCP. */
const STACK_OPTIONS: ReadonlySet<string> = new Set(['mtu', 'frames', 'seed', 'startNs']);

interface Line {
  readonly number: number;
  readonly text: string;
  readonly file: string | undefined;
}

/** Every `.tw` file below a folder, preludes excepted, in order. */
export function findScripts(folder: string = SCRIPTS_FOLDER): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.tw') && !path.startsWith(PRELUDES))
    .map((path) => join(folder, path))
    .toSorted();
}

/** Reads a file; one script per combination of its `each` lines. Throws `ScriptSyntaxError`. */
export function loadScripts(path: string, folder: string = SCRIPTS_FOLDER): Script[] {
  return parseScripts(readFileSync(path, 'utf8'), relative(folder, path), folder);
}

/** {@link loadScripts} of a text; `file` is its name in messages. */
export function parseScripts(
  text: string,
  file: string,
  folder: string = SCRIPTS_FOLDER,
): Script[] {
  const lines = text.split('\n');
  const blank = lines.findIndex((line) => line.trim() === '');
  const headerLines = blank < 0 ? lines : lines.slice(0, blank);
  const fields = new Map<string, { value: string; line: number }>();
  const variations: Variation[] = [];
  for (const [index, raw] of headerLines.entries()) {
    if (raw.startsWith('#')) continue;
    const match = /^([\w-]+):\s*(.*)$/.exec(raw);
    if (match === null) throw new ScriptSyntaxError(file, index + 1, 'write NAME: VALUE');
    const [, name = '', value = ''] = match;
    if (name === 'each') variations.push(parseEach(file, index + 1, value));
    else if (name === 'options' && fields.has(name)) {
      fields.get(name)!.value += ` ${value}`;
    } else fields.set(name, { value, line: index + 1 });
  }
  const body = lines.slice(headerLines.length).map((raw, index) => ({
    number: headerLines.length + index + 1,
    text: raw,
    file: undefined,
  }));
  return combinations(variations).map((values) => {
    const expanded = expand(file, body, values, folder);
    const events: ScriptEvent[] = [];
    for (const line of expanded) {
      const where = line.file ?? file;
      try {
        for (const copy of repeat(line.text)) {
          const event = parseLine(copy, line.number, line.file);
          if (event !== undefined) events.push(event);
        }
      } catch (error) {
        throw new ScriptSyntaxError(where, line.number, `${line.text}: ${messageOf(error)}`);
      }
    }
    const variant = [...values].map(([name, value]) => `${name}=${value}`).join(' ');
    return { file, header: parseHeader(file, fields, values), variant, events };
  });
}

/** What is wrong, as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * `. 1:3001(3x1000) ack 1` is three lines: three segments one behind the other. Inbound ones arrive
 * in one burst.
 */
function repeat(text: string): string[] {
  const match = /^(.*[<>].*\s)(\d+):(\d+)\((\d+)x(\d+)\)(.*)$/.exec(text);
  if (match === null) return [text];
  const [, front = '', from, end, count, length, back = ''] = match;
  const bytes = Number(length);
  const lines: string[] = [];
  for (let i = 0; i < Number(count); i += 1) {
    const seq = Number(from) + i * bytes;
    let before = i === 0 ? front : front.replace(/^[^<>]*/, '+0 ');
    if (i < Number(count) - 1) before = before.replace(/<(\s*)(\[)?/, hold);
    lines.push(`${before}${seq}:${seq + bytes}(${bytes})${back}`);
  }
  if (Number(from) + Number(count) * bytes !== Number(end)) {
    throw new Error(`${count} times ${bytes} bytes do not add up to ${end}`);
  }
  return lines;
}

function hold(_all: string, space: string, bracket: string | undefined): string {
  return bracket === undefined ? `<${space}[hold] ` : `<${space}[hold, `;
}

interface Variation {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** `a, b = 1, 2 | 3, 4`. */
function parseEach(file: string, line: number, text: string): Variation {
  const [namesText = '', rowsText] = text.split(/\s=\s/, 2);
  if (rowsText === undefined) throw new ScriptSyntaxError(file, line, 'write each: NAME = A | B');
  const split = (part: string): string[] => part.split(',').map((word) => word.trim());
  const names = split(namesText);
  const rows = text
    .slice(text.indexOf(' = ') + 3)
    .split(' | ')
    .map(split);
  if (rows.some((row) => row.length !== names.length)) {
    throw new ScriptSyntaxError(file, line, `each row needs ${names.length} values`);
  }
  return { names, rows };
}

function combinations(variations: readonly Variation[]): Map<string, string>[] {
  let result = [new Map<string, string>()];
  for (const { names, rows } of variations) {
    result = result.flatMap((values) =>
      rows.map((row) => {
        const next = new Map(values);
        for (const [i, name] of names.entries()) next.set(name, row[i]!);
        return next;
      }),
    );
  }
  return result;
}

/** Replaces `$name` and `${name:default}`, strips comments, and puts preludes in. */
function expand(
  file: string,
  lines: readonly Line[],
  values: ReadonlyMap<string, string>,
  folder: string,
): Line[] {
  return lines.flatMap((line) => {
    const text = substitute(line, file, values)
      .replace(/(^|\s)(#|\/\/).*$/, '')
      .trim();
    const use = /^use\s+([\w-]+)(.*)$/.exec(text);
    if (use === null) return [{ ...line, text }];
    const name = join(PRELUDES, `${use[1]!}.tw`);
    const path = join(folder, name);
    if (!existsSync(path)) throw new ScriptSyntaxError(file, line.number, `no prelude ${name}`);
    const inner = new Map(values);
    for (const [, key = '', value = ''] of use[2]!.matchAll(/([\w-]+)=("[^"]*"|\S+)/g))
      inner.set(key, value.replaceAll('"', ''));
    const prelude = readFileSync(path, 'utf8')
      .split('\n')
      .map((raw, index) => ({ number: index + 1, text: raw, file: name }));
    return expand(file, prelude, inner, folder);
  });
}

function substitute(line: Line, file: string, values: ReadonlyMap<string, string>): string {
  return line.text.replaceAll(/\$(?:\{(\w+)(?::([^}]*))?\}|(\w+))/g, (_all, a, fallback, b) => {
    const name = String(a ?? b);
    const value = values.get(name) ?? (fallback as string | undefined);
    if (value === undefined) {
      throw new ScriptSyntaxError(line.file ?? file, line.number, `$${name} has no value`);
    }
    return value;
  });
}

function parseHeader(
  file: string,
  fields: ReadonlyMap<string, { value: string; line: number }>,
  values: ReadonlyMap<string, string>,
): Header {
  const field = (name: string): string | undefined => {
    const found = fields.get(name);
    if (found === undefined) return undefined;
    return substitute({ number: found.line, text: found.value, file: undefined }, file, values);
  };
  const need = (name: string): string => {
    const value = field(name);
    if (value === undefined) throw new ScriptSyntaxError(file, 1, `the header lacks ${name}:`);
    return value;
  };
  const rfc = /^(\d+)(?:,\s*(.+))?$/.exec(need('rfc'));
  if (rfc === null) throw new ScriptSyntaxError(file, 1, 'write rfc: NUMBER, SECTION');
  const level = need('level');
  if (!LEVELS.includes(level)) {
    throw new ScriptSyntaxError(file, 1, `level is one of ${LEVELS.join(', ')}`);
  }
  const tolerance = field('tolerance');
  const ip = field('ip');
  if (ip !== undefined && ip !== '4' && ip !== '6') {
    throw new ScriptSyntaxError(file, 1, 'ip is 4 or 6, for a script that holds for one of them');
  }
  return {
    title: need('title'),
    rfc: rfc[1]!,
    section: rfc[2] ?? '',
    level: level as Level,
    expectFail: field('expect-fail'),
    family: ip === undefined ? undefined : ip === '4' ? 4 : 6,
    toleranceNs: tolerance === undefined ? TOLERANCE_NS : Number(parseValue(tolerance)),
    options: parseOptions(file, field('options') ?? ''),
  };
}

/** `name=value ...`; scripts run without timestamps unless they ask for them. */
function parseOptions(file: string, text: string): ScriptedStackOptions {
  const stack: Record<string, unknown> = {};
  const tcp: Record<string, unknown> = { timestamps: false };
  for (const word of text.split(/\s+/)) {
    if (word === '') continue;
    const [name = '', value] = word.split('=');
    if (value === undefined) throw new ScriptSyntaxError(file, 1, `option ${name}: NAME=VALUE`);
    if (STACK_OPTIONS.has(name)) stack[name] = parseValue(value);
    else tcp[name] = parseValue(value);
  }
  return { ...stack, tcp };
}

/** `true`, `12`, `40ms` (nanoseconds), `mss,windowScale` (a list of names). */
export function parseValue(text: string): boolean | number | string | readonly string[] {
  if (text === 'true' || text === 'false') return text === 'true';
  const match = /^(-?\d*\.?\d+)(ns|us|ms|s)?$/.exec(text);
  if (match === null) return text.includes(',') ? text.split(',') : text;
  return Number(match[1]) * (match[2] === undefined ? 1 : UNITS_NS[match[2]]!);
}

/** The title under which a script runs as a test. */
export function scriptTitle(script: Script): string {
  const { title, rfc, section } = script.header;
  const place = section === '' ? `RFC ${rfc}` : `RFC ${rfc}, ${section}`;
  const variant = script.variant === '' ? '' : ` [${script.variant}]`;
  return `${title}${variant} (${place})`;
}

/** Name of a script without folder and ending. */
export function scriptName(script: Script): string {
  return basename(script.file, '.tw');
}
