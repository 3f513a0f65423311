/** Ports that were free a moment ago, on loopback, for TCP and UDP both; below those that systems give to outgoing connections, of which somebody may have one before it is used. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const LOWEST = 22_000;
const HIGHEST = 32_000;
/** A port is free until it is used, and another program may look for one meanwhile: most look in another part. */
const PARTS = 8;
const [FIRST, END] = [process.pid % PARTS, process.pid % PARTS + 1].map((part) => LOWEST + part * (HIGHEST - LOWEST) / PARTS) as [number, number];
const ATTEMPTS = 200;
/** By this process: who was given one may not have opened it yet. */
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST, END);
    if (given.has(port)) continue;
    const tcp = createServer().listen(port, '127.0.0.1');
    const udp = createSocket('udp4');
    try {
      await once(tcp, 'listening');
      udp.bind(port, '127.0.0.1');
      await once(udp, 'listening');
      given.add(port);
      return port;
    } catch {
      continue;
    } finally {
      tcp.close();
      udp.close();
    }
  }
  throw new Error(`none of ${ATTEMPTS} ports of 127.0.0.1 between ${FIRST} and ${END} is free for both TCP and UDP`);
}
