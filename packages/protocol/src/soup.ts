// @hot
/**
 * Session framing over TCP: the packets of SoupBinTCP 3.00, to the byte, so that any conforming
 * client or server can talk to us. Big-endian, as published; the messages inside are ours.
 *
 * ```text
 *  0                   1                   2
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
 * +-------------------------------+---------------+----------
 * |   length: type and payload    |     type      | payload ...
 * +-------------------------------+---------------+----------
 * ```
 *
 * | type | packet            | from   | payload                                                  |
 * | ---- | ----------------- | ------ | -------------------------------------------------------- |
 * | `+`  | debug             | both   | text, ignored                                            |
 * | `L`  | login request     | client | user 6, password 10, session 10, sequence 20 (all ASCII) |
 * | `A`  | login accepted    | server | session 10, sequence 20: number of the next message      |
 * | `J`  | login rejected    | server | one reason letter, {@link LoginReject}                   |
 * | `S`  | sequenced data    | server | one message; its number is counted, not sent             |
 * | `U`  | unsequenced data  | client | one message                                              |
 * | `R`  | client heartbeat  | client | none                                                     |
 * | `H`  | server heartbeat  | server | none                                                     |
 * | `O`  | logout request    | client | none                                                     |
 * | `Z`  | end of session    | server | none                                                     |
 *
 * Each side sends a heartbeat when it has sent nothing for {@link HEARTBEAT_INTERVAL_NS} and gives
 * the other up after {@link SESSION_TIMEOUT_NS} of silence. A client that comes back asks for the
 * session and the number of the first message it lacks; 0 asks for the newest one on.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { getAscii, getAsciiNumber, setAsciiLeft, setAsciiRight } from './ascii.ts';

/** Type bytes. */
export const SoupType = {
  Debug: 0x2b,
  LoginRequest: 0x4c,
  LoginAccepted: 0x41,
  LoginRejected: 0x4a,
  SequencedData: 0x53,
  UnsequencedData: 0x55,
  ClientHeartbeat: 0x52,
  ServerHeartbeat: 0x48,
  LogoutRequest: 0x4f,
  EndOfSession: 0x5a,
} as const;

/** Any value of {@link SoupType}. */
export type SoupType = (typeof SoupType)[keyof typeof SoupType];

/** Reasons of a login rejection: the published two, and two of ours for what they do not say. */
export const LoginReject = {
  /** `A`: unknown user or wrong password. */
  NotAuthorized: 0x41,
  /** `S`: the requested session does not exist. */
  SessionNotAvailable: 0x53,
  /** `D`: the user is logged in on another connection (ours). */
  AlreadyLoggedIn: 0x44,
  /** `N`: the requested sequence number lies beyond the end of the session (ours). */
  SequenceNotAvailable: 0x4e,
} as const;

/** Any value of {@link LoginReject}. */
export type LoginReject = (typeof LoginReject)[keyof typeof LoginReject];

/** Length and type. */
export const SOUP_HEADER_BYTES = 3;
/** Silence after which a heartbeat is due: 1 s, as SoupBinTCP advises. */
export const HEARTBEAT_INTERVAL_NS = 1_000_000_000;
/** Silence after which the other side counts as gone: 15 s, as SoupBinTCP advises. */
export const SESSION_TIMEOUT_NS = 15_000_000_000;

const USER_BYTES = 6;
const PASSWORD_BYTES = 10;
const SESSION_BYTES = 10;
const SEQUENCE_BYTES = 20;
const PASSWORD_AT = USER_BYTES;
const REQUEST_SESSION_AT = PASSWORD_AT + PASSWORD_BYTES;
const REQUEST_SEQUENCE_AT = REQUEST_SESSION_AT + SESSION_BYTES;

/** Payload of a login request. */
export const LOGIN_REQUEST_BYTES: number = REQUEST_SEQUENCE_AT + SEQUENCE_BYTES;
/** Payload of a login acceptance. */
export const LOGIN_ACCEPTED_BYTES: number = SESSION_BYTES + SEQUENCE_BYTES;

/** Length field: type byte and payload. */
export function soupLength(view: DataView, at: number): number {
  return view.getUint16(at, false);
}

/** Type byte. */
export function soupType(view: DataView, at: number): number {
  return view.getUint8(at + 2);
}

