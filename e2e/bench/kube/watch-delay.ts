/** From the moment a write is sent until a watch that was open before shows it, one after another. */
import { Pool } from 'undici';
import { quantile } from './figures.ts';
import { CONFIG_MAPS, configMap } from './objects.ts';
import { caller } from './requests.ts';
import type { BenchServer } from './servers.ts';

export interface WatchDelay { readonly p50: number; readonly p99: number }

export async function measureWatchDelay(server: BenchServer, writes: number): Promise<WatchDelay> {
  const call = caller(server, 1);
  const pool = new Pool(server.url, { connections: 1, connect: { ca: server.certificateAuthorityPem } });
  const name = 'watch-delay';
  const put = (revision: number): Promise<string> => call({ method: revision < 0 ? 'POST' : 'PUT', path: revision < 0 ? CONFIG_MAPS : `${CONFIG_MAPS}/${name}`, body: configMap(name, 0, revision) });
  try {
    const { metadata } = JSON.parse(await put(-1)) as { readonly metadata: { readonly resourceVersion: string } };
    const stream = await pool.request({ method: 'GET', path: `${CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3D${name}&resourceVersion=${metadata.resourceVersion}`, headers: { authorization: `Bearer ${server.token}` } });
    let seen = -1;
    let wake: () => void = () => {};
    let rest = '';
    stream.body.on('error', () => undefined).on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) seen = Math.max(seen, Number((JSON.parse(line) as { readonly object: { readonly data?: { readonly revision?: string } } }).object.data?.revision ?? -1));
      wake();
    });
    const times: number[] = [];
    for (let revision = 0; revision < writes; revision += 1) {
      const start = performance.now();
      const arrived = (async () => {
        while (seen < revision) await new Promise<void>((resolve) => { wake = resolve; });
        return performance.now();
      })();
      await put(revision);
      times.push(await arrived - start);
    }
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  } finally {
    await pool.destroy();
    await call.close();
  }
}
