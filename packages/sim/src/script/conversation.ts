/**
 * What turns the relative numbers of a script into those on the wire and back, per conversation.
 *
 * @module
 */

/** Where our timestamps begin in scripts: the first that the stack sends is this. */
export const TIMESTAMP_BASE = 100;
/**
 * Initial sequence number of simulated peers: 4,000 bytes later the sequence space wraps, so that
 * every longer script crosses the seam.
 */
export const PEER_ISN = 4_294_963_296;
/** Ports that a script means when it names none. */
export const DEFAULT_LOCAL_PORT = 8080;
export const DEFAULT_PEER_PORT = 5000;
export const DEFAULT_PEER = '10.0.0.2';
export const DEFAULT_LOCAL = '10.0.0.1';

/** Addresses and ports, seen from the stack. */
export interface FlowKey {
  readonly local: string;
  readonly localPort: number;
  readonly peer: string;
  readonly peerPort: number;
}

/** The numbers of one TCP conversation. */
export class Conversation {
  readonly key: FlowKey;
  /** Sequence number that scripts write as 0, of the stack; learnt from its SYN. */
  hostIsn = 0;
  hostIsnKnown = false;
  readonly peerIsn: number = PEER_ISN;
  /** First timestamp of the stack. */
  hostTs: number | undefined = undefined;
  /** Relative sequence number of the first byte that the peer sends. */
  peerData = 1;

  constructor(key: FlowKey) {
    this.key = key;
  }

  /** Window shift that each side's SYN offered; undefined for none. */
  hostShift: number | undefined = undefined;
  peerShift: number | undefined = undefined;
  /** Right edge of the largest window that the peer ever offered, in our sequence numbers. */
  #peerEdge: number | undefined = undefined;
  /** Highest acknowledgement, right edge of the window, and timestamp that the stack has sent. */
  #ack: number | undefined = undefined;
  #edge: number | undefined = undefined;
  #timestamp: number | undefined = undefined;

  /** The stack has sent a SYN. */
  learnSyn(seq: number, shift?: number): void {
    if (!this.hostIsnKnown || this.hostIsn !== seq >>> 0) {
      this.#ack = undefined;
      this.#edge = undefined;
      this.#timestamp = undefined;
      if (this.hostIsnKnown) this.#peerEdge = undefined;
    }
    this.hostIsn = seq >>> 0;
    this.hostIsnKnown = true;
    this.hostShift = shift;
  }

  /** The peer offers a window; a SYN without ACK offers it from our first byte on. */
  offer(syn: boolean, ack: number | undefined, window: number): void {
    const scaled = !syn && this.hostShift !== undefined && this.peerShift !== undefined;
    const edge = (ack ?? 1) + window * (scaled ? 2 ** this.peerShift! : 1);
    const before = this.#peerEdge;
    if (before === undefined || ((edge - before) | 0) > 0) this.#peerEdge = edge;
  }

  /** Whether bytes up to `end` lie beyond every window that the peer has offered. */
  isBeyondWindow(end: number): boolean {
    return this.#peerEdge !== undefined && ((end - this.#peerEdge) | 0) > 0;
  }

  /**
   * What moved back although it never may: the acknowledgement (RFC 9293, 3.10.7.4), the right edge
   * of the window (RFC 9293, 3.8.6), or the clock of the timestamps (RFC 7323, 5.4).
   */
  movedBack(syn: boolean, ack: number, window: number, timestamp: number | undefined): string {
    const scaled = !syn && this.hostShift !== undefined && this.peerShift !== undefined;
    const edge = ack + window * (scaled ? 2 ** this.hostShift! : 1);
    const back = (now: number, before: number | undefined): boolean =>
      before !== undefined && ((now - before) | 0) < 0;
    const faults: string[] = [];
    if (back(ack, this.#ack)) faults.push('the acknowledgement moved back');
    if (back(edge, this.#edge)) faults.push('the right edge of the window moved back');
    if (timestamp !== undefined && back(timestamp, this.#timestamp)) {
      faults.push('the timestamp moved back');
    }
    this.#ack = ack;
    this.#edge = edge;
    this.#timestamp = timestamp ?? this.#timestamp;
    return faults.join(', ');
  }

  hostSeqToScript(seq: number): number {
    return (seq - this.hostIsn) >>> 0;
  }

  hostSeqToWire(seq: number): number {
    return (seq + this.hostIsn) | 0;
  }

  peerSeqToScript(seq: number): number {
    return (seq - this.peerIsn) >>> 0;
  }

  peerSeqToWire(seq: number): number {
    return (seq + this.peerIsn) | 0;
  }

  hostTsToScript(value: number): number {
    this.hostTs ??= value >>> 0;
    return (value - this.hostTs + TIMESTAMP_BASE) >>> 0;
  }

  hostTsToWire(value: number): number {
    if (value === 0 || this.hostTs === undefined) return value | 0;
    return (value - TIMESTAMP_BASE + this.hostTs) | 0;
  }
}

/** All conversations of one script, and the one that lines without ports mean. */
export class Conversations {
  /** What the packets are carried by; addresses are written as those of IPv4. */
  readonly family: 4 | 6;
  /** The last fast open cookie that the stack has sent (RFC 7413), in hexadecimal. */
  cookie = '';
  current: FlowKey = {
    local: DEFAULT_LOCAL,
    localPort: DEFAULT_LOCAL_PORT,
    peer: DEFAULT_PEER,
    peerPort: DEFAULT_PEER_PORT,
  };
  readonly #all: Map<string, Conversation> = new Map();

  constructor(family: 4 | 6 = 4) {
    this.family = family;
  }

  /** The conversation of a key; made when it is new. */
  of(key: FlowKey): Conversation {
    const text = `${key.local}:${key.localPort} ${key.peer}:${key.peerPort}`;
    let found = this.#all.get(text);
    if (found === undefined) {
      found = new Conversation(key);
      this.#all.set(text, found);
    }
    return found;
  }
}

/** `length` bytes of the stream that every script sends and expects, from a stream offset. */
export function streamBytes(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = streamByte(from + i);
  return bytes;
}

/** One byte of {@link streamBytes}: shifted data is never equal to itself for long. */
export function streamByte(offset: number): number {
  return ((Math.imul(offset, 0x9e3779b1) >>> 24) ^ offset) & 0xff;
}
