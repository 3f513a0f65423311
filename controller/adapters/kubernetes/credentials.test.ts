/** What a kubeconfig may say of a server and a user, each tried against a server that insists on it; and which refusals are asked again. */
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as connectSocket, type Socket } from 'node:net';
import { delimiter } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import { KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { fakeMetrics } from '../../runtime/testing/fakes.ts';
import { type ConnectedKubernetes, connectKubernetes } from './connect.ts';
import { type FakeServer, fakeServer, type Folder, kubeconfig, temporaryFolder, testAuthority } from './testing/fake-server.ts';

const authority = testAuthority('credentials');
const never = new AbortController().signal;
const ca = { 'certificate-authority-data': Buffer.from(authority.certificatePem).toString('base64') };
const answer = (response: ServerResponse, code: number, body: object, headers: Record<string, string> = {}): void => {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};
const emptyList = { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '7' }, items: [] };
const refusal = (code: number): object => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason: 'Test', message: 'no' });

let folder: Folder;
let server: FakeServer;
let metrics = fakeMetrics();
const clients: ConnectedKubernetes[] = [];
beforeEach(() => { folder = temporaryFolder(); metrics = fakeMetrics(); });
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const client of clients.splice(0)) await client.close();
  await server?.close();
  folder.remove();
});
const open = (cluster: Record<string, unknown>, user: Record<string, unknown> = {}, name = 'config'): ConnectedKubernetes => {
  const client = connectKubernetes({ kubeconfig: folder.write(name, kubeconfig(cluster, user)), userAgent: 'isthmus-test/1', metrics });
  clients.push(client);
  return client;
};
const listing: Parameters<typeof fakeServer>[1] = (_request, response) => answer(response, 200, emptyList);
const lastToken = (): string | undefined => server.requests.at(-1)?.headers.authorization;

