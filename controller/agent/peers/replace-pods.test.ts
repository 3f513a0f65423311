import { expect, test } from 'vitest';
import { Deployment, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { make } from '../testing/scene.ts';
import { testWorlds } from '../testing/worlds.ts';
import { replacePods } from './replace-pods.ts';

const signal = new AbortController().signal;
const ref = { namespace: 'kube-system', name: 'clustermesh-apiserver' };
const { made } = testWorlds();
const wanted = { namespace: 'kube-system', annotations: { 'isthmus.dev/revoked': 'x' } };

test('a Deployment that is not there is not made, also where it goes while one looks', async () => {
  const world = await made();
  expect(await replacePods(world.kubernetes, wanted, signal)).toEqual({ state: 'absent' });
  const gone: Pick<KubernetesClient, 'get'> = { get: async () => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...ref, uid: 'of-before' }, spec: { replicas: 1, template: {} } }) as never };
  await expect(replacePods({ ...world.kubernetes, ...gone, patch: world.kubernetes.patch.bind(world.kubernetes) }, wanted, signal)).rejects.toThrow();
  expect(await world.kubernetes.get(Deployment, ref, signal)).toBeUndefined();
});

test('the same call again writes nothing; another annotation is added to those of ours, and each change asks for new pods', async () => {
  const world = await made();
  await make(world, Deployment, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: ref, spec: { selector: { matchLabels: { app: 'mesh' } }, template: { metadata: { labels: { app: 'mesh' } }, spec: { containers: [{ name: 'etcd', image: 'etcd' }] } } } });
  const read = () => world.kubernetes.get<WorkloadObject>(Deployment, ref, signal);
  expect(await replacePods(world.kubernetes, wanted, signal)).toMatchObject({ state: 'replacing' });
  const version = (await read())?.metadata.resourceVersion;
  expect(await replacePods(world.kubernetes, wanted, signal)).toMatchObject({ state: 'replacing' });
  expect((await read())?.metadata.resourceVersion).toBe(version);
  await replacePods(world.kubernetes, { ...wanted, annotations: { 'isthmus.dev/trusts': 'y' } }, signal);
  expect((await read())?.spec?.template?.metadata?.annotations).toEqual({ 'isthmus.dev/revoked': 'x', 'isthmus.dev/trusts': 'y' });
  const { generation = 0 } = (await read())?.metadata ?? {};
  await world.kubernetes.patch(Deployment, ref, { status: { observedGeneration: generation, replicas: 1, updatedReplicas: 1, availableReplicas: 1 } }, { type: 'merge', fieldManager: 'controller', subresource: 'status' }, signal);
  expect(await replacePods(world.kubernetes, wanted, signal)).toEqual({ state: 'replaced' });
});

test('a refusal is told with the way out; what can pass is thrown', async () => {
  const failing = (code: number, reason: 'Forbidden' | 'Conflict'): KubernetesClient => ({ get: () => Promise.reject(new KubernetesError(code, reason, 'no')) }) as unknown as KubernetesClient;
  expect(await replacePods(failing(403, 'Forbidden'), wanted, signal)).toMatchObject({ state: 'refused', message: expect.stringContaining('the chart of this agent gives that right, upgrade it') });
  await expect(replacePods(failing(409, 'Conflict'), wanted, signal)).rejects.toThrow('no');
});
