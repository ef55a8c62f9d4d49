/**
 * The rule of the hot path: what a file with `// @hot` in its first line must not do per packet.
 *
 * Construction is free to do all of it. It is recognised by where the code stands: at the top level
 * of the module, in a constructor, or in a function whose docstring says `@cold`.
 *
 * @module
 */

import { type Finding, isShipped, type Rule } from './rule.ts';
import { lineAt, type Source } from './source.ts';

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/\b\d[\d_]*n\b|\bBigInt\b|\bget(?:Big)(?:Int|Uint)64\b/, 'BigInt allocates; use two halves'],
  [/\.subarray\(/, 'subarray makes a view per call; pass the offset'],
  [/\.\.\.(?=[\w([{])/, 'spread or rest copies; pass the values'],
  [/\bfor\s*(?:await\s*)?\((?:const|let|var)\b[^;()]*\bof\b/, 'for...of iterates; count an index'],
  [/`/, 'a template literal allocates; use a plain literal'],
  [/\bthrow\b/, 'a throw on the hot path; return a Status'],
  [/\b(?:const|let|var)\s*\[/, 'array destructuring iterates; read by index'],
  [/=>/, 'a closure per call; use a method or a module-level function'],
];

interface Block {
  readonly from: number;
  readonly to: number;
  /** The text between the end of the statement before and the brace. */
  readonly headAt: number;
  readonly head: string;
}

/** Every pair of braces, with what stands before it. */
function blocksOf(code: string): Block[] {
  const open: { at: number; headAt: number }[] = [];
  const blocks: Block[] = [];
  let headAt = 0;
  let parens = 0;
  for (let i = 0; i < code.length; i++) {
    const c = code[i];
    if (c === '(') parens++;
    else if (c === ')') parens--;
    else if (c === '{') {
      open.push({ at: i, headAt });
      headAt = i + 1;
    } else if (c === '}') {
      const block = open.pop();
      if (block === undefined) continue;
      const head = code.slice(block.headAt, block.at);
      blocks.push({ from: block.at, to: i, headAt: block.headAt, head });
      // Braces between parentheses (a type literal, a default) belong to the head around them.
      headAt =
        parens > 0 || /^\s*(?:[[\]|&=>),]|\{)/.test(code.slice(i + 1)) ? block.headAt : i + 1;
    } else if (c === ';' && parens === 0) headAt = i + 1;
  }
  return blocks;
}

function isFunction(block: Block): boolean {
  const head = block.head.trim();
  return (
    /\(|=>\s*$/.test(head) && !/^(?:\}?\s*)(?:else\s+)?(?:if|for|while|switch|catch)\b/.test(head)
  );
}

function isConstruction(file: Source, block: Block): boolean {
  if (/\bconstructor\s*\($|\bconstructor\s*\(/.test(block.head)) return true;
  return /\*[^]*@cold\b/.test(file.text.slice(block.headAt, block.from));
}

function findHot(file: Source): Finding[] {
  const functions = blocksOf(file.code).filter((block) => isFunction(block));
  const findings: Finding[] = [];
  for (const [pattern, message] of FORBIDDEN) {
    for (const match of file.code.matchAll(new RegExp(pattern, 'g'))) {
      const around = functions.filter(({ from, to }) => from < match.index && match.index < to);
      if (around.length === 0 || around.some((block) => isConstruction(file, block))) continue;
      const line = lineAt(file.text, match.index);
      if (findings.some((known) => known.line === line && known.message === message)) continue;
      findings.push({ path: file.path, line, message });
    }
  }
  const hint = ' (or say @cold in the docstring of a function that runs off the path)';
  return findings
    .map((each) => ({ ...each, message: each.message + hint }))
    .toSorted((a, b) => a.line - b.line);
}

const HOT = '// @hot\n';
const inFunction = (body: string): readonly [string, string] => [
  'packages/x/src/a.ts',
  `${HOT}export function f(view: DataView): number {\n  ${body}\n}\n`,
];

/** CONTRIBUTING, rule 2. */
export const hotPath: Rule = {
  name: 'a file marked @hot does not allocate, iterate or throw after construction',
  appliesTo: isShipped,
  find: (file) => (file.text.startsWith('// @hot') ? findHot(file) : []),
  bad: [
    inFunction('return Number(1n);'),
    inFunction('return bytes.subarray(1, 2).length;'),
    inFunction('return Math.max(...values);'),
    inFunction('for (const value of values) total += value;'),
    inFunction('return `${view.byteLength}`.length;'),
    inFunction("if (view.byteLength < 20) {\n    throw new RangeError('Short');\n  }"),
    inFunction('const [a] = values;'),
    inFunction('return values.findIndex((value) => value > 1);'),
    ['packages/x/src/a.ts', `${HOT}class A {\n  next(): number {\n    return +\`1\`;\n  }\n}\n`],
    [
      'packages/x/src/a.ts',
      `${HOT}/** @cold */\nfunction make(): void {}\n\nfunction f(): void {\n  throw 1;\n}\n`,
    ],
  ],
  good: [
    ['packages/x/src/a.ts', 'export function f(): bigint {\n  return 1n;\n}\n'],
    ['packages/x/src/a.ts', `${HOT}const TABLE = [...new Set([1])].map((x) => x + 1);\n`],
    ['packages/x/src/a.ts', `${HOT}for (const x of TABLE) {\n  table[x] = \`\${x}\`.length;\n}\n`],
    [
      'packages/x/src/a.ts',
      `${HOT}class A {\n  constructor({ size = 1 }: { size?: number } = {}) {\n` +
        "    if (size < 1) throw new RangeError('Size');\n  }\n}\n",
    ],
    [
      'packages/x/src/a.ts',
      `${HOT}/**\n * Makes it.\n *\n * @cold\n */\nexport function make(n: number): A {\n` +
        "  if (n < 1) throw new RangeError('N');\n  return new A(n);\n}\n",
    ],
    inFunction('return view.getInt32(0); // for (const a of b) throw `x` ... 1n'),
    inFunction('for (let i = 0; i < 3; i++) total = (total + i) | 0;\n  return total / 2 / 3;'),
  ],
};
