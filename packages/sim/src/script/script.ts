/**
 * A packet script as data: what the parser makes and the runner runs.
 *
 * @module
 */

import type { ScriptedStackOptions } from '../port/scripted-stack.ts';

/** How binding the quoted text is (RFC 2119). */
export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY' | 'NOTE';

/** What the first lines of a script say. */
export interface Header {
  readonly title: string;
  /** `9293, 3.10.7.2`: number and section. */
  readonly rfc: string;
  readonly section: string;
  readonly level: Level;
  /** Why the script is known to fail; undefined when it must pass. */
  readonly expectFail: string | undefined;
  /** The only IP for which it holds; undefined: for both, as far as its packets allow. */
  readonly family: 4 | 6 | undefined;
  /** Nanoseconds by which an instant may differ. */
  readonly toleranceNs: number;
  readonly options: ScriptedStackOptions;
}

/** When something happens, in nanoseconds; relative to the event before unless `absolute`. */
export interface When {
  readonly absolute: boolean;
  readonly fromNs: number;
  /** Last instant: of a range (`~`), or at which a blocking call returns (`...`). */
  readonly untilNs: number;
  /** `any`: an outbound packet may leave at any time; `blocking`: the call returns later. */
  readonly kind: 'at' | 'range' | 'any' | 'blocking';
}

/** A TCP segment in relative sequence numbers; undefined is "not said". */
export interface TcpSyntax {
  readonly kind: 'tcp';
  readonly flags: string;
  readonly seq: number;
  readonly length: number;
  readonly ack: number | undefined;
  readonly window: number | undefined;
  readonly urgent: number | undefined;
  /** One text per option, in order; undefined: any options (`<...>`). */
  readonly options: readonly string[] | undefined;
}

/** A UDP datagram. */
export interface UdpSyntax {
  readonly kind: 'udp';
  readonly length: number;
}

/** An ICMP message by type and code. */
export interface IcmpSyntax {
  readonly kind: 'icmp';
  readonly type: number;
  readonly code: number;
  /** Second word of the header: MTU, pointer, or identifier and sequence number. */
  readonly rest: number;
  /** Payload bytes of an echo. */
  readonly length: number;
  /** What is quoted. */
  readonly about: TcpSyntax | UdpSyntax | undefined;
}

/** An IGMP message. */
export interface IgmpSyntax {
  readonly kind: 'igmp';
  readonly type: number;
  /** Group of a query, v1/v2 report or leave, or of the only record of a v3 report. */
  readonly group: string;
  /** Maximum response time in tenths of a second (query), or record type (v3 report). */
  readonly code: number;
}

/** An IP payload of a protocol that is not looked into, or a fragment. */
export interface IpSyntax {
  readonly kind: 'ip';
  readonly protocol: number;
  readonly length: number;
}

/** The bytes of a whole IP packet. */
export interface RawSyntax {
  readonly kind: 'raw';
  readonly bytes: Uint8Array;
}

/** Any packet. */
export type PacketSyntax = TcpSyntax | UdpSyntax | IcmpSyntax | IgmpSyntax | IpSyntax | RawSyntax;

/** The part in brackets: addresses, ports, IP header fields, and what to damage. */
export type Attributes = ReadonlyMap<string, string>;

/** `<`, `>`: a packet. */
export interface PacketEvent {
  readonly kind: 'inbound' | 'outbound';
  readonly attributes: Attributes;
  readonly packet: PacketSyntax;
}

/** A system call. */
export interface CallEvent {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly string[];
  /** What it returns: a number, text such as `POLLIN|POLLOUT`, or undefined for "not said". */
  readonly result: string | undefined;
  /** Error name when the result is -1. */
  readonly errno: string | undefined;
}

/** `%{ ... }%`. */
export interface AssertEvent {
  readonly kind: 'assert';
  readonly expressions: readonly string[];
}

/** Only the clock moves. */
export interface PauseEvent {
  readonly kind: 'pause';
}

/** Packets that left are not looked at; `count` says how many there must be. */
export interface SkipEvent {
  readonly kind: 'skip';
  readonly count: number | undefined;
}

/** One line of a script. */
export interface ScriptEvent {
  readonly line: number;
  /** The file, when it is not the script's own (a prelude). */
  readonly file: string | undefined;
  readonly text: string;
  readonly when: When;
  readonly what: PacketEvent | CallEvent | AssertEvent | SkipEvent | PauseEvent;
}

/** A script that is ready to run. */
export interface Script {
  readonly file: string;
  readonly header: Header;
  /** `state=ESTABLISHED` for one of several made from a template; empty otherwise. */
  readonly variant: string;
  readonly events: readonly ScriptEvent[];
}

/** A fault in the text of a script: `file:line: what is wrong; what to write`. */
export class ScriptSyntaxError extends Error {
  override readonly name: string = 'ScriptSyntaxError';

  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
  }
}
