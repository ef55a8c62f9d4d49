import { describe, expect, test } from 'bun:test';
import { NetError } from '@tickwire/base';
import { readColumnar } from './columnar.ts';
import { FLOW_IOC, FLOW_SYNTHETIC_ID_BASE, FlowType, type OrderFlow } from './order-flow.ts';
import { readOrderFlow } from './read.ts';

const ascii = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** One row as text: type, side, id, price, quantity, flags, time, maker, source row. */
function rows(flow: OrderFlow): string[] {
  return Array.from({ length: flow.count }, (_, i) =>
    [
      flow.type[i],
      flow.side[i],
      flow.orderId[i],
      flow.price[i],
      flow.quantity[i],
      flow.flags[i],
      flow.timeNs[i],
      flow.makerId[i],
      flow.sourceRow[i],
    ].join(' '),
  );
}

/** Runs `read` and gives the refusal back. */
function refusal(bytes: Uint8Array): NetError {
  try {
    readOrderFlow(bytes, 'file.csv');
  } catch (error) {
    if (error instanceof NetError) return error;
    throw error;
  }
  throw new Error('the file was not refused');
}

const LOBSTER = [
  '34200.017459617,5,0,1,2238200,-1',
  '34200.18960767,1,11885113,21,2238100,1',
  '34200.2,2,11885113,5,2238100,1',
  '34201,4,11885113,6,2238100,1',
  '34201.0000000019999,3,11885113,10,2238100,1',
  '36023,7,0,0,-1,-1',
].join('\n');

describe('LOBSTER', () => {
  const aggressor = FLOW_SYNTHETIC_ID_BASE + 3;
  const wanted = [
    `${FlowType.New} 0 11885113 2238100 21 0 34200189607670 0 1`,
    `${FlowType.Reduce} 0 11885113 2238100 5 0 34200200000000 0 2`,
    `${FlowType.New} 1 ${aggressor} 2238100 6 ${FLOW_IOC} 34201000000000 11885113 3`,
    `${FlowType.Cancel} 0 11885113 2238100 10 0 34201000000001 0 4`,
  ];

  test('readOrderFlow() converts each event type as documented', () => {
    const flow = readOrderFlow(ascii(LOBSTER), 'x');
    expect(rows(flow)).toEqual(wanted);
    expect(flow.skipped).toBe(2);
  });

  test('readOrderFlow() takes line ends of both kinds, with and without the last, and gzip', () => {
    expect(rows(readOrderFlow(ascii(`${LOBSTER}\n`), 'x'))).toEqual(wanted);
    expect(rows(readOrderFlow(ascii(LOBSTER.replaceAll('\n', '\r\n')), 'x'))).toEqual(wanted);
    expect(rows(readOrderFlow(Bun.gzipSync(ascii(LOBSTER)), 'x'))).toEqual(wanted);
  });

  test('readOrderFlow() refuses what is not the format, with file, line and reason', () => {
    const bad: [string, string][] = [
      ['34200.1,1,5,1,100,0', 'direction'],
      ['34200.1,8,5,1,100,1', 'type 8'],
      ['34200.1,1,5,0,100,1', 'not positive'],
      ['34200.1,1,2147483648,1,100,1', 'order id'],
      ['34200.1,1,5,1,100', 'missing'],
      ['34200.1,1,5,1,100,1,7', 'longer'],
      ['34200.1,1,5,,100,1', 'a number is missing'],
      ['34200.1,1,5,1.5,100,1', 'more than 0 decimals'],
      ['34200.1,1,5,99999999999999999,100,1', '2^53'],
      ['34200.1,1,5,x,100,1', 'a number is missing'],
    ];
    for (const [line, reason] of bad) {
      const error = refusal(ascii(`34200.1,1,4,1,100,1\n${line}\n`));
      expect(error.code).toBe('ERR_TW_FORMAT');
      expect(error.message).toStartWith('file.csv:2: ');
      expect(error.message).toContain(reason);
      expect(error.details['line']).toBe(2);
    }
  });
});

