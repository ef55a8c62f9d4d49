/**
 * What the other end of stdout and stderr can show, and where text goes.
 *
 * @module
 */

/** Something that takes text: a stream of the process, or an array in a test. */
export interface TextSink {
  write(text: string): unknown;
}

/** Properties of one output stream. */
export interface Terminal {
  /** Lines may be written over. */
  readonly isTty: boolean;
  /** Characters per line to fill at most. */
  readonly columns: number;
  /** ANSI colours are welcome. */
  readonly hasColor: boolean;
}

/** Columns when nobody says how many there are. */
const COLUMNS_DEFAULT = 80;
/** Below this, tables and hashes are not squeezed; above, long lines are hard to read. */
const COLUMNS_MIN = 80;
const COLUMNS_MAX = 110;

/**
 * Judges a stream. `NO_COLOR` (https://no-color.org) wins over `FORCE_COLOR`, which wins over what
 * the stream is.
 */
export function terminalOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const isTty = stream.isTTY === true;
  const columns = stream.columns ?? COLUMNS_DEFAULT;
  const isForced = (env['FORCE_COLOR'] ?? '0') !== '0';
  const isForbidden = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return {
    isTty,
    columns: Math.min(COLUMNS_MAX, Math.max(COLUMNS_MIN, columns)),
    hasColor: !isForbidden && (isForced || isTty),
  };
}

/** Ways to set off a piece of text. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly accent: (text: string) => string;
}

const plain = (text: string): string => text;
const ansi =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`;

const COLORED: Style = {
  bold: ansi(1, 22),
  dim: ansi(2, 22),
  good: ansi(32, 39),
  bad: ansi(31, 39),
  accent: ansi(36, 39),
};
const PLAIN: Style = { bold: plain, dim: plain, good: plain, bad: plain, accent: plain };

/** The style for a terminal: colours, or nothing. */
export function styleOf(terminal: Terminal): Style {
  return terminal.hasColor ? COLORED : PLAIN;
}

/** Columns that a text takes on the screen; colours take none. */
export function visibleLength(text: string): number {
  return Bun.stringWidth(text);
}

/** Breaks a sentence at blanks so that each line takes at most `columns`, behind `indent`. */
export function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && indent.length + visibleLength(longer) > columns) {
      lines.push(indent + line);
      line = word;
    } else {
      line = longer;
    }
  }
  if (line !== '') lines.push(indent + line);
  return lines;
}
