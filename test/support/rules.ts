/**
 * The rules of the house that look at one file at a time.
 *
 * @module
 */

import { hotPath } from './hot.ts';
import { findAll, type Finding, isCode, isShipped, isTest, type Rule } from './rule.ts';
import { lineAt } from './source.ts';

const COLUMNS_MAX = 100;
const LINES_MAX = 600;
const TEST_LINES_MAX = 1_000;

/** Builds a word that this file must not contain itself. */
const word = (...parts: string[]): string => parts.join('');

const lineLength: Rule = {
  name: `lines of code have at most ${COLUMNS_MAX} columns, URLs excepted`,
  appliesTo: isCode,
  find: (file) =>
    file.text.split('\n').flatMap((text, index) => {
      if (text.length <= COLUMNS_MAX || /https?:\/\/\S{40}/.test(text)) return [];
      const message = `${text.length} columns; break the line at ${COLUMNS_MAX}`;
      return [{ path: file.path, line: index + 1, message }];
    }),
  bad: [['a.ts', `// ${'x'.repeat(98)}\n`]],
  good: [
    ['a.ts', `// ${'x'.repeat(97)}\n`],
    ['a.ts', `// https://example.org/${'x'.repeat(98)}\n`],
  ],
};

const fileSize: Rule = {
  name: `a source file has at most ${LINES_MAX} lines, a test ${TEST_LINES_MAX}`,
  appliesTo: isCode,
  find: ({ path, text }) => {
    const count = text.split('\n').length - 1;
    const max = isTest(path) ? TEST_LINES_MAX : LINES_MAX;
    return count > max ? [{ path, line: count, message: `${count} lines; split at an idea` }] : [];
  },
  bad: [
    ['a.ts', '\n'.repeat(LINES_MAX + 1)],
    ['a.test.ts', '\n'.repeat(TEST_LINES_MAX + 1)],
  ],
  good: [
    ['a.ts', '\n'.repeat(LINES_MAX)],
    ['a.test.ts', '\n'.repeat(LINES_MAX + 1)],
  ],
};

const whitespace: Rule = {
  name: 'no line ends in blanks and every file ends in one line break',
  appliesTo: (path) => isCode(path) || path.endsWith('.md'),
  find: (file) => [
    ...findAll(file, file.text, /[ \t\r]+$/, 'blanks at the end of the line; delete them'),
    ...(file.text === '' || /[^\n]\n$/.test(file.text)
      ? []
      : [
          { path: file.path, line: lineAt(file.text, file.text.length), message: 'end in one \\n' },
        ]),
  ],
  bad: [
    ['a.c', 'int x; \n'],
    ['a.c', 'int x;'],
    ['a.md', 'x\n\n'],
  ],
  good: [['a.c', 'int x;\n']],
};

const leftovers: Rule = {
  name: 'nothing is left for later in the code',
  appliesTo: isCode,
  find: (file) =>
    findAll(
      file,
      file.text,
      new RegExp(`\\b(${[word('TO', 'DO'), word('FIX', 'ME'), word('X', 'XX')].join('|')})\\b`),
      (match) => `${match[0]}; do it, or describe what is in docs/`,
    ),
  bad: [
    ['a.ts', `// ${word('TO', 'DO')}: later\n`],
    ['a.c', `/* ${word('FIX', 'ME')} */\n`],
    ['a.test.ts', `// ${word('X', 'XX')} odd\n`],
  ],
  good: [['a.ts', '// The list of things to do is empty.\n']],
};

