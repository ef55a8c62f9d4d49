/**
 * Error numbers of Linux, by name. Calls of the facade return them negated, as system calls do.
 *
 * @module
 */

import { Status } from '@tickwire/base';
import { CloseReason } from '@tickwire/tcp';

/** The errors that the facade returns. */
export const Errno = {
  ENOENT: 2,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EEXIST: 17,
  EINVAL: 22,
  EMFILE: 24,
  EPIPE: 32,
  EPROTO: 71,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
} as const;

/** A name of {@link Errno}. */
export type ErrnoName = keyof typeof Errno;

/** The name of an error number, positive or negated. */
export function errnoName(errno: number): string {
  const value = Math.abs(errno);
  for (const name of Object.keys(Errno) as ErrnoName[]) if (Errno[name] === value) return name;
  return `E${value}`;
}

/** The error with which a connection ends; 0 for an orderly end. */
export function errnoOfClose(reason: number): number {
  switch (reason) {
    case CloseReason.Reset:
      return Errno.ECONNRESET;
    case CloseReason.Refused:
      return Errno.ECONNREFUSED;
    case CloseReason.Timeout:
    case CloseReason.Keepalive:
      return Errno.ETIMEDOUT;
    case CloseReason.Unreachable:
      return Errno.EHOSTUNREACH;
    case CloseReason.Aborted:
      return Errno.ECONNABORTED;
    default:
      return 0;
  }
}

/** The error for a negative status of the stack. */
export function errnoOfStatus(status: number): number {
  switch (status) {
    case Status.Again:
      return Errno.EAGAIN;
    case Status.Unreachable:
      return Errno.ENETUNREACH;
    case Status.TooLong:
      return Errno.EMSGSIZE;
    case Status.Exists:
      return Errno.EADDRINUSE;
    case Status.LimitReached:
      return Errno.ENOBUFS;
    case Status.NotFound:
      return Errno.EADDRNOTAVAIL;
    default:
      return Errno.EINVAL;
  }
}
