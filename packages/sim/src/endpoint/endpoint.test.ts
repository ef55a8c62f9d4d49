/**
 * The endpoint as another program sees it: a process of its own behind a Unix socket.
 */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Conversations } from '../script/conversation.ts';
import { buildPacket } from '../script/packet-build.ts';
import { readPacket } from '../script/packet-read.ts';
import { packetText } from '../script/packet-text.ts';
import { parsePacket } from '../script/packet-syntax.ts';
import { Endpoint } from './endpoint.ts';

type Reply = Record<string, unknown>;

/** A client that knows newlines and JSON, and nothing else. */
class Client {
  readonly #socket: Socket;
  readonly #waiting: ((line: string) => void)[] = [];
  #partial = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (this.#partial + text).split('\n');
      this.#partial = lines.pop()!;
      for (const line of lines) this.#waiting.shift()!(line);
    });
  }

  static open(path: string): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new Client(socket)));
      socket.on('error', reject);
    });
  }

  /** Sends text and waits for so many lines. */
  raw(text: string, lines: number): Promise<Reply[]> {
    const answers = Array.from(
      { length: lines },
      () =>
        new Promise<Reply>((resolve) => {
          this.#waiting.push((line) => resolve(JSON.parse(line) as Reply));
        }),
    );
    this.#socket.write(text);
    return Promise.all(answers);
  }

  async ask(op: string, fields: Reply = {}): Promise<Reply> {
    const [reply] = await this.raw(`${JSON.stringify({ op, ...fields })}\n`, 1);
    return reply!;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Packets in the notation of scripts, in and out of hexadecimal. */
class Peer {
  readonly conversations = new Conversations();

  hex(text: string): string {
    const bytes = buildPacket(this.conversations, new Map(), parsePacket(text));
    return Buffer.from(bytes).toString('hex');
  }

  read(reply: Reply): string[] {
    const packets = reply['packets'] as { atNs: number; hex: string; link: 'unicast' }[];
    return packets.map(({ atNs, hex, link }) => {
      const bytes = new Uint8Array(Buffer.from(hex, 'hex'));
      const read = readPacket(this.conversations, { atNs, bytes, linkDst: link });
      expect(read.fault).toBeUndefined();
      return packetText(read.packet);
    });
  }
}

describe('endpoint over a Unix socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-endpoint-'));
  const path = join(folder, 'socket');
  const main = join(import.meta.dir, 'main.ts');
  const server = Bun.spawn([process.execPath, main, '--socket', path], {
    stdout: 'pipe',
    stderr: 'inherit',
  });

  beforeAll(async () => {
    const { value } = await server.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe(`listening ${path}\n`);
  });

  afterAll(async () => {
    server.kill();
    await server.exited;
    rmSync(folder, { recursive: true });
  });

  test('drives a whole connection in virtual time', async () => {
    const client = await Client.open(path);
    const peer = new Peer();
    const tcp = { timestamps: false, delayedAckNs: 40_000_000 };
    await client.ask('reset', { tcp, seed: 3, startNs: 5_000_000_000 });
    expect(await client.ask('socket')).toMatchObject({ ok: true, result: 3 });
    await client.ask('bind', { fd: 3, port: 8080 });
    expect(await client.ask('listen', { fd: 3, backlog: 1 })).toMatchObject({ result: 0 });
    const accepting = await client.ask('accept', { fd: 3, blocking: true });
    expect(accepting).toMatchObject({ ok: true, pending: 1 });

    await client.ask('inject', { hex: peer.hex('S 0:0(0) win 1000 <mss 1000>') });
    expect(peer.read(await client.ask('take'))).toEqual(['S. 0:0(0) ack 1 win 65535 <mss 1460>']);
    expect(await client.ask('connections')).toMatchObject({
      connections: [{ state: 'SYN-RECEIVED', remote: '10.0.0.2', remotePort: 5000 }],
      halfOpen: 1,
    });
    await client.ask('advance', { byNs: 100_000_000 });
    await client.ask('inject', { hex: peer.hex('. 1:1(0) ack 1 win 1000') });
    const accepted = await client.ask('result', { call: 1 });
    expect(accepted).toMatchObject({ result: 4, atNs: 5_100_000_000 });
    expect((await client.ask('connections'))['connections']).toEqual([
      {
        state: 'ESTABLISHED',
        local: '10.0.0.1',
        localPort: 8080,
        remote: '10.0.0.2',
        remotePort: 5000,
      },
    ]);

    await client.ask('inject', { hex: peer.hex('P. 1:11(10) ack 1 win 1000') });
    const stopped = await client.ask('advance', { byNs: 1_000_000_000, untilPacket: true });
    expect(stopped).toMatchObject({ nowNs: 5_140_000_000, packets: 1 });
    expect(peer.read(await client.ask('take'))).toEqual(['. 1:1(0) ack 11 win 65525']);
    const data = await client.ask('read', { fd: 4, bytes: 100 });
    expect(data).toMatchObject({ result: 10 });
    expect(String(data['hex'])).toHaveLength(20);
    expect(await client.ask('read', { fd: 4, bytes: 100 })).toMatchObject({
      result: -1,
      errno: 'EAGAIN',
    });
    const info = await client.ask('info', { fd: 4 });
    expect(info).toMatchObject({ state: 'ESTABLISHED', tcpi_snd_cwnd: 10, tcpi_rtt: 100_000 });
    const { state, id, ok, ...fields } = info;
    expect([state, id, ok, fields['tcpi_state']]).toEqual(['ESTABLISHED', null, true, 1]);
    const option = await client.ask('getsockopt', { fd: 4, name: 'TCP_INFO' });
    expect(option).toMatchObject({ result: 0, info: fields });
    expect(await client.ask('counters')).toMatchObject({ tcp: { passiveOpens: 1 } });

    await client.ask('inject', { hex: peer.hex('R 11:11(0) win 0') });
    expect(await client.ask('read', { fd: 4, bytes: 1 })).toMatchObject({ errno: 'ECONNRESET' });
    await client.ask('close', { fd: 4 });
    await client.ask('close', { fd: 3 });
    expect(await client.ask('account')).toMatchObject({
      connections: 0,
      halfOpen: 0,
      timers: 0,
      frames: 0,
    });
    client.close();
  });

  test('answers in order, and gives each client a stack of its own', async () => {
    const one = await Client.open(path);
    const other = await Client.open(path);
    const text = '{"id":1,"op":"socket"}\n{"id":2,"op":"socket"}\n\n{"id":3,"op":"now"}\n';
    const replies = await one.raw(text, 3);
    expect(replies.map((reply) => reply['id'])).toEqual([1, 2, 3]);
    expect(replies[1]).toMatchObject({ result: 4 });
    expect(await other.ask('socket')).toMatchObject({ result: 3 });
    await one.ask('advance', { byNs: 1000 });
    const times = [await one.ask('now'), await other.ask('now')].map((reply) => reply['nowNs']);
    expect(times).toEqual([1_000_001_000, 1_000_000_000]);
    one.close();
    other.close();
  });

  test('takes requests in pieces and carries large data', async () => {
    const client = await Client.open(path);
    const [reply] = await client.raw('{"op":"n', 0).then(() => client.raw('ow"}\n', 1));
    expect(reply).toMatchObject({ ok: true });
    await client.ask('socket', { type: 'datagram' });
    const hex = 'ab'.repeat(1400);
    const sent = await client.ask('sendto', { fd: 3, address: '10.0.0.2', port: 9, hex });
    expect(sent).toMatchObject({ result: 1400 });
    client.close();
  });
});

