/** `/healthz`, `/readyz` and `/metrics` over plain HTTP, for kubelet and Prometheus. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { MetricsRegistry } from './metrics.ts';
import { formatAddress, parseListen } from './listen.ts';

export interface Readiness {
  readonly ok: boolean;
  /** What is missing, one sentence each; empty when ok. */
  readonly reasons: readonly string[];
}

/** Resolves with the bound address once listening; closes when `signal` aborts. */
export async function serveHealth(
  options: { readonly listen: string; readonly metrics: MetricsRegistry; readonly ready: () => Readiness | Promise<Readiness> },
  signal: AbortSignal,
): Promise<{ readonly address: string }> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
    };
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'only GET is answered here\n');
    if (path === '/healthz') return answer(200, 'ok\n');
    const failed = (error: unknown): void => answer(500, `${error instanceof Error ? error.message : String(error)}\n`);
    if (path === '/readyz') {
      Promise.resolve(options.ready()).then(({ ok, reasons }) => answer(ok ? 200 : 503, ok ? 'ok\n' : `${reasons.join('\n')}\n`), failed);
    } else if (path === '/metrics') options.metrics.render().then((text) => answer(200, text, options.metrics.contentType), failed);
    else answer(404, 'known paths: /healthz /readyz /metrics\n');
  });
  server.maxConnections = 64;
  server.requestTimeout = 10_000;
  server.listen(parseListen(options.listen));
  await once(server, 'listening');
  const address = formatAddress(server.address());
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return { address };
}
