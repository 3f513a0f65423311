/** What a real server says of a version that etcd has compacted away, and how the cache gets over it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { createCache } from '../../../controller/runtime/cache.ts';
import { fakeMetrics, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { type ApiServer, missingAssets, startApiServer } from '../apiserver.ts';
import { by, never } from './calls.ts';

const missing = missingAssets();
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);

describe.skipIf(missing !== undefined)('a compacted version', () => {
  let server: ApiServer | undefined;
  let client: ConnectedKubernetes;
  // Without the watch cache, watches are etcd's own, and so is their horizon.
  beforeAll(async () => {
    server = await startApiServer({ flags: ['--watch-cache=false'] });
    client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-contract', metrics: fakeMetrics() });
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  const write = async (name: string): Promise<string> => {
    const made = await client.create<ConfigMapObject>(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', labels: { here: 'yes' } } }, by, never);
    return made.metadata.resourceVersion!;
  };
  const compact = async (revision: string): Promise<void> => {
    const answer = await fetch(`${server!.etcdUrl}/v3/kv/compaction`, { method: 'POST', body: JSON.stringify({ revision, physical: true }) });
    expect(answer.status).toBe(200);
  };

  test('is 410 Expired, and the cache lists again', async () => {
    const old = await write('before');
    await write('between');
    const abort = new AbortController();
    const versions: string[] = [];
    // Whatever the first list was, its watch breaks, and goes on from too long ago.
    const startingLate = {
      ...client,
      async *watch(...[kind, options, signal]: Parameters<typeof client.watch>) {
        versions.push(options.resourceVersion);
        const streams = options.sendInitialEvents === true;
        const from = streams || versions.length > 2 ? options : { ...options, resourceVersion: old };
        for await (const event of client.watch<ConfigMapObject>(kind, from, signal)) {
          yield event;
          if (versions.length === 1 && event.type === 'BOOKMARK' && event.initialEventsEnd === true) return;
        }
      },
    } as ConnectedKubernetes;
    await compact(await write('after'));
    const error: unknown = await (async () => {
      for await (const event of client.watch(ConfigMap, { resourceVersion: old }, never)) return event;
      return 'ended';
    })().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KubernetesError);
    expect(error).toMatchObject({ code: 410, reason: 'Expired' });

    const metrics = fakeMetrics();
    const cache = createCache(startingLate, ConfigMap, { namespace: 'default', labelSelector: 'here=yes' }, { clock: systemClock, random: systemRandom, log: silentLog, metrics });
    const running = cache.start(abort.signal);
    for (let attempt = 0; attempt < 100 && metrics.value('isthmus_cache_lists_total', { kind: 'ConfigMap' }) < 2; attempt++) await sleep(50);
    await write('later');
    for (let attempt = 0; attempt < 100 && cache.list().length < 4; attempt++) await sleep(50);
    abort.abort();
    await running;
    expect(metrics.value('isthmus_cache_failures_total', { kind: 'ConfigMap', reason: 'Expired' })).toBe(1);
    expect(cache.list().map((object) => object.metadata.name)).toEqual(['after', 'before', 'between', 'later']);
  });

  test('ends a list of it and the pages that began with it; a token in the refusal goes on with what there is now', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) await write(name);
    const listed = { namespace: 'default', fieldSelector: 'metadata.name!=kube-root-ca.crt', labelSelector: 'here=yes', limit: 2 };
    const first = await client.list(ConfigMap, listed, never);
    await write('page-d');
    await compact(await write('page-e'));
    const exact: unknown = await client.list(ConfigMap, { ...listed, resourceVersion: first.resourceVersion, resourceVersionMatch: 'Exact' }, never).catch((thrown: unknown) => thrown);
    expect(exact).toMatchObject({ code: 410, reason: 'Expired', message: expect.stringMatching(/The resourceVersion for the provided list is too old\.$/) as string });
    const agent = new Agent({ connect: { ca: server!.certificateAuthorityPem } });
    const get = async (token: string): Promise<{ readonly statusCode: number; readonly body: ExpiredPage }> => {
      const { statusCode, body } = await request(`${server!.url}/api/v1/namespaces/default/configmaps?labelSelector=here%3Dyes&limit=50&continue=${encodeURIComponent(token)}`, { dispatcher: agent, headers: { authorization: `Bearer ${server!.adminToken}` } });
      return { statusCode, body: await body.json() as ExpiredPage };
    };
    const expired = await get(first.continueToken!);
    expect([expired.statusCode, expired.body.reason, expired.body.message]).toEqual([410, 'Expired', expect.stringMatching(/^The provided continue parameter is too old to display a consistent list result\. /)]);
    const rest = await get(expired.body.metadata.continue!);
    await agent.close();
    expect(rest.body.items?.map((item) => item.metadata.name).slice(-5)).toEqual(['page-a', 'page-b', 'page-c', 'page-d', 'page-e']);
  });
});

interface ExpiredPage { readonly reason?: string; readonly message?: string; readonly metadata: { readonly continue?: string }; readonly items?: readonly { readonly metadata: { readonly name: string } }[] }
