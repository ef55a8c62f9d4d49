/**
 * Typed errors of the control plane.
 *
 * @module
 */

/** Codes that {@link NetError} carries: Node's names where Node has one, `ERR_TW_*` otherwise. */
export type NetErrorCode =
  | 'EACCES'
  | 'EADDRINUSE'
  | 'EADDRNOTAVAIL'
  | 'EAGAIN'
  | 'EBADF'
  | 'ECONNABORTED'
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'EHOSTUNREACH'
  | 'EINVAL'
  | 'EIO'
  | 'EISCONN'
  | 'EMSGSIZE'
  | 'ENETUNREACH'
  | 'ENOBUFS'
  | 'ENODEV'
  | 'ENOENT'
  | 'ENOMEM'
  | 'ENOSPC'
  | 'ENOTCONN'
  | 'ENOTSUP'
  | 'EPERM'
  | 'EPIPE'
  | 'ETIMEDOUT'
  | 'ERR_TW_ABI'
  | 'ERR_TW_CLOSED'
  | 'ERR_TW_CONFIG'
  | 'ERR_TW_CORRUPT'
  | 'ERR_TW_FORMAT'
  | 'ERR_TW_NO_DPDK'
  | 'ERR_TW_PROTOCOL';

/**
 * An error of the control plane. The message is a sentence without a full stop that says what
 * happened and, after a semicolon or in a second clause, what to do next.
 *
 * @example
 * ```ts
 * throw new NetError('EADDRINUSE', 'Port 9000 is already listening; choose another with --port', {
 * port: 9000 });
 * ```
 */
export class NetError extends Error {
  override readonly name: string = 'NetError';
  /** Machine-readable condition. */
  readonly code: NetErrorCode;
  /** Values that belong to the condition, for logs and tests. */
  readonly details: Readonly<Record<string, string | number | boolean>>;

  constructor(
    code: NetErrorCode,
    message: string,
    details: Readonly<Record<string, string | number | boolean>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
