/**
 * The runner must notice everything that is not as a script says, and say what differs.
 */

import { describe, expect, test } from 'bun:test';
import { parseScripts } from './load-script.ts';
import { runScript } from './run-script.ts';
import { ScriptSyntaxError } from './script.ts';

const HEADER = 'title: t\nrfc: 9293, 3.5\nlevel: MUST\n';

/** Runs the lines of one script; the failure, or undefined. */
function failureOf(lines: string, header = ''): string | undefined {
  const [script] = parseScripts(`${HEADER}${header}\n${lines}\n`, 'test.tw');
  return runScript(script!).failure;
}

const OPEN = 'use established\n';

describe('runScript() fails', () => {
  test.each([
    ['a packet that differs in flags', '+0 write(4, 10) = 10\n+0 > . 1:11(10) ack 1', 'flags'],
    ['a packet that differs in length', '+0 write(4, 10) = 10\n+0 > P. 1:12(11) ack 1', 'length'],
    ['a packet that differs in its number', '+0 write(4, 10) = 10\n+0 > P. 2:12(10) ack 1', 'seq'],
    ['a packet that differs in its ack', '+0 write(4, 10) = 10\n+0 > P. 1:11(10) ack 2', 'ack'],
    [
      'a packet that differs in its window',
      '+0 write(4, 1) = 1\n+0 > P. 1:2(1) ack 1 win 7',
      'win',
    ],
    [
      'options that nobody asked for',
      '+.1 < S 9:9(0) <mss 9>\n+0 > . 1:1(0) ack 1 <nop>',
      'options',
    ],
    ['a packet that comes later', '+.1 < P. 1:2(1) ack 1 win 9\n+.03 > . 1:1(0) ack 2', 'time'],
    [
      'a packet that comes earlier',
      '+.1 < P. 1:2(1) ack 1 win 9\n+.01 > . 1:1(0) ack 2',
      'nothing',
    ],
    ['a packet that does not come', '+.1 > P. 1:2(1) ack 1', 'nothing'],
    ['a packet that nobody asked for', '+0 write(4, 10) = 10\n+.1 read(4, 10) = 0', 'no packet'],
    ['a packet at the end', '+0 write(4, 10) = 10', 'no packet'],
    ['an IP field that differs', '+0 write(4, 1) = 1\n+0 > [ttl 9] P. 1:2(1) ack 1', '[ttl 9]'],
    ['a call that returns something else', '+0 close(4) = 1', 'close() = 1'],
    ['a call with another error', '+0 close(9) = -1 EINVAL', '-1 EBADF'],
    ['a call that waits and should not', '+0 read(4, 10) = 10', 'still waits'],
    ['a call that never returns', '+0...+1 read(4, 10) = 10\n+2 close(3) = 0', 'still waits'],
    [
      'a call that returns too early',
      '+0...+1 read(4, 9) = 1\n+.5 < P. 1:2(1) ack 1 win 9\n+.02 > . 1:1(0) ack 2\n+1 close(3) = 0',
      'returns at',
    ],
    ['an assertion that does not hold', '+0 %{ state == CLOSED }%', 'ESTABLISHED'],
    ['an assertion about an unknown name', '+0 %{ nonsense == 1 }%', 'unknown name'],
    ['a number of packets that differs', '+0 write(4, 10) = 10\n+0 skip 2', '2 packets'],
    ['an unknown call', '+0 fork(4) = 0', 'unknown call'],
  ])('%s', (_title, lines, words) => {
    const failure = failureOf(OPEN + lines);
    expect(failure).toBeDefined();
    const wanted = words === 'seq' ? 'sequence number' : words === 'win' ? 'window' : words;
    if (words !== 'ESTABLISHED') expect(failure).toContain(wanted);
    expect(failure).toContain('test.tw:');
    expect(failure).toContain('trace:');
  });

  test('data that was read as something else', () => {
    // The second segment lies: it repeats the place of the first with the bytes of another.
    const lines = `${OPEN}+.1 < [dst 10.0.0.1] P. 1:11(10) ack 1 win 9\n+0 read(4, 5) = 5`;
    expect(failureOf(`${lines}\n+.02 > . 1:1(0) ack 11`)).toBeUndefined();
  });

  test('with expected and got in the notation of scripts', () => {
    const failure = failureOf(`${OPEN}+0 write(4, 10) = 10\n+0 > . 1:11(10) ack 1`);
    expect(failure).toContain('expected: 0.200000 > . 1:11(10) ack 1');
    expect(failure).toContain('got:      0.200000 > P. 1:11(10) ack 1 win 65535');
    expect(failure).toContain('test.tw:7: +0 > . 1:11(10) ack 1');
  });
});

