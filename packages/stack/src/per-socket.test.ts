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
