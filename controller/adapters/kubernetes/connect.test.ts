import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { ConfigMap, Secret } from '../../../mesh/api/resources/core.ts';
import { KubernetesUnreachable, type WatchEvent } from '../../../mesh/ports/kubernetes.ts';
import { connectKubernetes } from './connect.ts';
import { authority, clusterOf, connection, never, send, status, thrown, TOKEN } from './testing/connection.ts';
import { fakeServer, kubeconfig, testAuthority } from './testing/fake-server.ts';

const here = connection();
const emptyList = { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '7' }, items: [] };

describe('requests', () => {
  // undici counts a connection as busy for a moment after its answer, so that an eager caller gets a second one; never more.
  test('200 lists share a connection or two, name us, and ask for pages of at most 500', async () => {
    const kubernetes = await here.connect((_request, response) => send(response, 200, emptyList));
    for (let count = 0; count < 200; count++) await kubernetes.list(ConfigMap, { namespace: 'n', limit: 9999 }, never);
    expect(here.server.connections()).toBeLessThanOrEqual(2);
    expect(here.server.requests[0]).toMatchObject({ method: 'GET', url: '/api/v1/namespaces/n/configmaps?limit=500', headers: { 'user-agent': 'isthmus-test/1', authorization: `Bearer ${TOKEN}` } });
  });

  test('each call has the path, query, content type and counter that RBAC and the API know', async () => {
    const kubernetes = await here.connect((_request, response) => send(response, 200, { apiVersion: 'v1', kind: 'Any', metadata: { name: 'x' } }));
    const object = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name: 'berlin', namespace: 'ignored' } };
    const by = { fieldManager: 'm' };
    await kubernetes.create(Cluster, object, { ...by, dryRun: true }, never);
    await kubernetes.update(Cluster, object, { ...by, subresource: 'status' }, never);
    await kubernetes.patch(Cluster, { name: 'berlin' }, {}, { ...by, type: 'merge' }, never);
    await kubernetes.patch(Secret, { namespace: 'n', name: 's' }, [], { ...by, type: 'json' }, never);
    await kubernetes.patch(Secret, { namespace: 'n', name: 's' }, {}, { ...by, type: 'apply', force: true }, never);
    await kubernetes.delete(Secret, { namespace: 'n', name: 's' }, { propagation: 'Background' }, never);
    expect(here.server.requests.map(({ method, url, headers }) => `${method} ${url} ${headers['content-type']}`)).toEqual([
      'POST /apis/isthmus.dev/v1alpha1/clusters?fieldManager=m&dryRun=All application/json',
      'PUT /apis/isthmus.dev/v1alpha1/clusters/berlin/status?fieldManager=m application/json',
      'PATCH /apis/isthmus.dev/v1alpha1/clusters/berlin?fieldManager=m application/merge-patch+json',
      'PATCH /api/v1/namespaces/n/secrets/s?fieldManager=m application/json-patch+json',
      'PATCH /api/v1/namespaces/n/secrets/s?fieldManager=m&force=true application/apply-patch+yaml',
      'DELETE /api/v1/namespaces/n/secrets/s application/json',
    ]);
    expect(here.metrics.value('isthmus_kubernetes_requests_total', { verb: 'update', group: 'isthmus.dev', resource: 'clusters/status', code: '200' })).toBe(1);
    expect(here.metrics.value('isthmus_kubernetes_requests_total', { verb: 'patch', group: '', resource: 'secrets', code: '200' })).toBe(2);
  });

  test('a Status becomes a KubernetesError with its causes; another answer gets the reason of its code', async () => {
    const kubernetes = await here.connect((request, response) => {
      if (request.url?.includes('proxy') === true) send(response, 502, '<html>bad gateway</html>');
      else if (request.url?.includes('gone') === true) send(response, 404, status(404, 'NotFound'));
      else send(response, 409, status(409, 'Conflict', { details: { causes: [{ reason: 'FieldManagerConflict', field: '.data.a', message: 'conflict with "x"' }] } }));
    });
    const by = { fieldManager: 'm', type: 'apply' } as const;
    expect(await thrown(kubernetes.patch(ConfigMap, { namespace: 'n', name: 'a' }, {}, by, never)))
      .toMatchObject({ name: 'KubernetesError', code: 409, reason: 'Conflict', causes: [{ field: '.data.a' }], message: 'patch configmaps n/a: Conflict!' });
    expect(await thrown(kubernetes.patch(ConfigMap, { namespace: 'n', name: 'proxy' }, {}, by, never))).toMatchObject({ code: 502, reason: 'Unknown' });
    expect(await kubernetes.get(ConfigMap, { namespace: 'n', name: 'gone' }, never)).toBeUndefined();
    await kubernetes.delete(ConfigMap, { namespace: 'n', name: 'gone' }, {}, never);
  });

  test('429 with Retry-After is obeyed a bounded number of times, then given to the caller', async () => {
    let refusals = 1;
    const kubernetes = await here.connect((_request, response) => {
      if (refusals-- > 0) send(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '1' });
      else send(response, 200, emptyList);
    });
    const began = Date.now();
    await kubernetes.list(ConfigMap, {}, never);
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
    refusals = 1;
    const long = await here.connect((_request, response) => send(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '600' }));
    expect(await thrown(long.list(ConfigMap, {}, never))).toMatchObject({ code: 429, retryAfterSeconds: 600 });
    const always = await here.connect((_request, response) => send(response, 503, status(503, 'ServiceUnavailable'), { 'retry-after': '0' }));
    expect(await thrown(always.list(ConfigMap, {}, never))).toMatchObject({ code: 503 });
    expect(here.server.requests).toHaveLength(10);
  });

  test('no answer, a cut answer, no JSON, a foreign certificate: KubernetesUnreachable that names the request and no secret', async () => {
    const kubernetes = await here.connect((request, response) => {
      if (request.url?.includes('reset') === true) request.socket.destroy();
      else if (request.url?.includes('cut') === true) {
        response.writeHead(200, { 'content-length': '1000' }).write('{"a":');
        setTimeout(() => request.socket.destroy(), 20);
      } else send(response, 200, 'hello');
    });
    for (const name of ['reset', 'cut', 'text']) {
      const error = await thrown(kubernetes.get(ConfigMap, { namespace: 'n', name }, never));
      expect(error, name).toBeInstanceOf(KubernetesUnreachable);
      expect(String(error)).toContain(`get configmaps n/${name}: `);
      expect(JSON.stringify([error, String(error), (error as Error).stack, (error as Error).cause])).not.toContain(TOKEN);
    }
    expect(here.metrics.value('isthmus_kubernetes_requests_total', { verb: 'get', group: '', resource: 'configmaps', code: 'error' })).toBeGreaterThanOrEqual(1);
    const stranger = await fakeServer(testAuthority('other'), (_request, response) => send(response, 200, {}));
    const distrustful = connectKubernetes({ kubeconfig: here.folder.write('other', kubeconfig(clusterOf(stranger.url), { token: TOKEN })), userAgent: 'x', metrics: here.metrics });
    const error = await thrown(distrustful.get(ConfigMap, { namespace: 'n', name: 'a' }, never));
    expect(error).toBeInstanceOf(KubernetesUnreachable);
    expect(String(error)).toMatch(/certificate/);
    expect(stranger.requests).toHaveLength(0);
    await distrustful.close();
    await stranger.close();
  });

  test('a server that keeps the connection but goes silent is given up: before an answer, within one, and in a watch', async () => {
    here.server = await fakeServer(authority, (request, response) => {
      if (request.url?.includes('watch=1') === true) response.write(`${JSON.stringify({ type: 'ADDED', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } } })}\n`);
      else if (request.url?.includes('limit=1') === true) response.writeHead(200, { 'content-type': 'application/json' }).write('{"apiVersion"');
    });
    here.client = connectKubernetes({
      kubeconfig: here.folder.write('config', kubeconfig(clusterOf(here.server.url), { token: TOKEN })), userAgent: 'isthmus-test/1', metrics: here.metrics,
      limits: { requestMilliseconds: 1000, watchQuietMilliseconds: 1000 },
    });
    const began = performance.now();
    const seen: WatchEvent[] = [];
    const failures = await Promise.all([
      thrown(here.client.list(ConfigMap, { limit: 2 }, never)),
      thrown(here.client.list(ConfigMap, { limit: 1 }, never)),
      thrown((async () => { for await (const event of here.client.watch(ConfigMap, { resourceVersion: '1' }, never)) seen.push(event); })()),
    ]);
    for (const failure of failures) expect(failure).toBeInstanceOf(KubernetesUnreachable);
    expect(seen).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  test('cancelling ends a request at once', async () => {
    const kubernetes = await here.connect(() => {});
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const began = Date.now();
    expect(await thrown(kubernetes.list(ConfigMap, {}, abort.signal))).toMatchObject({ name: 'KubernetesUnreachable', message: 'list configmaps: cancelled' });
    expect(Date.now() - began).toBeLessThan(20_000);
  });
});

