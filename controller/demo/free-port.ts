/** Ports that were free a moment ago, on loopback, for TCP and UDP both; below those that systems give to outgoing connections, of which somebody may have one before it is used. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const LOWEST = 22_000;
const HIGHEST = 32_000;
const PARTS = 8;
const ATTEMPTS = 200;

/** A port is free until it is used, and another program may look for one meanwhile: of those that look in `parts` parts each has one, by its number. */
export function freePortsBetween(lowest: number, highest: number, { part, parts }: { readonly part: number; readonly parts: number }): () => Promise<number> {
  const [first, end] = [part % parts, part % parts + 1].map((count) => lowest + count * (highest - lowest) / parts) as [number, number];
  /** Who was given one may not have opened it yet. */
  const given = new Set<number>();
  return async () => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const port = randomInt(first, end);
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
    throw new Error(`none of ${ATTEMPTS} ports of 127.0.0.1 between ${first} and ${end} is free for both TCP and UDP`);
  };
}

/** None twice in this process. */
export const freePort = freePortsBetween(LOWEST, HIGHEST, { part: process.pid, parts: PARTS });
