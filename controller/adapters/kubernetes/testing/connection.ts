/** For each test a folder, metrics, and a client of a fake server; what was opened last is closed after it. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach } from 'vitest';
import type { CancelSignal } from '../../../../mesh/ports/cancel.ts';
import { fakeMetrics } from '../../../runtime/testing/fakes.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../connect.ts';
import { type FakeServer, fakeServer, type Folder, kubeconfig, temporaryFolder, testAuthority } from './fake-server.ts';

export const authority = testAuthority('first');
export const never: CancelSignal = new AbortController().signal;
export const TOKEN = 'very-secret-token';

export const send = (response: ServerResponse, code: number, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body));
};
export const status = (code: number, reason: string, more: object = {}): object => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `${reason}!`, ...more });
export const clusterOf = (url: string): Record<string, unknown> => ({ server: url, 'certificate-authority-data': Buffer.from(authority.certificatePem).toString('base64') });
export const thrown = (action: Promise<unknown>): Promise<unknown> => action.then(() => 'no error', (error: unknown) => error);

export interface Connection {
  folder: Folder;
  metrics: ReturnType<typeof fakeMetrics>;
  /** Throw where a test has not made one yet. */
  server: FakeServer;
  client: ConnectedKubernetes;
  connect(answer: Parameters<typeof fakeServer>[1], user?: Record<string, unknown>): Promise<ConnectedKubernetes>;
}

export function connection(): Connection {
  let server: FakeServer | undefined;
  let client: ConnectedKubernetes | undefined;
  const made = <T>(one: T | undefined, what: string): T => { if (one === undefined) throw new Error(`this test has made no ${what} yet`); return one; };
  const here: Connection = {
    folder: undefined as unknown as Folder,
    metrics: fakeMetrics(),
    get server() { return made(server, 'server'); },
    set server(next) { server = next; },
    get client() { return made(client, 'client'); },
    set client(next) { client = next; },
    async connect(answer, user = { token: TOKEN }) {
      server = await fakeServer(authority, answer);
      client = connectKubernetes({ kubeconfig: here.folder.write('config', kubeconfig(clusterOf(server.url), user)), userAgent: 'isthmus-test/1', metrics: here.metrics });
      return client;
    },
  };
  beforeEach(() => {
    here.folder = temporaryFolder();
    here.metrics = fakeMetrics();
  });
  afterEach(async () => {
    await client?.close();
    await server?.close();
    here.folder.remove();
    client = server = undefined;
  });
  return here;
}
