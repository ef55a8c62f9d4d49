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
export * from './icmp.ts';
export * from './icmpv6.ts';
export * from './igmp.ts';
export * from './ip-flow.ts';
export * from './ip-meta.ts';
export * from './ip-protocol.ts';
export * from './ipv4.ts';
export * from './ipv6.ts';
export * from './mld.ts';
export * from './ndp.ts';
export * from './seq.ts';
export * from './tcp.ts';
export * from './tcp-accecn.ts';
export * from './tcp-options.ts';
export * from './udp.ts';
