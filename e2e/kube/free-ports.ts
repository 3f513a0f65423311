/** Ports of 127.0.0.1 that nobody listens on, below those that demos take: of three suites that run at once, each has a part of its own. */
import { freePortsBetween } from '../../controller/demo/free-port.ts';

const next = freePortsBetween(12_000, 21_000, { part: Number(process.env['VITEST_POOL_ID'] ?? '0'), parts: 3 });

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await next());
  return ports;
}
