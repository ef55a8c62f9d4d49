/**
 * The child process of the no-garbage tests: warms one case up, then runs it a million times or
 * more between two marks on stderr.
 *
 * @module
 */

import { writeSync } from 'node:fs';
import { encodeExecutionReport, ReportKind } from '../src/execution-report.ts';
import { FlowGenerator } from '../src/flow/generator.ts';
import { createOrderFlow, encodeFlowRow } from '../src/flow/order-flow.ts';
import { OracleReporter } from '../src/oracle-reporter.ts';
import { encodeSoupHeader, SoupType } from '../src/soup.ts';
import { SoupDecoder } from '../src/soup-decoder.ts';

const CHUNK_PACKETS = 100;
const bytes = new Uint8Array(CHUNK_PACKETS * 51);
const view = new DataView(bytes.buffer);

/** Objects that the control makes. */
let sink: unknown;

function control(): () => void {
  return () => {
    for (let i = 0; i < 1000; i++) sink = { i, sink: undefined };
  };
}

function decoder(): () => void {
  for (let i = 0; i < CHUNK_PACKETS; i++) {
    encodeSoupHeader(view, i * 51, SoupType.SequencedData, 48);
  }
  const soup = new SoupDecoder();
  let seen = 0;
  return () => {
    // Ten cuts that fall into packets, so that the carry buffer works too.
    for (let piece = 0; piece < 10; piece++) {
      soup.push(bytes, piece * 510, 505);
      while (soup.next() > 0) seen += soup.length;
      soup.push(bytes, piece * 510 + 505, 5);
      while (soup.next() > 0) seen += soup.length;
    }
    if (seen % 4800 !== 0) throw new Error('a packet was lost');
  };
}

function generator(): () => void {
  const source = new FlowGenerator({ seed: 1, arrivals: 'hawkes' });
  const flow = createOrderFlow(500);
  return () => {
    source.next(flow);
    for (let row = 0; row < flow.count; row++) encodeFlowRow(flow, row, view, 0, 1, 0);
  };
}

function reporter(): () => void {
  const oracle = new OracleReporter();
  const report = {
    symbol: 0,
    clientOrderId: 5,
    kind: ReportKind.Accepted,
    reason: 0,
    side: 0,
    flags: 0,
    clientSequence: 2_000_000,
    sequence: 1,
    price: 123_456,
    quantity: 100,
    matchId: 0,
  };
  encodeExecutionReport(view, 0, report);
  return () => {
    for (let i = 0; i < 500; i++) oracle.push(view, 0);
  };
}

const CASES: Record<string, () => () => void> = { control, decoder, generator, reporter };
const make = CASES[process.argv[2] ?? ''];
if (make === undefined) throw new Error('unknown case');
const round = make();
for (let i = 0; i < 1000; i++) round();
writeSync(2, 'steady\n');
for (let i = 0; i < 4000; i++) round();
writeSync(2, 'done\n');
if (sink === view) throw new Error('unreachable');