const noEnum: Rule = {
  name: 'there is no enum',
  appliesTo: (path) => path.endsWith('.ts'),
  find: (file) =>
    findAll(
      file,
      file.code,
      /\benum\s+\w+\s*\{/,
      'enum; use an object "as const" and a union type of its values',
    ),
  bad: [['a.ts', 'export const enum State { Closed }\n']],
  good: [['a.ts', '// enum State {}\nexport const State = { Closed: 0 } as const;\n']],
};

/** The arguments of the call whose opening parenthesis is at `at`, cut at top-level commas. */
function argumentsAt(code: string, at: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = at + 1;
  for (let i = at; i < code.length; i++) {
    const c = code[i] ?? '';
    if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    if ((c === ',' && depth === 1) || depth === 0) {
      if (code.slice(from, i).trim() !== '') found.push(code.slice(from, i).trim());
      from = i + 1;
    }
    if (depth === 0) break;
  }
  return found;
}

const assertMessages: Rule = {
  name: 'the message of an assertion is a literal',
  appliesTo: isShipped,
  find: (file) => {
    const findings: Finding[] = [];
    for (const match of file.code.matchAll(/(?<!function\s|[.\w])assert\(/g)) {
      const message = argumentsAt(file.code, match.index + match[0].length - 1)[1] ?? '';
      if (/^'[^']*'$|^"[^"]*"$/.test(message)) continue;
      findings.push({
        path: file.path,
        line: lineAt(file.text, match.index),
        message: 'assert needs a plain literal; details go into: if (!ok) fail(...)',
      });
    }
    return findings;
  },
  bad: [
    ['packages/x/src/a.ts', 'assert(at >= 0, `at is ${at}`);\n'],
    ['packages/x/src/a.ts', "assert(at >= 0, 'at is ' + at);\n"],
    ['packages/x/src/a.ts', 'assert(at >= 0);\n'],
  ],
  good: [
    ['packages/x/src/a.ts', "assert(f(a, [b, c]) >= 0,\n  'at is (never, ever) negative',\n);\n"],
    ['packages/x/src/a.ts', 'export function assert(condition: boolean, m: string): void {}\n'],
  ],
};

const timeAndChance: Rule = {
  name: 'time and randomness are arguments',
  appliesTo: (path) =>
    /^packages\/.*\.ts$/.test(path) &&
    path !== 'packages/base/src/clock.ts' &&
    !path.startsWith('packages/cli/'),
  find: (file) =>
    findAll(
      file,
      file.code,
      /\bDate\.now\b|\bperformance\.now\b|\bMath\.random\b|\bBun\.nanoseconds\b|\bnew Date\(\s*\)/,
      (match) => `${match[0]}; take nowNs, a Clock or a Prng as an argument`,
    ),
  bad: [
    ['packages/x/src/a.ts', 'const t = Date.now();\n'],
    ['packages/x/src/a.ts', 'const t = performance.now();\n'],
    ['packages/x/src/a.test.ts', 'const t = Math.random();\n'],
    ['packages/x/src/a.ts', 'const t = Bun.nanoseconds();\n'],
    ['packages/x/src/a.ts', 'const t = new Date();\n'],
  ],
  good: [
    ['packages/x/src/a.ts', "const hint = 'not Date.now()'; // nor Math.random()\n"],
    ['packages/base/src/clock.ts', 'const t = Date.now();\n'],
    ['packages/cli/src/a.ts', 'const t = Date.now();\n'],
  ],
};

const indexExports: Rule = {
  name: 'src/index.ts only exports',
  appliesTo: (path) => /^packages\/[^/]+\/src\/index\.ts$/.test(path),
  find: (file) => {
    const exports =
      /export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})(?:\s+from\s+'[^']*')?\s*;/g;
    const rest = file.code.replaceAll(exports, (text) => text.replaceAll(/[^\n]/g, ' '));
    const at = rest.search(/\S/);
    if (at === -1) return [];
    const line = lineAt(rest, at);
    return [{ path: file.path, line, message: 'a statement; move it into a file of its own' }];
  },
  bad: [
    ['packages/x/src/index.ts', "export { a } from './a.ts';\nexport const b = 1;\n"],
    ['packages/x/src/index.ts', "import './a.ts';\n"],
  ],
  good: [['packages/x/src/index.ts', "/** X. */\nexport {\n  a,\n  type B,\n} from './a.ts';\n"]],
};

const ONE_LINE_CONSTANT = /^export const [A-Z][A-Z0-9_]* *(?:: *\w+ *)?=.*;/;

