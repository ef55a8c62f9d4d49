/**
 * The expressions of `%{ ... }%`: numbers, names, comparisons, arithmetic, `&&`, `||`, `!`.
 *
 * @module
 */

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_][\w.]*)|(&&|\|\||[<>=!]=|[-+*/%()<>!&]))/y;

/** Binding power of the operators that stand between two operands. */
const POWER: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '&': 5,
  '+': 6,
  '-': 6,
  '*': 7,
  '/': 7,
  '%': 7,
};

/** Finds the value of a name; throws for one that it does not know. */
export type Lookup = (name: string) => number;

/** The value of an expression; comparisons are 1 or 0. Throws for what it cannot read. */
export function evaluate(text: string, lookup: Lookup): number {
  const tokens = tokenize(text);
  const parser = new Parser(tokens, lookup);
  const value = parser.expression(0);
  if (parser.rest > 0) throw new Error(`"${text}" goes on where it should end`);
  return value;
}

/** The names in an expression, each once. */
export function namesIn(text: string): string[] {
  return [...new Set(tokenize(text).filter((token) => /^[A-Za-z_]/.test(token)))];
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      if (text.slice(from).trim() === '') break;
      throw new Error(`"${text.slice(from)}" is not part of an expression`);
    }
    tokens.push(match[1] ?? match[2] ?? match[3]!);
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly string[];
  readonly #lookup: Lookup;
  #at = 0;

  constructor(tokens: readonly string[], lookup: Lookup) {
    this.#tokens = tokens;
    this.#lookup = lookup;
  }

  get rest(): number {
    return this.#tokens.length - this.#at;
  }

  expression(power: number): number {
    let left = this.#operand();
    for (;;) {
      const operator = this.#tokens[this.#at] ?? '';
      const own = POWER[operator];
      if (own === undefined || own <= power) return left;
      this.#at += 1;
      left = combine(operator, left, this.expression(own));
    }
  }

  #operand(): number {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    if (token === undefined) throw new Error('an expression ends too early');
    if (token === '(') {
      const value = this.expression(0);
      if (this.#tokens[this.#at] !== ')') throw new Error('a ) is missing');
      this.#at += 1;
      return value;
    }
    if (token === '-') return -this.#operand();
    if (token === '!') return this.#operand() === 0 ? 1 : 0;
    if (/^\d/.test(token)) return Number(token);
    if (/^[A-Za-z_]/.test(token)) return this.#lookup(token);
    throw new Error(`${token} is no operand`);
  }
}

function combine(operator: string, a: number, b: number): number {
  switch (operator) {
    case '||':
      return a !== 0 || b !== 0 ? 1 : 0;
    case '&&':
      return a !== 0 && b !== 0 ? 1 : 0;
    case '==':
      return a === b ? 1 : 0;
    case '!=':
      return a === b ? 0 : 1;
    case '<':
      return a < b ? 1 : 0;
    case '<=':
      return a <= b ? 1 : 0;
    case '>':
      return a > b ? 1 : 0;
    case '>=':
      return a >= b ? 1 : 0;
    case '&':
      return a & b;
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return a % b;
  }
}