describe('Endpoint.handleLine()', () => {
  const ask = (line: string): Reply => {
    using endpoint = new Endpoint();
    return JSON.parse(endpoint.handleLine(line)) as Reply;
  };

  test.each([
    ['not JSON', '{', 'EPROTO'],
    ['a list', '[]', 'EINVAL'],
    ['an unknown op', '{"op":"dance"}', 'EINVAL'],
    ['no op', '{}', 'EINVAL'],
    ['a missing field', '{"op":"read","fd":3}', 'EINVAL'],
    ['a field of the wrong type', '{"op":"close","fd":"3"}', 'EINVAL'],
    ['odd hexadecimal digits', '{"op":"inject","hex":"abc"}', 'EINVAL'],
    ['a clock that goes back', '{"op":"advance","toNs":5}', 'EINVAL'],
    ['a call that does not wait', '{"op":"result","call":7}', 'ENOENT'],
    ['a knob out of its range', '{"op":"reset","tcp":{"mssMax":1}}', 'ERR_TW_CONFIG'],
    ['an address that is none', '{"op":"connect","fd":3,"address":"x","port":1}', 'EINVAL'],
  ])('says what is wrong with %s', (_title, line, code) => {
    const reply = ask(line);
    expect(reply['ok']).toBe(false);
    expect(String(reply['error'])).toMatch(new RegExp(`^(${code}|EBADF)$`));
    expect(String(reply['message']).length).toBeGreaterThan(5);
  });

  test('returns errors of calls as results, not as bad requests', () => {
    expect(ask('{"op":"close","fd":77}')).toMatchObject({ ok: true, result: -1, errno: 'EBADF' });
  });

  test('reports knobs and the next timer', () => {
    expect(ask('{"op":"knobs"}')).toMatchObject({ ok: true, sack: true });
    expect(ask('{"op":"next_timer"}')).toMatchObject({ ok: true });
  });

  test('the same requests give the same replies', () => {
    const lines = ['{"op":"socket"}', '{"op":"connect","fd":3,"address":"10.0.0.2","port":80}'];
    const run = (): string[] => {
      using endpoint = new Endpoint();
      return [...lines, '{"op":"take"}'].map((line) => endpoint.handleLine(line));
    };
    expect(run()).toEqual(run());
    expect(run()[2]).toContain('"hex":"45');
  });
});