describe('what a kubeconfig says', () => {
  test('tokenFile, relative to the kubeconfig, goes before token and is read again when it changes', async () => {
    server = await fakeServer(authority, listing);
    folder.write('token', 'first\n');
    const client = open({ server: server.url, ...ca }, { tokenFile: 'token', token: 'ignored' });
    await client.list(ConfigMap, {}, never);
    expect(lastToken()).toBe('Bearer first');
    folder.write('token', 'the-second\n');
    await sleep(1100);
    await client.list(ConfigMap, {}, never);
    expect(lastToken()).toBe('Bearer the-second');
    expect(server.connections()).toBe(1);
  });

  test('as, as-uid, as-groups and as-user-extra are said to the server with each request', async () => {
    server = await fakeServer(authority, listing);
    await open({ server: server.url, ...ca }, { token: 't', as: 'ann', 'as-uid': '7', 'as-groups': ['gardeners', 'cooks'], 'as-user-extra': { 'example.com/Reason': ['night shift'] } }).list(ConfigMap, {}, never);
    expect(server.requests.at(-1)?.headers).toMatchObject({
      authorization: 'Bearer t', 'impersonate-user': 'ann', 'impersonate-uid': '7', 'impersonate-group': 'gardeners, cooks', 'impersonate-extra-example.com%2freason': 'night shift',
    });
    await open({ server: server.url, ...ca }, { token: 't' }, 'herself').list(ConfigMap, {}, never);
    expect(server.requests.at(-1)?.headers).not.toHaveProperty('impersonate-user');
  });

  test('tls-server-name is the name that the certificate must have', async () => {
    server = await fakeServer(authority, listing);
    await open({ server: server.url, ...ca, 'tls-server-name': 'localhost' }).list(ConfigMap, {}, never);
    await expect(open({ server: server.url, ...ca, 'tls-server-name': 'elsewhere.example.com' }).list(ConfigMap, {}, never)).rejects.toThrow(/elsewhere\.example\.com/);
  });

  test('insecure-skip-tls-verify takes any certificate, and nothing else does', async () => {
    server = await fakeServer(authority, listing);
    await open({ server: server.url, 'insecure-skip-tls-verify': true }, { token: 't' }).list(ConfigMap, {}, never);
    await expect(open({ server: server.url }, { token: 't' }).list(ConfigMap, {}, never)).rejects.toBeInstanceOf(KubernetesUnreachable);
  });

  test('proxy-url: requests and watches go through it; SOCKS is refused in a sentence', async () => {
    server = await fakeServer(authority, (request, response) => {
      if (request.url?.includes('watch=1') === true) response.writeHead(200).end();
      else answer(response, 200, emptyList);
    });
    const asked: string[] = [];
    const sockets = new Set<Socket>();
    const proxy = createServer().on('connect', (request, socket: Socket) => {
      asked.push(request.url ?? '');
      const [host = '', port] = (request.url ?? '').split(':');
      const onwards = connectSocket(Number(port), host, () => { socket.write('HTTP/1.1 200 OK\r\n\r\n'); onwards.pipe(socket).pipe(onwards); });
      for (const one of [socket, onwards]) sockets.add(one.on('error', () => one.destroy()));
    });
    await new Promise<void>((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
    const client = open({ server: server.url, ...ca, 'proxy-url': `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }, { token: 't' });
    await client.list(ConfigMap, {}, never);
    for await (const _ of client.watch(ConfigMap, { resourceVersion: '1' }, never)) expect.unreachable();
    expect(new Set(asked)).toEqual(new Set([server.url.slice('https://'.length)]));
    await client.close();
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await expect(open({ server: server.url, ...ca, 'proxy-url': 'socks5://127.0.0.1:1' }).list(ConfigMap, {}, never)).rejects.toThrow(/SOCKS is not supported/);
  });

  test('an exec plugin gives certificates too; what it gives is kept until expirationTimestamp, for all who ask at once', async () => {
    server = await fakeServer(authority, listing);
    const pair = authority.issue('client', 'from-plugin');
    folder.write('pair.json', JSON.stringify({ clientCertificateData: pair.certificatePem, clientKeyData: pair.keyPem }));
    const plugin = folder.write('plugin.cjs', `
      const fs = require('node:fs');
      fs.appendFileSync(${JSON.stringify(folder.path('runs'))}, 'x');
      const status = { ...JSON.parse(fs.readFileSync(${JSON.stringify(folder.path('pair.json'))}, 'utf8')), token: 'run-' + fs.readFileSync(${JSON.stringify(folder.path('runs'))}, 'utf8').length, expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() };
      process.stdout.write(JSON.stringify({ kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1', status }));`);
    const runs = (): number => readFileSync(folder.path('runs'), 'utf8').length;
    const client = open({ server: server.url, ...ca }, { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: [plugin], interactiveMode: 'Never' } });
    const ask = (): Promise<unknown> => Promise.all(Array.from({ length: 5 }, () => client.list(ConfigMap, {}, never)));
    await ask();
    await ask();
    expect(runs()).toBe(1);
    expect(server.requests.at(-1)).toMatchObject({ client: 'from-plugin', headers: { authorization: 'Bearer run-1' } });
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_601_000);
    await ask();
    expect(runs()).toBe(2);
    expect(lastToken()).toBe('Bearer run-2');
  });
});

describe('who we are', () => {
  test('a name with its password, and an older provider\'s token', async () => {
    server = await fakeServer(authority, listing);
    await open({ server: server.url, ...ca }, { username: 'ann', password: 's3cret' }).list(ConfigMap, {}, never);
    expect(lastToken()).toBe(`Basic ${Buffer.from('ann:s3cret').toString('base64')}`);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const idToken = `${part({ alg: 'none' })}.${part({ exp: Math.floor(Date.now() / 1000) + 3600 })}.`;
    await open({ server: server.url, ...ca }, { 'auth-provider': { name: 'oidc', config: { 'id-token': idToken, 'client-id': 'c', 'refresh-token': 'r', 'idp-issuer-url': 'https://issuer.example' } } }).list(ConfigMap, {}, never);
    expect(lastToken()).toBe(`Bearer ${idToken}`);
  });

  test('several files are one: the first says which context is current, and no name may be given twice', async () => {
    server = await fakeServer(authority, listing);
    const [first, second] = [folder.write('first', JSON.stringify({ 'current-context': 'theirs' })), folder.write('second', JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: server.url, 'certificate-authority': 'ca.crt' } }], users: [{ name: 'u', user: { token: 't' } }], contexts: [{ name: 'theirs', context: { cluster: 'c', user: 'u' } }],
    }))];
    folder.write('ca.crt', authority.certificatePem);
    vi.stubEnv('KUBECONFIG', [first, second].join(delimiter));
    const client = connectKubernetes({ userAgent: 'isthmus-test/1', metrics });
    clients.push(client);
    await client.list(ConfigMap, {}, never);
    expect(lastToken()).toBe('Bearer t');
    vi.stubEnv('KUBECONFIG', [second, second].join(delimiter));
    expect(() => connectKubernetes({ userAgent: 'isthmus-test/1', metrics })).toThrow(/second: is no valid kubeconfig/);
  });

  test('nothing is sent in the clear unless the kubeconfig says so', async () => {
    await expect(open({ server: 'http://127.0.0.1:1' }, { token: 't' }).list(ConfigMap, {}, never)).rejects.toThrow('kubeconfig: server http://127.0.0.1:1 would get credentials in the clear');
  });
});