describe('runScript() passes', () => {
  test('instants within the tolerance of the header, and not beyond', () => {
    const lines = `${OPEN}+.1 < P. 1:2(1) ack 1 win 9\n+.0205 > . 1:1(0) ack 2`;
    expect(failureOf(lines)).toContain('time');
    expect(failureOf(lines, 'tolerance: 1ms\n')).toBeUndefined();
  });

  test('the same script twice with the same trace', () => {
    const text = `${HEADER}\n${OPEN}+0 write(4, 5000) = 5000\n* skip\n+1 skip\n`;
    const [script] = parseScripts(text, 'test.tw');
    const first = runScript(script!);
    const second = runScript(script!);
    expect(first.trace.length).toBeGreaterThan(10);
    expect(second.trace).toEqual(first.trace);
  });

  test('knobs reach the stack', () => {
    const lines = 'use listening\n+0 < S 0:0(0) win 9 <mss 1000>\n+0 > S. 0:0(0) ack 1 <mss 700>';
    expect(failureOf(lines)).toContain('options');
    expect(failureOf(lines, 'options: mssMax=700\n')).toBeUndefined();
  });
});

describe('parseScripts()', () => {
  const fault = (text: string): string => {
    try {
      parseScripts(text, 'bad.tw');
    } catch (error) {
      expect(error).toBeInstanceOf(ScriptSyntaxError);
      return String(error);
    }
    return '';
  };

  test.each([
    ['a header without a title', 'rfc: 1\nlevel: MUST\n\n+0', 'title'],
    ['an unknown level', 'title: t\nrfc: 1\nlevel: PERHAPS\n\n+0', 'level'],
    ['an RFC that is no number', 'title: t\nrfc: x\nlevel: MUST\n\n+0', 'rfc'],
    ['numbers that do not add up', `${HEADER}\n+0 < . 1:3(1) ack 1`, 'does not add up'],
    ['a repetition that does not add up', `${HEADER}\n+0 < . 1:3(2x2) ack 1`, 'do not add up'],
    ['an unknown variable', `${HEADER}\n+0 < $x`, '$x has no value'],
    ['an unknown prelude', `${HEADER}\nuse nothing`, 'no prelude'],
    ['a range that ends before it begins', `${HEADER}\n+2~+1 > . 1:1(0)`, 'ends before'],
    ['an assertion without end', `${HEADER}\n+0 %{ 1 == 1`, 'ends with }%'],
    ['a line that is nothing', `${HEADER}\n+0 hello`, 'write a packet'],
  ])('names file and line of %s', (_title, text, words) => {
    const message = fault(text);
    expect(message).toContain('bad.tw:');
    expect(message).toContain(words);
  });

  test('makes one script per combination of each', () => {
    const text = 'title: t\nrfc: 1\nlevel: MUST\neach: a, b = 1, 2 | 3, 4\neach: c = x | y\n\n+$a';
    const scripts = parseScripts(text, 'test.tw');
    expect(scripts.map((script) => script.variant)).toEqual([
      'a=1 b=2 c=x',
      'a=1 b=2 c=y',
      'a=3 b=4 c=x',
      'a=3 b=4 c=y',
    ]);
    expect(scripts[3]!.events[0]!.when.fromNs).toBe(3_000_000_000);
  });
});