const docstrings: Rule = {
  name: 'every exported symbol has a docstring, a run of one-line constants has one',
  appliesTo: isShipped,
  find: (file) => {
    const lines = file.text.split('\n');
    const code = file.code.split('\n');
    const exported =
      /^export (?:declare |abstract |async )*(?:function\*?|class|const|let|interface|type) (\w+)/;
    return code.flatMap((text, index) => {
      const name = exported.exec(text)?.[1];
      if (name === undefined) return [];
      const before = lines[index - 1]?.trim() ?? '';
      const isOverload = before.startsWith(`export function ${name}`) && before.endsWith(';');
      // One docstring may head a run of constants: code points of a registry, say.
      const isInRun = ONE_LINE_CONSTANT.test(text) && ONE_LINE_CONSTANT.test(before);
      if (before.endsWith('*/') || isOverload || isInRun) return [];
      const message = `${name} has no docstring; say what it guarantees, in which units`;
      return [{ path: file.path, line: index + 1, message }];
    });
  },
  bad: [
    ['packages/x/src/a.ts', 'export function f(): void {}\n'],
    ['packages/x/src/a.ts', '/** A. */\nexport const A = 1;\n\nexport const B = 2;\n'],
    ['packages/x/src/a.ts', '/** A. */\nexport const a = 1;\nexport const b = 2;\n'],
    ['packages/x/src/a.ts', 'export const A = 1;\nexport const B = 2;\n'],
    ['packages/x/src/a.ts', '/** A. */\n\nexport class A {}\n'],
    ['packages/x/src/a.ts', '// A.\nexport interface A {}\n'],
  ],
  good: [
    [
      'packages/x/src/a.ts',
      '/** A. */\nexport type A = 1;\n\n/**\n * B.\n */\nexport class B {}\n',
    ],
    ['packages/x/src/a.ts', '/** Kinds. */\nexport const A = 1;\nexport const B = 2;\n'],
    ['packages/x/src/a.test.ts', 'export const a = 1;\n'],
  ],
};

const testNames: Rule = {
  name: 'no test is switched off or singled out',
  appliesTo: isTest,
  find: (file) =>
    findAll(
      file,
      file.code,
      /\b(?:test|it|describe)\.(?:skip|only|todo|failing)\b/,
      (match) => `${match[0]}; make it pass, or use ${match[0].split('.')[0]}.skipIf(condition)`,
    ),
  bad: [
    ['a.test.ts', "test.skip('a', () => {});\n"],
    ['a.test.ts', "describe.only('a', () => {});\n"],
    ['a.test.ts', "test.todo('a');\n"],
  ],
  good: [['a.test.ts', "test.skipIf(!isRoot)('a', () => {}); // not test.skip\n"]],
};

/** Host of the registry that this run was installed from, where it is a private one. */
function privateRegistry(): string[] {
  const url = process.env['npm_config_registry'];
  return url !== undefined && URL.canParse(url) ? [RegExp.escape(new URL(url).host)] : [];
}

const places: Rule = {
  name: 'no file names a registry or a path of one machine',
  appliesTo: () => true,
  find: (file) => {
    const hosts = [
      word('registry', '\\.npmjs'),
      word('registry', '\\.yarnpkg'),
      ...privateRegistry(),
    ];
    const folders = `(?<![\\w./~-])/(?:${['work', 'root', 'home', 'Users'].join('|')})/`;
    const pattern = new RegExp([...hosts, folders].join('|'));
    return findAll(file, file.text, pattern, (m) => `${m[0]}; say it relative to the checkout`);
  },
  bad: [
    ['a.md', `Run ${word('/wo', 'rk/main')}.\n`],
    ['bun.lock.json', `"https://${word('registry.', 'npmjs')}.org/x"\n`],
    ['a.ts', `const path = '${word('/ro', 'ot/x')}';\n`],
  ],
  good: [['a.md', 'See https://example.org/work/x and docs/work/ and ./root/x.\n']],
};

/** Every rule that looks at one file at a time. */
export const rules: readonly Rule[] = [
  lineLength,
  fileSize,
  whitespace,
  leftovers,
  noEnum,
  assertMessages,
  timeAndChance,
  hotPath,
  indexExports,
  docstrings,
  testNames,
  places,
];
