/** Every generated CustomResourceDefinition is accepted and established by a real kube-apiserver, and its schema is structural. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { HUB_RESOURCES, MEMBER_RESOURCES } from '../../mesh/api/resources/index.ts';
import { crdOf } from '../../mesh/api/schema/crd.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { type ApiServer, CustomResourceDefinition, missingAssets, startApiServer } from './apiserver.ts';

interface Established extends KubernetesObject { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[] } }

const missing = missingAssets();
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);

describe.skipIf(missing !== undefined)('custom resource definitions on a real kube-apiserver', () => {
  const signal = new AbortController().signal;
  let server: ApiServer;
  let client: ConnectedKubernetes;
  beforeAll(async () => {
    server = await startApiServer();
    client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  it.each([...HUB_RESOURCES, ...MEMBER_RESOURCES].map((definition) => [definition.kind, definition] as const))('%s', async (_kind, definition) => {
    const crd = crdOf(definition) as KubernetesObject;
    await client.create(CustomResourceDefinition, crd, { fieldManager: 'test' }, signal);
    const conditionsNow = async (): Promise<string[]> => {
      const now = await client.get<Established>(CustomResourceDefinition, { name: crd.metadata.name }, signal);
      return (now?.status?.conditions ?? []).map((condition) => `${condition.type}=${condition.status}`);
    };
    await expect.poll(conditionsNow, { timeout: 75_000 }).toContain('Established=True');
    expect(await conditionsNow()).not.toContain('NonStructuralSchema=True');
    for (const version of [definition.version, ...definition.alsoServed ?? []]) {
      await expect.poll(() => client.list({ ...definition, version }, {}, signal).then((list) => list.items.length, () => undefined), { timeout: 75_000 }).toBe(0);
    }
  });
});