describe('credentials', () => {
  const needs = (token: () => string) => (request: Parameters<Parameters<typeof fakeServer>[1]>[0], response: ServerResponse): void => {
    if (request.headers.authorization === `Bearer ${token()}`) send(response, 200, emptyList);
    else send(response, 401, status(401, 'Unauthorized'));
  };

  test('a 401 makes us read the kubeconfig again, once', async () => {
    let token = TOKEN;
    const kubernetes = await here.connect(needs(() => token));
    await kubernetes.list(ConfigMap, {}, never);
    token = 'second-token';
    here.folder.write('config', kubeconfig(clusterOf(here.server.url), { token }));
    await kubernetes.list(ConfigMap, {}, never);
    expect(here.server.connections()).toBeLessThanOrEqual(2);
    token = 'nobody-knows';
    expect(await thrown(kubernetes.list(ConfigMap, {}, never))).toMatchObject({ code: 401, reason: 'Unauthorized' });
    expect(here.server.requests).toHaveLength(5);
  });

  test('an exec plugin runs once for many requests, and again after a 401; its output never reaches an error', async () => {
    const plugin = here.folder.write('plugin.cjs', `
      const fs = require('node:fs');
      fs.appendFileSync(${JSON.stringify(here.folder.path('runs'))}, 'x');
      const token = fs.readFileSync(${JSON.stringify(here.folder.path('token'))}, 'utf8');
      if (token === 'broken') { process.stdout.write('{"token":"${TOKEN}"'); process.stderr.write('${TOKEN}'); process.exit(0); }
      process.stdout.write(JSON.stringify({ kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1', status: { token } }));`);
    let token = TOKEN;
    here.folder.write('token', token);
    const runs = (): number => readFileSync(here.folder.path('runs'), 'utf8').length;
    const kubernetes = await here.connect(needs(() => token), { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: [plugin], interactiveMode: 'Never' } });
    await Promise.all(Array.from({ length: 10 }, () => kubernetes.list(ConfigMap, {}, never)));
    expect(runs()).toBe(1);
    token = 'second';
    here.folder.write('token', token);
    await kubernetes.list(ConfigMap, {}, never);
    expect(runs()).toBe(2);
    token = 'third';
    here.folder.write('token', 'broken');
    const error = await thrown(kubernetes.list(ConfigMap, {}, never));
    expect(error).toBeInstanceOf(KubernetesUnreachable);
    expect(JSON.stringify([String(error), (error as Error).stack])).not.toContain(TOKEN);
  });

  test('client certificates and CAs from files: replaced files are used without a restart', async () => {
    const first = authority.issue('client', 'agent-one');
    here.server = await fakeServer(authority, (_request, response) => send(response, 200, emptyList));
    here.folder.write('ca.crt', authority.certificatePem);
    here.folder.write('tls.crt', first.certificatePem);
    here.folder.write('tls.key', first.keyPem);
    here.folder.write('config', kubeconfig({ server: here.server.url, 'certificate-authority': 'ca.crt' }, { 'client-certificate': 'tls.crt', 'client-key': 'tls.key' }));
    here.client = connectKubernetes({ kubeconfig: here.folder.path('config'), userAgent: 'x', metrics: here.metrics });
    await here.client.list(ConfigMap, {}, never);
    const second = authority.issue('client', 'agent-two');
    here.folder.write('tls.crt', second.certificatePem);
    here.folder.write('tls.key', second.keyPem);
    await sleep(1100);
    await here.client.list(ConfigMap, {}, never);
    expect(here.server.requests.map((request) => request.client)).toEqual(['agent-one', 'agent-two']);

    const next = testAuthority('next');
    here.server.replace(next.issue('server', 'api'));
    await sleep(1100);
    expect(await thrown(here.client.list(ConfigMap, {}, never))).toBeInstanceOf(KubernetesUnreachable);
    here.folder.write('ca.crt', `${authority.certificatePem}\n${next.certificatePem}`);
    await sleep(1100);
    await here.client.list(ConfigMap, {}, never);
    expect(here.server.connections()).toBeGreaterThanOrEqual(3);
  });

  test('a kubeconfig that cannot be used says so in one sentence, without its content', () => {
    const open = (name: string, context?: string): unknown => {
      try {
        return connectKubernetes({ kubeconfig: here.folder.path(name), userAgent: 'x', metrics: here.metrics, ...(context === undefined ? {} : { context }) });
      } catch (error) {
        return error;
      }
    };
    expect(open('missing')).toMatchObject({ advice: 'user', message: expect.stringContaining('cannot be read (ENOENT)') as string });
    here.folder.write('broken', `users:\n- token: ${TOKEN}\n  : : [`);
    expect(open('broken')).toMatchObject({ advice: 'user', message: expect.stringContaining('is no valid kubeconfig') as string });
    expect(String(open('broken'))).not.toContain(TOKEN);
    here.folder.write('empty', 'apiVersion: v1\nkind: Config\n');
    expect(open('empty')).toMatchObject({ advice: 'user' });
    here.folder.write('good', kubeconfig({ server: 'https://127.0.0.1:1' }, {}));
    expect(open('good', 'elsewhere')).toMatchObject({ advice: 'user', message: expect.stringContaining('has no context "elsewhere"; it has main') as string });
  });
});
