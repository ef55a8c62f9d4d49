/**
 * Network headers as free functions over `(view, at)`: offsets, getters, setters, checks,
 * checksums, sequence arithmetic, and addresses.
 *
 * @packageDocumentation
 */

export * from './address.ts';
export * from './arp.ts';
export * from './checksum.ts';
export * from './ethernet.ts';
export * from './ip-meta.ts';
export * from './ip-protocol.ts';
export * from './ipv4.ts';
export * from './seq.ts';
export * from './tcp-options.ts';
export * from './tcp.ts';
export * from './udp.ts';
