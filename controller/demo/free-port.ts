/** Ports that were free a moment ago, on loopback, for TCP and UDP both; below those that systems give to outgoing connections, of which somebody may have one before it is used. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const LOWEST = 12_000;
const HIGHEST = 32_000;
const ATTEMPTS = 200;

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    const tcp = createServer().listen(port, '127.0.0.1');
    const udp = createSocket('udp4');
    try {
      await once(tcp, 'listening');
      udp.bind(port, '127.0.0.1');
      await once(udp, 'listening');
      return port;
    } catch {
      continue;
    } finally {
      tcp.close();
      udp.close();
    }
  }
  throw new Error(`none of ${ATTEMPTS} ports of 127.0.0.1 between ${LOWEST} and ${HIGHEST} is free for both TCP and UDP`);
}
