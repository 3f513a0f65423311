/** A TCP relay in front of an API server: every connection that a client opens is one that it counts. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { BenchServer } from './servers.ts';

export interface Relay {
  readonly url: string;
  /** Opened since the last call. */
  takeCount(): number;
  /** Breaks every connection, as a load balancer that restarts. */
  reset(): void;
  close(): Promise<void>;
}

export async function startRelay(server: Pick<BenchServer, 'url'>): Promise<Relay> {
  const { hostname, port } = new URL(server.url);
  const open = new Set<Socket>();
  let count = 0;
  const relay = createServer({ noDelay: true }, (near) => {
    count += 1;
    const far = connect({ host: hostname, port: Number(port), noDelay: true });
    open.add(near);
    near.pipe(far).pipe(near);
    const end = (): void => {
      open.delete(near);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => { relay.listen(0, '127.0.0.1', resolve); });
  const reset = (): void => { for (const socket of open) socket.resetAndDestroy(); };
  return {
    url: `https://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    takeCount() {
      const taken = count;
      count = 0;
      return taken;
    },
    reset,
    close: () => new Promise((resolve) => {
      relay.close(() => resolve());
      reset();
    }),
  };
}
