/**
 * Codecs: nanoseconds per message, one thread.
 *
 * ```text
 * bun run bench protocol
 * ```
 *
 * @module
 */

import {
  checkOrderEntry,
  createOrderFlow,
  encodeExecutionReport,
  encodeFlowRow,
  encodeNewOrder,
  encodeSoupHeader,
  FlowGenerator,
  newOrderReason,
  OracleReporter,
  PRICE_MAX,
  QUANTITY_MAX,
  ReportKind,
  SoupDecoder,
  SoupType,
} from '../../packages/protocol/src/index.ts';
import { do_not_optimize } from 'mitata';
import { suite } from '../micro-suite.ts';
import type { Benchmark } from '../contract.ts';

const BATCH = 1000;
const bytes = new Uint8Array(BATCH * 64);
const view = new DataView(bytes.buffer);

/** The benchmark. */
export const benchmark: Benchmark = suite(
  'protocol',
  'Codecs, framing, generator and oracle text: 1,000 messages, one thread',
  ({ bench }) => {
    bench(`encode ${BATCH} NewOrder`, () => {
      for (let i = 0; i < BATCH; i++)
        encodeNewOrder(view, i * 32, i, 0, i, i & 1, 0, 10_000 + i, 100);
      do_not_optimize(view);
    });

    bench(`check and judge ${BATCH} NewOrder`, () => {
      let bad = 0;
      for (let i = 0; i < BATCH; i++) {
        bad += checkOrderEntry(view, i * 32, 32);
        bad += newOrderReason(view, i * 32, PRICE_MAX, QUANTITY_MAX);
      }
      do_not_optimize(bad);
    });

    const stream = new Uint8Array(BATCH * 51);
    const streamView = new DataView(stream.buffer);
    for (let i = 0; i < BATCH; i++)
      encodeSoupHeader(streamView, i * 51, SoupType.SequencedData, 48);
    const decoder = new SoupDecoder();

    /** Decodes the stream in pieces of `piece` bytes. */
    function decode(piece: number): number {
      let seen = 0;
      for (let at = 0; at < stream.length; at += piece) {
        decoder.push(stream, at, Math.min(piece, stream.length - at));
        while (decoder.next() > 0) seen++;
      }
      return seen;
    }

    bench(`frame ${BATCH} packets of 51 bytes, whole`, () => {
      do_not_optimize(decode(stream.length));
    });

    bench(`frame ${BATCH} packets of 51 bytes, cut at 1,448`, () => {
      do_not_optimize(decode(1448));
    });

    const generator = new FlowGenerator({ seed: 1 });
    const flow = createOrderFlow(BATCH);
    bench(`generate and encode ${BATCH} messages`, () => {
      generator.next(flow);
      for (let row = 0; row < BATCH; row++) encodeFlowRow(flow, row, view, row * 32, row + 1, 0);
      do_not_optimize(view);
    });

    const report = new DataView(new ArrayBuffer(48));
    encodeExecutionReport(report, 0, {
      symbol: 0,
      clientOrderId: 123_456,
      kind: ReportKind.Accepted,
      reason: 0,
      side: 1,
      flags: 0,
      clientSequence: 1_000_000,
      sequence: 1,
      price: 123_456,
      quantity: 100,
      matchId: 0,
    });
    const reporter = new OracleReporter();
    bench(`oracle text and SHA-256 of ${BATCH} reports`, () => {
      for (let i = 0; i < BATCH; i++) reporter.push(report, 0);
    });
  },
);
