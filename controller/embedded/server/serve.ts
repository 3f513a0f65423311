/** The embedded API over HTTPS: HTTP/1.1, keep-alive, chunked watches. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { EmbeddedApi } from '../api.ts';
import { nameOf } from '../metadata.ts';
import { RBAC_GROUP } from '../rbac/authority.ts';
import { DEFAULT_BINDINGS, DEFAULT_ROLES } from '../rbac/defaults.ts';
import { authorityOf, type TokenGrant } from './access.ts';
import { authentication } from './authentication.ts';
import { slicesAmongWrites } from './delete-slices.ts';
import { handle, type RequestRecord, type Surroundings } from './handle.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { Turns } from './turns.ts';
import { WriteGroups } from './write-groups.ts';

export interface ServeOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly certPem: string;
  readonly keyPem: string;
  /** What clients trust; goes into the kubeconfig. */
  readonly caPem: string;
  /** Certificates of callers are believed where one of these authorities signed them: the common name is the user, each organization a group. */
  readonly clientCaPem?: string;
  /** The first is the one that the kubeconfig carries. */
  readonly tokens: readonly TokenGrant[];
  readonly clock: Clock;
  readonly log: Log;
  /** Name of cluster and context in the kubeconfig. */
  readonly name?: string;
  /** Called once a request is answered (a watch: once it began). */
  readonly record?: (entry: RequestRecord) => void;
}

/** Watchers without news hear the current version this often. */
const BOOKMARK_SECONDS = 60;

/** Resolves once listening; serves until `signal` aborts. `closed` resolves when the last connection is gone. */
export async function serveEmbedded(api: EmbeddedApi, options: ServeOptions, signal: CancelSignal): Promise<{ readonly url: string; readonly kubeconfig: string; readonly closed: Promise<void> }> {
  const [grant] = options.tokens;
  if (grant === undefined) throw new Error('embedded API: give at least one token, or nobody can call it');
  makeDefaultRoles(api);
  const [writes, turns] = [new WriteGroups(api), new Turns()];
  api.workLater(slicesAmongWrites(writes, turns, options.clock, options.log, signal));
  const around: Surroundings = { api, clock: options.clock, authentication: authentication(options.tokens, () => options.clock.now()), authority: authorityOf(api, options.tokens), record: options.record ?? (() => {}), storeProblem: '', writes, turns };
  const server = createServer({ cert: options.certPem, key: options.keyPem, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'], ...(options.clientCaPem === undefined ? {} : { ca: options.clientCaPem, requestCert: true, rejectUnauthorized: false }), keepAliveTimeout: 90_000, requestTimeout: 60_000 }, (request, response) => {
    handle(around, request, response).catch((error: unknown) => {
      options.log.error({ error: error instanceof Error ? error.stack : String(error), path: new URL(request.url ?? '/', 'https://localhost').pathname }, 'request failed');
      response.destroy();
    });
  });
  server.maxHeadersCount = 100;
  server.on('connect', (_request, socket) => socket.end('HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'));
  server.on('tlsClientError', (error) => options.log.debug({ error: error.message }, 'TLS handshake failed'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  void sendBookmarks(api, options.clock, signal);
  const { port } = server.address() as AddressInfo;
  const url = `https://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  return { url, closed, kubeconfig: kubeconfigText({ name: options.name ?? 'embedded', url, caPem: options.caPem, user: grant.user, token: grant.token }) };
}

/** Those that somebody deleted are made again, so that nobody is locked out for ever. */
function makeDefaultRoles(api: EmbeddedApi): void {
  for (const [plural, objects] of [['clusterroles', DEFAULT_ROLES], ['clusterrolebindings', DEFAULT_BINDINGS]] as const) {
    for (const object of objects) {
      if (api.storedObject(RBAC_GROUP, plural, '', nameOf(object)) === undefined) api.create(api.target(RBAC_GROUP, 'v1', plural), undefined, object, { fieldManager: 'isthmus-embedded' });
    }
  }
}

async function sendBookmarks(api: EmbeddedApi, clock: Clock, signal: CancelSignal): Promise<void> {
  for (;;) {
    await clock.sleepUntil(clock.now() + BOOKMARK_SECONDS * 1000, signal);
    if (signal.aborted) return;
    api.bookmark();
  }
}
