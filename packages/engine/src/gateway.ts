// @hot
/**
 * The session layer: connections in, order entry messages to the intake, reports to the sessions.
 *
 * SoupBinTCP over TCP, one session per trader. A second login of a trader takes the session over,
 * because a client that lost its connection without a FIN must be able to come back at once; the
 * token proves that it is the same. Whatever the peer sends costs at most its own connection.
 *
 * @module
 */

import { copyBytes, NO_TIMER, Status, TimerWheel } from '@tickwire/base';
import {
  checkOrderEntry,
  encodeLoginAccepted,
  encodeLoginRejected,
  encodeSoupHeader,
  LOGIN_ACCEPTED_BYTES,
  LoginReject,
  parseLoginRequest,
  SOUP_HEADER_BYTES,
  SoupType,
} from '@tickwire/protocol';
import type { Stack, TcpListener, TcpSocket } from '@tickwire/stack';
import type { ExchangeCounters } from './counters.ts';
import type { Intake } from './intake.ts';
import type { LoginTable } from './login.ts';
import type { ExchangeLimits } from './options.ts';
import { NO_TRADER, Session, SessionState } from './session.ts';
import { RECORD_BYTES, streamPosition, type TraderLogs } from './trader-logs.ts';

/** What a gateway is made of. */
export interface GatewayOptions {
  readonly stack: Stack;
  readonly port: number;
  /** Session name, at most ten characters. */
  readonly session: string;
  readonly limits: ExchangeLimits;
  readonly login: LoginTable;
  readonly logs: TraderLogs;
  readonly intake: Intake;
  readonly counters: ExchangeCounters;
}

type Socket = TcpSocket<Session | undefined>;

/** Nobody is logged in as this trader. */
const NO_SESSION = -1;

/** Accepts connections and runs their sessions. */
export class Gateway implements Disposable {
  /** Sessions logged in. */
  open = 0;
  readonly #stack: Stack;
  readonly #name: string;
  readonly #limits: ExchangeLimits;
  readonly #login: LoginTable;
  readonly #logs: TraderLogs;
  readonly #intake: Intake;
  readonly #counters: ExchangeCounters;
  readonly #listener: TcpListener;
  readonly #sessions: Session[] = [];
  readonly #free: Int32Array;
  #freeCount: number;
  /** Trader -> session, or {@link NO_SESSION}. */
  readonly #sessionOf: Int32Array;
  /** Sessions with something to send. */
  readonly #dirty: Int32Array;
  #dirtyCount = 0;
  readonly #timers: TimerWheel;
  /** Scratch for small packets of our own. */
  readonly #scratch: Uint8Array;
  readonly #scratchView: DataView;
  #accepting = true;

