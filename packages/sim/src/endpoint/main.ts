/**
 * `bun packages/sim/src/endpoint/main.ts --socket PATH`: serves endpoints until it is interrupted.
 *
 * @module
 */

import { parseArgs } from 'node:util';
import { serveEndpoint } from './serve.ts';

const { values } = parseArgs({ options: { socket: { type: 'string' } } });
if (values.socket === undefined) {
  process.stderr.write('Write bun packages/sim/src/endpoint/main.ts --socket PATH\n');
  process.exit(2);
}
const server = serveEndpoint(values.socket);
const stop = (): void => {
  server.stop();
  process.exit(0);
};
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
process.stdout.write(`listening ${server.path}\n`);
