/** Ports of 127.0.0.1 that nobody listens on. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections, of which somebody's may have one before it is used, and below those that demos take. */
const LOWEST = 12_000;
const HIGHEST = 21_000;
const ATTEMPTS = 200;
/** Of three suites that run at once, each has a part of its own: a port is free until it is used. */
const PARTS = 3;
const part = Number(process.env['VITEST_POOL_ID'] ?? '0') % PARTS;
const [FIRST, END] = [part, part + 1].map((count) => LOWEST + count * (HIGHEST - LOWEST) / PARTS) as [number, number];

type Held = ReturnType<typeof createServer>;

async function hold(): Promise<Held> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const server = createServer().listen(randomInt(FIRST, END), '127.0.0.1');
    if (await once(server, 'listening').then(() => true, () => false)) return server;
  }
  throw new Error(`none of ${ATTEMPTS} ports of 127.0.0.1 between ${FIRST} and ${END} is free`);
}

/** Held until all are known, so that they differ; another program may still listen on one before it is used. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Held[] = [];
  for (let index = 0; index < count; index += 1) servers.push(await hold());
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
