/**
 * The line that says that something is going on.
 *
 * @module
 */

import type { Terminal, TextSink } from './terminal.ts';

/** Between two updates of a line that is written over: quick enough to feel alive. */
const TTY_INTERVAL_NS = 250e6;
/** Between two lines of a log. */
const LOG_INTERVAL_NS = 1e9;

/** Writes one line over and over on a terminal, and a line per second into a file. */
export class ProgressLine {
  readonly #sink: TextSink;
  readonly #terminal: Terminal;
  #nextNs = 0;
  #isDrawn = false;

  constructor(sink: TextSink, terminal: Terminal) {
    this.#sink = sink;
    this.#terminal = terminal;
  }

  /** Whether an update is due; ask before a text is made. */
  isDue(nowNs: number): boolean {
    return nowNs >= this.#nextNs;
  }

  /** Shows `text`, cut to the width of the terminal. */
  show(nowNs: number, text: string): void {
    const { isTty, columns } = this.#terminal;
    this.#nextNs = nowNs + (isTty ? TTY_INTERVAL_NS : LOG_INTERVAL_NS);
    if (!isTty) {
      this.#sink.write(`${text}\n`);
      return;
    }
    this.#isDrawn = true;
    this.#sink.write(`\r\u001b[2K${text.slice(0, columns - 1)}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    this.#sink.write('\r\u001b[2K');
  }
}