/** Whether a packet of `type` may have a payload of `length` bytes: Ok or Malformed. */
export function checkSoupPayload(type: number, length: number): number {
  let wanted: number;
  switch (type) {
    case SoupType.SequencedData:
    case SoupType.UnsequencedData:
    case SoupType.Debug:
      return Status.Ok;
    case SoupType.LoginRequest:
      wanted = LOGIN_REQUEST_BYTES;
      break;
    case SoupType.LoginAccepted:
      wanted = LOGIN_ACCEPTED_BYTES;
      break;
    case SoupType.LoginRejected:
      wanted = 1;
      break;
    case SoupType.ClientHeartbeat:
    case SoupType.ServerHeartbeat:
    case SoupType.LogoutRequest:
    case SoupType.EndOfSession:
      wanted = 0;
      break;
    default:
      return Status.Malformed;
  }
  return length === wanted ? Status.Ok : Status.Malformed;
}

/**
 * Writes length and type; the payload follows at `at + SOUP_HEADER_BYTES`. Heartbeats, logout and
 * end of session are a header with a payload of 0 bytes.
 *
 * @returns the bytes of the whole packet.
 */
export function encodeSoupHeader(
  view: DataView,
  at: number,
  type: number,
  payloadBytes: number,
): number {
  view.setUint16(at, payloadBytes + 1, false);
  view.setUint8(at + 2, type);
  return SOUP_HEADER_BYTES + payloadBytes;
}

/** What a client says to log in. */
export interface LoginRequest {
  /** At most 6 characters. */
  readonly user: string;
  /** At most 10 characters. */
  readonly password: string;
  /** At most 10 characters; empty for the running session. */
  readonly session: string;
  /** Number of the first message wanted, from 1; 0 for the newest one on. */
  readonly sequence: number;
}

/** Writes a login request packet and returns its size. */
export function encodeLoginRequest(view: DataView, at: number, login: LoginRequest): number {
  const body = at + SOUP_HEADER_BYTES;
  setAsciiLeft(view, body, USER_BYTES, login.user);
  setAsciiLeft(view, body + PASSWORD_AT, PASSWORD_BYTES, login.password);
  setAsciiRight(view, body + REQUEST_SESSION_AT, SESSION_BYTES, login.session);
  setAsciiRight(view, body + REQUEST_SEQUENCE_AT, SEQUENCE_BYTES, String(login.sequence));
  return encodeSoupHeader(view, at, SoupType.LoginRequest, LOGIN_REQUEST_BYTES);
}

/** Reads the payload of a login request; undefined when a field is not what it must be. */
export function parseLoginRequest(view: DataView, at: number): LoginRequest | undefined {
  const user = getAscii(view, at, USER_BYTES);
  const password = getAscii(view, at + PASSWORD_AT, PASSWORD_BYTES);
  const session = getAscii(view, at + REQUEST_SESSION_AT, SESSION_BYTES);
  const sequence = getAsciiNumber(view, at + REQUEST_SEQUENCE_AT, SEQUENCE_BYTES);
  if (user === undefined || user === '' || password === undefined) return undefined;
  if (session === undefined || sequence < 0) return undefined;
  return { user, password, session, sequence };
}

/** Writes a login acceptance packet and returns its size. */
export function encodeLoginAccepted(
  view: DataView,
  at: number,
  session: string,
  nextSequence: number,
): number {
  const body = at + SOUP_HEADER_BYTES;
  setAsciiRight(view, body, SESSION_BYTES, session);
  setAsciiRight(view, body + SESSION_BYTES, SEQUENCE_BYTES, String(nextSequence));
  return encodeSoupHeader(view, at, SoupType.LoginAccepted, LOGIN_ACCEPTED_BYTES);
}

/** The answer to a login: the session, and the number of the next sequenced message. */
export interface LoginAccepted {
  readonly session: string;
  readonly nextSequence: number;
}

/** Reads the payload of a login acceptance; undefined when a field is not what it must be. */
export function parseLoginAccepted(view: DataView, at: number): LoginAccepted | undefined {
  const session = getAscii(view, at, SESSION_BYTES);
  const nextSequence = getAsciiNumber(view, at + SESSION_BYTES, SEQUENCE_BYTES);
  return session === undefined || nextSequence < 1 ? undefined : { session, nextSequence };
}

/** Writes a login rejection packet and returns its size. */
export function encodeLoginRejected(view: DataView, at: number, reason: number): number {
  view.setUint8(at + SOUP_HEADER_BYTES, reason);
  return encodeSoupHeader(view, at, SoupType.LoginRejected, 1);
}
