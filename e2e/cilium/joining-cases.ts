/** From nothing to a mesh in which a Service is known everywhere. */
import { expect, test } from 'vitest';
import { EndpointSlice } from '../../mesh/api/resources/core.ts';
import { Mesh } from '../../mesh/api/resources/index.ts';
import type { KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { ALL, EVERYBODY, othersOf, type Scene, SHOP } from './scene.ts';
import { connectedOf, PATIENCE, Service } from './world.ts';

export function joiningCases(scene: () => Scene): void {
  /** Addresses that agents of `at` know behind the Service in `of`. */
  async function backends(at: string, of: string): Promise<readonly string[]> {
    const text = await scene().member(at).pods.read(`cilium/cache/services/v1/${of}/${SHOP.namespace}/${SHOP.name}`).catch(() => '');
    return text === '' ? [] : Object.keys((JSON.parse(text) as { readonly backends?: object }).backends ?? {}).sort();
  }

  test('is rolled out in stages, and Cilium connects every pair', async () => {
    const { world, members, connected, condition } = scene();
    const begun = performance.now();
    const seconds = (): string => ((performance.now() - begun) / 1000).toFixed(1);
    await world.make(Mesh, 'europe', { clusters: {}, strategy: 'canary-first' });
    const at = await Promise.all(members.map(async (each) => {
      await expect.poll(() => connectedOf(each), PATIENCE).toEqual(othersOf(each.name));
      return `${each.name} ${seconds()} s`;
    }));
    console.log(`Mesh edit to every kvstoremesh connected: ${seconds()} s, with each cluster's first pod in it (${at.join(', ')})`);
    expect(await connected()).toEqual(EVERYBODY);
    await world.allReady();
    await expect.poll(async () => (await condition('RolledOut'))?.status, PATIENCE).toBe('True');
    expect(world.surprises).toEqual([]);
  });

  test('brings a global Service and its backends over, and every change of them', async () => {
    const { world, member } = scene();
    const endpoint = (address: string): object => ({ addresses: [address], conditions: { ready: true, serving: true, terminating: false } });
    for (const name of ALL) {
      const create = (kind: ResourceKind, object: object): Promise<KubernetesObject> => member(name).api.create(kind, object as KubernetesObject, { fieldManager: 'test' }, world.signal);
      await create(Service, { apiVersion: 'v1', kind: 'Service', metadata: { ...SHOP, annotations: { 'service.cilium.io/global': 'true' } }, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } });
      // As the controller of EndpointSlices makes it of a Service with ready pods.
      await create(EndpointSlice, {
        apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { ...SHOP, labels: { 'kubernetes.io/service-name': SHOP.name } }, addressType: 'IPv4',
        endpoints: [endpoint(`10.${10 * (ALL.indexOf(name) + 1)}.0.11`)], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      });
    }
    for (const of of ALL) for (const at of othersOf(of)) await expect.poll(() => backends(at, of), PATIENCE).toEqual([`10.${10 * (ALL.indexOf(of) + 1)}.0.11`]);
    const changed = performance.now();
    await member('berlin').api.patch(EndpointSlice, SHOP, { endpoints: [endpoint('10.10.0.13')] }, { type: 'merge', fieldManager: 'test' }, world.signal);
    for (const at of othersOf('berlin')) await expect.poll(() => backends(at, 'berlin'), PATIENCE).toEqual(['10.10.0.13']);
    console.log(`a changed backend is in both peers' caches after ${((performance.now() - changed) / 1000).toFixed(1)} s`);
  });
}