  constructor(options: GatewayOptions) {
    const { stack, limits } = options;
    this.#stack = stack;
    this.#name = options.session;
    this.#limits = limits;
    this.#login = options.login;
    this.#logs = options.logs;
    this.#intake = options.intake;
    this.#counters = options.counters;
    const count = limits.sessions;
    this.#free = new Int32Array(count);
    for (let id = 0; id < count; id += 1) {
      this.#sessions.push(new Session(id));
      this.#free[id] = count - 1 - id;
    }
    this.#freeCount = count;
    this.#sessionOf = new Int32Array(limits.traders).fill(NO_SESSION);
    this.#dirty = new Int32Array(count);
    this.#timers = new TimerWheel(count, stack.core.nowNs);
    const scratch = new ArrayBuffer(SOUP_HEADER_BYTES + LOGIN_ACCEPTED_BYTES);
    this.#scratch = new Uint8Array(scratch);
    this.#scratchView = new DataView(scratch);
    this.#listener = stack.listen<Session | undefined>({
      port: options.port,
      data: () => undefined,
      socket: {
        open: (socket) => this.#opened(socket),
        data: (socket, bytes, at, length) => this.#received(socket, bytes, at, length),
        end: (socket) => this.#ended(socket),
        drain: (socket) => this.#drained(socket),
        close: (socket) => this.#closed(socket),
      },
    });
  }

  /** Appends a report to its trader's stream. It leaves at the next {@link Gateway.flush}. */
  report(trader: number, view: DataView, at: number): void {
    const id = this.#sessionOf[trader]!;
    if (id === NO_SESSION) {
      this.#logs.append(trader, view, at);
      return;
    }
    const session = this.#sessions[id]!;
    const backlogMax = this.#logs.ringBytes - RECORD_BYTES;
    if (this.#backlog(session) > backlogMax) {
      // The next report would overwrite what the session still has to send.
      this.#flushSession(session);
      if (this.#backlog(session) > backlogMax) {
        this.#counters.slowTraders += 1;
        this.#abort(session);
      }
    }
    this.#logs.append(trader, view, at);
    this.#touch(session);
  }

  /** Writes what sessions have to send, as far as their windows allow. Returns the sessions. */
  flush(): number {
    const count = this.#dirtyCount;
    this.#dirtyCount = 0;
    for (let i = 0; i < count; i += 1) {
      const session = this.#sessions[this.#dirty[i]!]!;
      session.dirty = false;
      if (session.state === SessionState.Open) this.#flushSession(session);
    }
    return count;
  }

  /** Heartbeats and timeouts that are due. Returns how many timers ran. */
  timers(nowNs: number): number {
    let count = 0;
    for (let id = this.#timers.expire(nowNs); id !== NO_TIMER; id = this.#timers.expire(nowNs)) {
      this.#timer(this.#sessions[id]!, nowNs);
      count += 1;
    }
    return count;
  }

  /** When the next timer is due; Infinity when none is. */
  deadlineNs(): number {
    return this.#timers.nextDeadlineNs();
  }

  /** Ends every session and refuses logins from now on; connections may still finish. */
  stop(): void {
    this.#accepting = false;
    for (let id = 0; id < this.#sessions.length; id += 1) {
      const session = this.#sessions[id]!;
      if (session.state === SessionState.Connected || session.state === SessionState.Open) {
        this.#end(session);
      }
    }
  }

  /** Stops listening too. */
  [Symbol.dispose](): void {
    this.stop();
    this.#listener.stop();
  }

  #opened(socket: Socket): void {
    const counters = this.#counters;
    if (this.#freeCount === 0) {
      counters.connectionsRefused += 1;
      socket.terminate();
      return;
    }
    counters.connections += 1;
    this.#freeCount -= 1;
    const session = this.#sessions[this.#free[this.#freeCount]!]!;
    const nowNs = this.#stack.core.nowNs;
    session.open(socket, nowNs);
    socket.data = session;
    this.#timers.schedule(session.id, nowNs + this.#limits.loginTimeoutNs);
  }

  #received(socket: Socket, bytes: Uint8Array, at: number, length: number): void {
    const session = socket.data;
    if (session === undefined) return;
    const nowNs = this.#stack.core.nowNs;
    const decoder = session.decoder;
    session.receivedNs = nowNs;
    if (isClosing(session)) return;
    decoder.push(bytes, at, length);
    for (;;) {
      const type = decoder.next();
      if (type <= 0) {
        if (type !== Status.Again) {
          this.#counters.malformedPackets += 1;
          this.#end(session);
        }
        return;
      }
      if (type === SoupType.UnsequencedData) this.#message(session, nowNs);
      else this.#control(session, type);
      // The packet may have ended the session, and an abort gives it back to the pool at once.
      if (socket.data !== session || isClosing(session)) return;
    }
  }

  /** An order entry message lies at `decoder.at`. */
  #message(session: Session, nowNs: number): void {
    const counters = this.#counters;
    const { view, at, length } = session.decoder;
    if (session.state !== SessionState.Open) {
      counters.messagesBeforeLogin += 1;
      this.#end(session);
    } else if (checkOrderEntry(view, at, length) < 0) {
      counters.malformedMessages += 1;
      this.#end(session);
    } else if (this.#intake.put(session.trader, view, at, length, nowNs) < 0) {
      counters.inputsRefused += 1;
      this.#end(session);
    } else {
      counters.inputs += 1;
    }
  }

  #control(session: Session, type: number): void {
    if (type === SoupType.LoginRequest) {
      this.#loginRequested(session);
    } else if (type === SoupType.LogoutRequest) {
      this.#counters.logouts += 1;
      this.#end(session);
    } else if (type !== SoupType.ClientHeartbeat && type !== SoupType.Debug) {
      // The remaining types are the server's.
      this.#counters.malformedPackets += 1;
      this.#end(session);
    }
  }

  #loginRequested(session: Session): void {
    const counters = this.#counters;
    if (session.state !== SessionState.Connected) {
      counters.malformedPackets += 1;
      this.#end(session);
      return;
    }
    const request = parseLoginRequest(session.decoder.view, session.decoder.at);
    if (request === undefined) {
      counters.malformedPackets += 1;
      this.#end(session);
      return;
    }
    const trader = this.#login.authorise(request.user, request.password);
    if (trader < 0) {
      counters.loginsNotAuthorised += 1;
      this.#reject(session, LoginReject.NotAuthorized);
    } else if (!this.#accepting) {
      counters.loginsUnavailable += 1;
      this.#reject(session, LoginReject.SessionNotAvailable);
    } else if (request.session !== '' && request.session !== this.#name) {
      counters.loginsUnknownSession += 1;
      this.#reject(session, LoginReject.SessionNotAvailable);
    } else {
      this.#resume(session, trader, request.sequence);
    }
  }

  /** Binds the trader and starts its stream at `requested`; 0 means behind the last report. */
  #resume(session: Session, trader: number, requested: number): void {
    const counters = this.#counters;
    const end = this.#logs.last[trader]! + 1;
    const next = requested === 0 ? end : requested;
    if (next > end) {
      counters.resumesAhead += 1;
      this.#reject(session, LoginReject.SequenceNotAvailable);
      return;
    }
    if (next < this.#logs.oldest(trader)) {
      counters.resumesBeyondRetention += 1;
      this.#reject(session, LoginReject.SequenceNotAvailable);
      return;
    }
    const other = this.#sessionOf[trader]!;
    if (other !== NO_SESSION) {
      counters.takenOver += 1;
      this.#end(this.#sessions[other]!);
    }
    counters.logins += 1;
    session.state = SessionState.Open;
    session.trader = trader;
    session.position = streamPosition(next);
    this.#sessionOf[trader] = session.id;
    this.open += 1;
    const accepted = encodeLoginAccepted(this.#scratchView, 0, this.#name, next);
    if (!this.#write(session, accepted)) {
      // Without packet memory for it nothing else could be said either; the client tries again.
      counters.repliesRefused += 1;
      this.#abort(session);
      return;
    }
    this.#schedule(session);
    this.#touch(session);
  }

  #reject(session: Session, reason: number): void {
    if (!this.#write(session, encodeLoginRejected(this.#scratchView, 0, reason))) {
      this.#counters.repliesRefused += 1;
    }
    this.#close(session);
    session.socket?.end();
  }

  /**
   * Sends a small packet from the scratch buffer, as a whole or not at all: half a packet would
   * break the stream. False when there was no room.
   */
  #write(session: Session, length: number): boolean {
    const { socket } = session;
    const at = socket?.reserve(length) ?? Status.BadState;
    if (socket === undefined || at < 0) return false;
    copyBytes(this.#scratch, 0, this.#stack.core.arena.bytes, at, length);
    session.sentNs = this.#stack.core.nowNs;
    return socket.commit(length) === length;
  }

  /** Bytes of the trader's stream that wait for this session. */
  #backlog(session: Session): number {
    return streamPosition(this.#logs.last[session.trader]! + 1) - session.position;
  }

  #flushSession(session: Session): void {
    const { trader, socket } = session;
    if (socket === undefined) return;
    const logs = this.#logs;
    const end = streamPosition(logs.last[trader]! + 1);
    while (session.position < end) {
      const left = end - session.position;
      const run = logs.run(session.position);
      const length = left < run ? left : run;
      const taken = socket.write(logs.bytes, logs.offset(trader, session.position), length);
      if (taken > 0) {
        session.position += taken;
        session.sentNs = this.#stack.core.nowNs;
        this.#counters.sessionBytes += taken;
      }
      // What is left goes on at `drain`.
      if (taken < length) return;
    }
  }

  #touch(session: Session): void {
    if (session.dirty || session.state !== SessionState.Open) return;
    session.dirty = true;
    this.#dirty[this.#dirtyCount] = session.id;
    this.#dirtyCount += 1;
  }

  #timer(session: Session, nowNs: number): void {
    const limits = this.#limits;
    if (session.state === SessionState.Connected) {
      this.#counters.loginTimeouts += 1;
      this.#abort(session);
    } else if (session.state === SessionState.Open) {
      if (nowNs - session.receivedNs >= limits.idleTimeoutNs) {
        this.#counters.idleTimeouts += 1;
        this.#abort(session);
        return;
      }
      // A session with a backlog is not silent for want of something to say.
      if (nowNs - session.sentNs >= limits.heartbeatNs) {
        if (this.#backlog(session) === 0) this.#heartbeat(session);
        session.sentNs = nowNs;
      }
      this.#schedule(session);
    }
  }

  #heartbeat(session: Session): void {
    const length = encodeSoupHeader(this.#scratchView, 0, SoupType.ServerHeartbeat, 0);
    if (this.#write(session, length)) this.#counters.heartbeats += 1;
  }

  #schedule(session: Session): void {
    const heartbeatNs = session.sentNs + this.#limits.heartbeatNs;
    const idleNs = session.receivedNs + this.#limits.idleTimeoutNs;
    this.#timers.schedule(session.id, heartbeatNs < idleNs ? heartbeatNs : idleNs);
  }

  /** Ends a session in order: what is written leaves, then end of session and FIN. */
  #end(session: Session): void {
    if (session.state === SessionState.Closing) return;
    const wasOpen = session.state === SessionState.Open;
    if (wasOpen) {
      this.#flushSession(session);
      // In the middle of a packet nothing else can be said.
      if (this.#backlog(session) > 0) {
        this.#abort(session);
        return;
      }
      if (!this.#write(session, encodeSoupHeader(this.#scratchView, 0, SoupType.EndOfSession, 0))) {
        this.#counters.repliesRefused += 1;
      }
    }
    this.#close(session);
    session.socket?.end();
  }

  /** Ends a session at once. */
  #abort(session: Session): void {
    const socket = session.socket;
    this.#close(session);
    socket?.terminate();
  }

  /** Unbinds a session; its connection lives until TCP is done with it. */
  #close(session: Session): void {
    if (session.state === SessionState.Open) {
      this.#sessionOf[session.trader] = NO_SESSION;
      this.open -= 1;
    }
    session.trader = NO_TRADER;
    session.state = SessionState.Closing;
    this.#timers.cancel(session.id);
  }

  #ended(socket: Socket): void {
    const session = socket.data;
    if (session !== undefined && session.state !== SessionState.Closing) this.#close(session);
    socket.end();
  }

  #drained(socket: Socket): void {
    if (socket.data !== undefined) this.#touch(socket.data);
  }

  #closed(socket: Socket): void {
    const session = socket.data;
    if (session === undefined) return;
    if (session.state !== SessionState.Closing) this.#close(session);
    session.free();
    socket.data = undefined;
    this.#free[this.#freeCount] = session.id;
    this.#freeCount += 1;
  }
}

function isClosing(session: Session): boolean {
  return session.state === SessionState.Closing;
}
