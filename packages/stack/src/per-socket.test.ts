/**
 * What can be chosen per stack, per listener, per connection.
 */

import { describe, expect, test } from 'bun:test';
import type { NetError } from '@tickwire/base';
import { congestionName, congestionNamed, congestionNames, tcpConfig } from '@tickwire/tcp';
import { Pair, type PairOptions } from '../test/pair.ts';
import type { ConnectOptions, ListenOptions, TcpSocket } from './index.ts';

const PORT = 80;

interface Both {
  readonly pair: Pair;
  readonly client: TcpSocket<undefined>;
  readonly server: TcpSocket<undefined>;
}

/** One open connection from a to b. */
function open(
  listen: Partial<ListenOptions<undefined>> = {},
  connect: Partial<ConnectOptions<undefined>> = {},
  options: PairOptions = {},
): Both {
  const pair = new Pair(options);
  let server: TcpSocket<undefined> | undefined;
  pair.b.listen({
    port: PORT,
    socket: {
      open(socket) {
        server = socket;
      },
    },
    ...listen,
  });
  const client = pair.a.connect({
    hostname: '10.0.0.2',
    port: PORT,
    data: undefined,
    socket: {},
    ...connect,
  });
  pair.settle();
  return { pair, client, server: server! };
}

function errorOf(act: () => unknown): NetError {
  try {
    act();
  } catch (error) {
    return error as NetError;
  }
  throw new Error('nothing was thrown');
}

describe('the congestion controller', () => {
  test('is CUBIC when nobody says anything', () => {
    const { client, server } = open();
    expect([client.congestion, server.congestion]).toEqual(['cubic', 'cubic']);
  });

  test('is chosen by name per stack, per listener and per connection', () => {
    for (const name of congestionNames()) {
      const chosen = open({ congestion: name }, { congestion: name });
      expect([chosen.client.congestion, chosen.server.congestion]).toEqual([name, name]);
      expect(chosen.client.info()?.sndCwndBytes).toBeGreaterThan(0);
      const general = open({}, {}, { a: { tcp: { congestion: name } } });
      expect([general.client.congestion, general.server.congestion]).toEqual([name, 'cubic']);
    }
  });

  test('changes on an open connection, which goes on', () => {
    const { pair, client, server } = open();
    client.setCongestion('bbr');
    expect(client.congestion).toBe('bbr');
    client.write(new Uint8Array(100_000));
    pair.advance(1e9);
    expect(server.info()?.bytesReceived).toBe(100_000);
    client.terminate();
    client.setCongestion('reno');
    expect(client.congestion).toBe('');
  });

  test('of an unknown name is refused with the names there are, before anything is opened', () => {
    const pair = new Pair();
    const socket = {};
    const words = "There is no congestion controller 'vegas'; choose one of reno, cubic, bbr";
    const attempts = [
      () => pair.b.listen({ port: PORT, congestion: 'vegas', socket }),
      () =>
        pair.a.connect({
          hostname: '10.0.0.2',
          port: PORT,
          congestion: 'vegas',
          data: undefined,
          socket,
        }),
      () => new Pair({ a: { tcp: { congestion: 'vegas' } } }),
    ];
    for (const attempt of attempts) {
      const error = errorOf(attempt);
      expect([error.code, error.message.startsWith(words)]).toEqual(['ERR_TW_CONFIG', true]);
    }
    expect(pair.a.core.tcp.connectionCount).toBe(0);
    pair.b.listen({ port: PORT, socket });
  });

  test('has one name for each number', () => {
    for (const [index, name] of congestionNames().entries()) {
      expect(congestionNamed(name)).toBe(index as never);
      expect(congestionName(index as never)).toBe(name);
      expect(tcpConfig({ congestion: name }).congestion).toBe(index as never);
    }
    const beyond = congestionNames().length as never;
    expect(errorOf(() => tcpConfig({ congestion: beyond })).code).toBe('ERR_TW_CONFIG');
  });
});

describe('the MSS', () => {
  test('is limited per listener, for both directions (RFC 9293, 3.7.1)', () => {
    const { client, server } = open({ mssMax: 700 });
    expect([client.info()?.sndMss, server.info()?.sndMss]).toEqual([688, 688]);
  });

  test('is limited per connection, for both directions, before its SYN has left', () => {
    const { client, server } = open({}, { mssMax: 700 });
    expect([client.info()?.sndMss, server.info()?.sndMss]).toEqual([688, 688]);
  });

  test('does not become larger than the link takes, nor smaller than any peer may ask', () => {
    expect(open({}, { mssMax: 100_000 }).client.info()?.sndMss).toBe(1448);
    // 48 bytes, of which timestamps take 12: the least that is sent is 48.
    expect(open({}, { mssMax: 1 }).client.info()?.sndMss).toBe(48);
  });
});