describe('Bitstamp', () => {
  const header = 'id,timestamp,exchange.timestamp,price,volume,action,direction\n';
  const at = (row: string): string => `${row}\n`;

  test('readOrderFlow() converts each action as documented', () => {
    const flow = readOrderFlow(
      ascii(
        header +
          at('7,1430438404518,1430438404000,236.47,20000000000,created,bid') +
          at('7,1430438404635,1430438404000,236.47,17885566900,changed,bid') +
          at('7,1430438404636,1430438404000,236.47,17885566900,changed,bid') +
          at('7,1430438404637,1430438404000,236.4,17885566901,changed,bid') +
          at('8,1430438404638,1430438340000,236,5,changed,ask') +
          at('8,1430438404639,1430438340000,236,0,deleted,ask'),
      ),
      'x',
    );
    expect(rows(flow)).toEqual([
      `${FlowType.New} 0 7 23647 20000000000 0 0 0 0`,
      `${FlowType.Reduce} 0 7 23647 2114433100 0 117000000 0 1`,
      `${FlowType.Replace} 0 7 23640 17885566901 0 119000000 0 3`,
      `${FlowType.Cancel} 1 8 23600 0 0 121000000 0 5`,
    ]);
    expect(flow.skipped).toBe(2);
  });

  test('readOrderFlow() refuses unknown actions, directions and prices in fractions', () => {
    const row = (price: string, action: string, side: string): Uint8Array =>
      ascii(`${header}7,1,1,${price},5,${action},${side}`);
    expect(refusal(row('1', 'eaten', 'bid')).message).toContain('eaten');
    expect(refusal(row('1', 'created', 'both')).message).toContain('neither bid');
    expect(refusal(row('1.005', 'created', 'bid')).message).toContain('decimals');
    expect(refusal(row('1.005', 'created', 'bid')).message).toStartWith('file.csv:2: ');
  });
});

describe('LOBSTER refuses', () => {
  test('an order id of 0, and a time that goes backwards', () => {
    const first = '34200.2,1,7,5,2238100,1';
    const of = (line: string): string => refusal(ascii(`${first}\n${line}`)).message;
    expect(of('34200.3,1,0,5,2238100,1')).toStartWith('file.csv:2: the order id is not positive');
    expect(of('34200.1,1,8,5,2238100,1')).toStartWith('file.csv:2: the time goes backwards');
  });
});

describe('columnar', () => {
  /** Three rows: a sell IOC, a cancel, a replace. */
  function workload(): Uint8Array {
    const bytes = new Uint8Array(16 + 30);
    const view = new DataView(bytes.buffer);
    bytes.set(ascii('MEBC'));
    view.setUint32(4, 1, true);
    view.setUint32(8, 3, true);
    [5, 0, 9].forEach((price, i) => view.setInt32(16 + i * 4, price, true));
    [1, 2, 3].forEach((id, i) => view.setUint32(28 + i * 4, id, true));
    bytes.set([0 | 4 | 8, 1, 2], 40);
    bytes.set([50, 0, 60], 43);
    return bytes;
  }

  test('readOrderFlow() converts each row as documented', () => {
    expect(rows(readOrderFlow(workload(), 'x'))).toEqual([
      `${FlowType.New} 1 1 5 50 ${FLOW_IOC} 0 0 0`,
      `${FlowType.Cancel} 0 2 0 0 0 0 0 1`,
      `${FlowType.Replace} 0 3 9 60 0 0 0 2`,
    ]);
  });

  test('readColumnar() refuses a short file, another version and unknown flags', () => {
    expect(refusal(workload().subarray(0, 45)).message).toContain('need 46');
    expect(refusal(workload().subarray(0, 12)).message).toContain('header');
    const version = workload();
    version[4] = 2;
    expect(refusal(version).message).toContain('version 2');
    const flags = workload();
    flags[41] = 3;
    expect(refusal(flags).details).toMatchObject({ file: 'file.csv', line: 2 });
    const negative = workload();
    new DataView(negative.buffer).setInt32(24, -9, true);
    expect(refusal(negative).message).toStartWith('file.csv:3: price -9 is not positive');
    const nothing = workload();
    nothing[43] = 0;
    expect(refusal(nothing).message).toStartWith('file.csv:1: quantity is 0');
    expect(() => readColumnar(ascii('nonsense, and long enough'), 'x')).toThrow('MEBC');
  });
});

test('readOrderFlow() refuses files of no known format and damaged gzip', () => {
  expect(refusal(ascii('hello')).code).toBe('ERR_TW_FORMAT');
  expect(refusal(new Uint8Array(0)).code).toBe('ERR_TW_FORMAT');
  const packed = Bun.gzipSync(ascii(LOBSTER));
  expect(refusal(packed.subarray(0, packed.length >> 1)).message).toContain('gzip');
});