describe('connections', () => {
  test('a hundred watches leave room for requests, and the gauges say what is open', async () => {
    server = await fakeServer(authority, (request, response) => {
      if (request.url?.includes('watch=1') === true) response.writeHead(200).flushHeaders();
      else answer(response, 200, emptyList);
    });
    const client = open({ server: server.url, ...ca });
    const abort = new AbortController();
    const watches = Array.from({ length: 100 }, async () => { for await (const _ of client.watch(ConfigMap, { resourceVersion: '1' }, abort.signal)) expect.unreachable(); });
    for (let attempt = 0; attempt < 200 && metrics.value('isthmus_kubernetes_connections') < 100; attempt++) await sleep(20);
    await Promise.all(Array.from({ length: 50 }, () => client.list(ConfigMap, {}, never)));
    expect(metrics.value('isthmus_kubernetes_connections')).toBeLessThanOrEqual(108);
    expect(server.connections()).toBeLessThanOrEqual(108);
    expect(metrics.value('isthmus_kubernetes_requests_in_flight')).toBe(100);
    expect(metrics.value('isthmus_kubernetes_request_duration_seconds', { verb: 'list' })).toBe(50);
    abort.abort();
    await Promise.all(watches);
    expect(metrics.value('isthmus_kubernetes_requests_in_flight')).toBe(0);
  });

  test('closing also ends what is under way on connections from before a rotation', async () => {
    let closed = 0;
    server = await fakeServer(authority, (request, response) => {
      if (request.url?.includes('watch=1') === true) response.once('close', () => { closed += 1; }).writeHead(200).flushHeaders();
      else answer(response, 200, emptyList);
    });
    const bundle = folder.write('ca.crt', authority.certificatePem);
    const client = open({ server: server.url, 'certificate-authority': bundle });
    const ended = expect((async () => { for await (const _ of client.watch(ConfigMap, { resourceVersion: '1' }, never)) expect.unreachable(); })()).rejects.toBeInstanceOf(KubernetesUnreachable);
    for (let attempt = 0; attempt < 200 && server.requests.length === 0; attempt++) await sleep(20);
    folder.write('ca.crt', `${authority.certificatePem}${testAuthority('next').certificatePem}`);
    await sleep(1100);
    await client.list(ConfigMap, {}, never);
    expect([server.connections(), closed]).toEqual([2, 0]);
    await client.close();
    await ended;
    for (let attempt = 0; attempt < 200 && closed === 0; attempt++) await sleep(20);
    expect(closed).toBe(1);
  });
});

describe('refusals', () => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'n', name: 'a' } };
  test.each([
    { code: 429, read: 2, write: 2 }, { code: 503, read: 2, write: 2 },
    // May have been carried out before it failed.
    { code: 500, read: 2, write: 1 }, { code: 504, read: 2, write: 1 },
  ])('$code with Retry-After: reading takes $read attempts, writing $write', async ({ code, read, write }) => {
    let refuse = true;
    server = await fakeServer(authority, (request, response) => {
      if (refuse) answer(response, code, refusal(code), { 'retry-after': new Date(Date.now()).toUTCString() });
      else answer(response, 200, request.method === 'GET' ? emptyList : object);
      refuse = false;
    });
    const client = open({ server: server.url, ...ca });
    await client.list(ConfigMap, {}, never);
    expect(server.requests).toHaveLength(read);
    refuse = true;
    const written = client.create(ConfigMap, object, { fieldManager: 'm' }, never);
    if (write === 2) await written;
    else await expect(written).rejects.toMatchObject({ code });
    expect(server.requests).toHaveLength(read + write);
    expect(metrics.value('isthmus_kubernetes_retries_total', { verb: 'create', code: String(code) })).toBe(write - 1);
  });
});