describe('the receive buffer', () => {
  test('of a listener is what its connections promise from the start (RFC 9293, 3.8.6)', () => {
    const { pair, client, server } = open({ receiveBufferBytes: 5000 });
    expect(client.info()?.sndWndBytes).toBe(5000);
    server.pause();
    client.write(new Uint8Array(20_000));
    // The last part of the window is less than a segment: it comes after a while.
    pair.advance(2e9);
    // Less than a unit of the window field, 128 bytes, is given or taken.
    expect(Math.abs(server.info()!.bytesReceived - 5000)).toBeLessThan(128);
  });

  test('of a connection is what its SYN promises', () => {
    const { pair, client, server } = open({}, { receiveBufferBytes: 5000 });
    client.pause();
    server.write(new Uint8Array(20_000));
    pair.settle();
    expect(client.info()?.bytesReceived).toBeLessThanOrEqual(5000);
    expect(client.info()?.bytesReceived).toBeGreaterThan(4000);
  });
});

describe('urgent data', () => {
  test('urgent comes before the bytes; urgentBytes counts them down (RFC 9293, 3.8.5)', () => {
    const pair = new Pair();
    const log: string[] = [];
    pair.b.listen({
      port: PORT,
      socket: {
        urgent: (socket) => void log.push(`urgent ${socket.urgentBytes}`),
        data: (socket, _bytes, _at, length) => {
          log.push(`data ${length}, ${socket.urgentBytes} to come`);
        },
      },
    });
    const client = pair.a.connect({
      hostname: '10.0.0.2',
      port: PORT,
      data: undefined,
      socket: {},
    });
    pair.settle();
    client.write(new Uint8Array(100));
    client.writeUrgent(new Uint8Array(10));
    client.write(new Uint8Array(5));
    pair.settle();
    expect(log).toEqual(['urgent 110', 'data 115, 0 to come']);
    client.writeUrgent(new Uint8Array(2000));
    pair.settle();
    expect(log.slice(2)).toEqual(['urgent 2000', 'data 1448, 552 to come', 'data 552, 0 to come']);
    client.terminate();
    expect(client.urgentBytes).toBe(0);
  });

  test('urgent may be absent; when it throws, its connection is aborted', () => {
    const pair = new Pair();
    let received = 0;
    let thrown: unknown;
    const data = (_socket: unknown, _bytes: Uint8Array, _at: number, length: number): void => {
      received += length;
    };
    const urgent = (): void => {
      throw new Error('not now');
    };
    pair.b.listen({ port: PORT, socket: { data } });
    const error = (_socket: unknown, what: unknown): void => {
      thrown = what;
    };
    pair.b.listen({ port: PORT + 1, socket: { data, urgent, error } });
    const clients = [PORT, PORT + 1].map((port) =>
      pair.a.connect({ hostname: '10.0.0.2', port, data: undefined, socket: {} }),
    );
    pair.settle();
    for (const client of clients) client.writeUrgent(new Uint8Array(10));
    pair.settle();
    expect(received).toBe(10);
    expect(thrown).toEqual(new Error('not now'));
    expect(clients.map((client) => client.isOpen)).toEqual([true, false]);
  });
});

describe('introspection', () => {
  test('connections() and halfOpenConnections() list who talks to whom, and in which state', () => {
    const pair = new Pair();
    pair.b.listen({ port: PORT, socket: {} });
    const ends = { localAddress: '10.0.0.2', localPort: PORT, remoteAddress: '10.0.0.1' };
    const client = pair.a.connect({
      hostname: '10.0.0.2',
      port: PORT,
      localPort: 5000,
      data: undefined,
      socket: {},
    });
    // ARP takes rounds of its own; then b has answered the SYN and a has not heard of it.
    const nowNs = pair.clock.nowNs();
    for (let round = 0; pair.b.halfOpenConnections().length === 0; round += 1) {
      if (round === 10) throw new Error('no SYN arrives');
      pair.a.poll(nowNs);
      pair.b.poll(nowNs);
    }
    const half = { ...ends, remotePort: 5000, state: 'SYN-RECEIVED', retries: 0 };
    expect(pair.b.halfOpenConnections()).toEqual([{ ...half, deadlineNs: nowNs + 1e9 }]);
    expect(pair.b.connections()).toEqual([]);
    expect(pair.a.connections().map((each) => each.state)).toEqual(['SYN-SENT']);
    pair.settle();
    expect(pair.b.halfOpenConnections()).toEqual([]);
    expect(pair.b.connections()).toEqual([{ ...ends, remotePort: 5000, state: 'ESTABLISHED' }]);
    client.end();
    pair.settle();
    expect(pair.a.connections().map((each) => each.state)).toEqual(['TIME-WAIT']);
    expect(pair.b.connections()).toEqual([]);
  });
});
