/**
 * Addresses as the control plane sees them: text in, text out, immutable objects.
 *
 * Every IP address is 128 bits in four int32 words; an IPv4 address is ::ffff:a.b.c.d, that is the
 * words 0, 0, 0xffff, v4. The hot path passes the words (or the single IPv4 word) around and never
 * these objects.
 *
 * @module
 */

import { NetError } from '@tickwire/base';

/** Third word of an IPv4-mapped address (RFC 4291, 2.5.5.2). */
export const IPV4_MAPPED_WORD = 0xffff;

/** `10.0.0.1` of an int32. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** The canonical text of RFC 5952; IPv4-mapped addresses as `::ffff:10.0.0.1` (section 5). */
export function formatIpv6(word0: number, word1: number, word2: number, word3: number): string {
  if (word0 === 0 && word1 === 0 && word2 === IPV4_MAPPED_WORD) {
    return `::ffff:${formatIpv4(word3)}`;
  }
  const groups: number[] = [];
  for (const word of [word0, word1, word2, word3]) groups.push(word >>> 16, word & 0xffff);
  // The longest run of at least two zero groups is shortened; the first of equal runs wins
  // (RFC 5952, 4.2).
  let best = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length += 1;
    if (length > bestLength) {
      best = start;
      bestLength = length;
    }
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (best < 0) return hex(groups);
  return `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

/** `02:00:00:00:00:01` of the high 16 and the low 32 bits. */
export function formatMac(high: number, low: number): string {
  const text =
    (high & 0xffff).toString(16).padStart(4, '0') + (low >>> 0).toString(16).padStart(8, '0');
  return text.replace(/(..)(?=.)/g, '$1:');
}

/** Four decimal numbers as an int32, or undefined. Octal-looking leading zeros are refused. */
function parseIpv4Word(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let word = 0;
  for (let i = 1; i <= 4; i += 1) {
    const digits = match[i]!;
    const value = Number(digits);
    if (value > 255 || (digits.length > 1 && digits.startsWith('0'))) return undefined;
    word = (word << 8) | value;
  }
  return word;
}

/** Groups on one side of `::`, or undefined; a trailing dotted quad counts as two groups. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const word = index === parts.length - 1 && mayEndInIpv4 ? parseIpv4Word(part) : undefined;
    if (word === undefined) return undefined;
    groups.push(word >>> 16, word & 0xffff);
  }
  return groups;
}

function parseIpv6Groups(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  if (halves.length === 1) {
    const groups = parseGroups(text, true);
    return groups?.length === 8 ? groups : undefined;
  }
  const head = parseGroups(halves[0]!, false);
  const tail = parseGroups(halves[1]!, true);
  if (head === undefined || tail === undefined) return undefined;
  const zeros = 8 - head.length - tail.length;
  // "::" stands for at least one group (RFC 4291, 2.2).
  if (zeros < 1) return undefined;
  return [...head, ...Array.from({ length: zeros }, () => 0), ...tail];
}

/**
 * An IP address, immutable.
 *
 * @example
 * ```ts
 * IpAddress.parse('10.0.0.1').v4;                // 0x0a000001
 * String(IpAddress.parse('2001:db8:0:0::1'));    // '2001:db8::1'
 * ```
 */
export class IpAddress {
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;

  constructor(word0: number, word1: number, word2: number, word3: number) {
    this.word0 = word0 | 0;
    this.word1 = word1 | 0;
    this.word2 = word2 | 0;
    this.word3 = word3 | 0;
  }

  /** The address of an IPv4 int32. */
  static v4(word: number): IpAddress {
    return new IpAddress(0, 0, IPV4_MAPPED_WORD, word);
  }

  /** 0.0.0.0 */
  static readonly any4: IpAddress = IpAddress.v4(0);
  /** :: */
  static readonly any6: IpAddress = new IpAddress(0, 0, 0, 0);

  /**
   * Reads `10.0.0.1`, `2001:db8::1`, `::ffff:10.0.0.1` (which is the IPv4 address). Throws
   * `NetError('EINVAL')`.
   */
  static parse(text: string): IpAddress {
    const address = IpAddress.tryParse(text);
    if (address !== undefined) return address;
    throw new NetError('EINVAL', `"${text}" is not an IP address; write 10.0.0.1 or 2001:db8::1`, {
      text,
    });
  }

  /** As {@link IpAddress.parse}, with undefined in place of the error. */
  static tryParse(text: string): IpAddress | undefined {
    const word = parseIpv4Word(text);
    if (word !== undefined) return IpAddress.v4(word);
    const groups = parseIpv6Groups(text);
    if (groups === undefined) return undefined;
    return new IpAddress(
      (groups[0]! << 16) | groups[1]!,
      (groups[2]! << 16) | groups[3]!,
      (groups[4]! << 16) | groups[5]!,
      (groups[6]! << 16) | groups[7]!,
    );
  }

  /** 4 or 6. */
  get family(): 4 | 6 {
    return this.isV4 ? 4 : 6;
  }

  /** Whether it is an IPv4 address. */
  get isV4(): boolean {
    return this.word0 === 0 && this.word1 === 0 && this.word2 === IPV4_MAPPED_WORD;
  }

  /** The IPv4 address as an int32; meaningful when {@link IpAddress.isV4}. */
  get v4(): number {
    return this.word3;
  }

  /** 0.0.0.0 or :: */
  get isUnspecified(): boolean {
    return this.word3 === 0 && (this.isV4 || (this.#highIsZero && this.word2 === 0));
  }

  /** 127.0.0.0/8 or ::1 */
  get isLoopback(): boolean {
    if (this.isV4) return this.word3 >>> 24 === 127;
    return this.#highIsZero && this.word2 === 0 && this.word3 === 1;
  }

  /** 224.0.0.0/4 or ff00::/8 */
  get isMulticast(): boolean {
    return this.isV4 ? this.word3 >>> 28 === 14 : this.word0 >>> 24 === 0xff;
  }

  /** 169.254.0.0/16 or fe80::/10 */
  get isLinkLocal(): boolean {
    return this.isV4 ? this.word3 >>> 16 === 0xa9fe : this.word0 >>> 22 === 0x3fa;
  }

  /** 255.255.255.255; the broadcast address of a subnet is known to {@link Cidr}. */
  get isBroadcast(): boolean {
    return this.isV4 && this.word3 === -1;
  }

  get #highIsZero(): boolean {
    return this.word0 === 0 && this.word1 === 0;
  }

  /** Whether all words are equal. */
  equals(other: IpAddress): boolean {
    return (
      this.word0 === other.word0 &&
      this.word1 === other.word1 &&
      this.word2 === other.word2 &&
      this.word3 === other.word3
    );
  }

  /** Dotted quad, or the canonical form of RFC 5952. */
  toString(): string {
    if (this.isV4) return formatIpv4(this.word3);
    return formatIpv6(this.word0, this.word1, this.word2, this.word3);
  }
}

/** Mask of the `index`-th word (0..3) of a 128-bit prefix, as an int32. */
function maskWord(prefix128: number, index: number): number {
  const bits = prefix128 - 32 * index;
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : ~(-1 >>> bits);
}

/**
 * An address with a prefix length, immutable. `prefix` counts in the family's own bits: 0..32 for
 * IPv4, 0..128 for IPv6.
 *
 * @example
 * ```ts
 * const net = Cidr.parse('10.0.0.1/24');
 * net.contains(IpAddress.parse('10.0.0.99')); // true
 * String(net.network);                        // '10.0.0.0'
 * ```
 */
export class Cidr {
  readonly address: IpAddress;
  readonly prefix: number;

  constructor(address: IpAddress, prefix: number) {
    const most = address.isV4 ? 32 : 128;
    if (!Number.isInteger(prefix) || prefix < 0 || prefix > most) {
      throw new NetError(
        'EINVAL',
        `Prefix length ${prefix} is not in 0..${most}; write ${address.toString()}/24`,
        {
          prefix,
        },
      );
    }
    this.address = address;
    this.prefix = prefix;
  }

  /** Reads `10.0.0.1/24` or `2001:db8::1/64`. Throws `NetError('EINVAL')`. */
  static parse(text: string): Cidr {
    const slash = text.lastIndexOf('/');
    const digits = text.slice(slash + 1);
    if (slash < 0 || !/^\d{1,3}$/.test(digits)) {
      throw new NetError(
        'EINVAL',
        `"${text}" has no prefix length; write 10.0.0.1/24 or 2001:db8::1/64`,
        { text },
      );
    }
    return new Cidr(IpAddress.parse(text.slice(0, slash)), Number(digits));
  }

  /** The prefix length counted in 128 bits. */
  get prefix128(): number {
    return this.address.isV4 ? this.prefix + 96 : this.prefix;
  }

  /** The IPv4 netmask as an int32; meaningful for IPv4. */
  get mask4(): number {
    return maskWord(this.prefix128, 3);
  }

  /** The address with all host bits zero. */
  get network(): IpAddress {
    const { word0, word1, word2, word3 } = this.address;
    const bits = this.prefix128;
    return new IpAddress(
      word0 & maskWord(bits, 0),
      word1 & maskWord(bits, 1),
      word2 & maskWord(bits, 2),
      word3 & maskWord(bits, 3),
    );
  }

  /**
   * The directed broadcast address, or undefined where there is none: IPv6, /31 (RFC 3021), /32.
   */
  get broadcast(): IpAddress | undefined {
    if (!this.address.isV4 || this.prefix > 30) return undefined;
    return IpAddress.v4(this.address.word3 | ~this.mask4);
  }

  /** Whether `other` lies in the prefix; never across families. */
  contains(other: IpAddress): boolean {
    if (other.isV4 !== this.address.isV4) return false;
    return new Cidr(other, this.prefix).network.equals(this.network);
  }

  equals(other: Cidr): boolean {
    return this.prefix === other.prefix && this.address.equals(other.address);
  }

  toString(): string {
    return `${this.address.toString()}/${this.prefix}`;
  }
}

/** An Ethernet address, immutable: the high 16 bits, and the low 32 bits as an int32. */
export class MacAddress {
  readonly high: number;
  readonly low: number;

  constructor(high: number, low: number) {
    this.high = high & 0xffff;
    this.low = low | 0;
  }

  /** ff:ff:ff:ff:ff:ff */
  static readonly broadcast: MacAddress = new MacAddress(0xffff, -1);

  /** Reads `02:00:00:00:00:01` (or with hyphens). Throws `NetError('EINVAL')`. */
  static parse(text: string): MacAddress {
    if (!/^[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}$/.test(text)) {
      throw new NetError('EINVAL', `"${text}" is not a MAC address; write 02:00:00:00:00:01`, {
        text,
      });
    }
    const digits = text.replaceAll(/[:-]/g, '');
    return new MacAddress(
      Number.parseInt(digits.slice(0, 4), 16),
      Number.parseInt(digits.slice(4), 16),
    );
  }

  /** Reads six bytes. */
  static fromBytes(bytes: Uint8Array): MacAddress {
    if (bytes.length !== 6) {
      throw new NetError('EINVAL', `A MAC address has 6 bytes, not ${bytes.length}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, 6);
    return new MacAddress(view.getUint16(0), view.getInt32(2));
  }

  /** Multicast or broadcast. */
  get isGroup(): boolean {
    return (this.high & 0x0100) !== 0;
  }

  /** The six bytes, fresh. */
  toBytes(): Uint8Array {
    const view = new DataView(new ArrayBuffer(6));
    view.setUint16(0, this.high);
    view.setInt32(2, this.low);
    return new Uint8Array(view.buffer);
  }

  equals(other: MacAddress): boolean {
    return this.high === other.high && this.low === other.low;
  }

  toString(): string {
    return formatMac(this.high, this.low);
  }
}
