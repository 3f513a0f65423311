import { describe, expect, it } from 'vitest';
import { ConfigMap, Namespace } from '../../mesh/api/resources/core.ts';
import { Cluster, ServiceExport } from '../../mesh/api/resources/index.ts';
import { cluster, configMap, me, type Open, refusal, signal, start } from './testing/api.ts';

describe('create, get, update, delete', () => {
  it('gives what the server decides', async () => {
    const { client } = start();
    const made = await client.create(ConfigMap, configMap('one', { a: '1' }), me, signal);
    expect(made.metadata.uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(made.metadata.creationTimestamp).toBe('2026-01-01T00:00:00Z');
    expect(await client.get(ConfigMap, { namespace: 'shop', name: 'one' }, signal)).toEqual(made);
    expect(await client.get(ConfigMap, { namespace: 'shop', name: 'two' }, signal)).toBeUndefined();
    expect((await refusal(client.create(ConfigMap, configMap('one'), me, signal))).reason).toBe('AlreadyExists');
  });

  it('answers 404 for a missing namespace and 422 for a bad name', async () => {
    const { client } = start();
    const missing = await refusal(client.create(ConfigMap, configMap('one', {}, 'nowhere'), me, signal));
    expect([missing.code, missing.message]).toEqual([404, 'namespaces "nowhere" not found']);
    const bad = await refusal(client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'Not_A_Label' } }, me, signal));
    expect([bad.code, bad.reason, bad.causes[0]?.field]).toEqual([422, 'Invalid', 'metadata.name']);
  });

  it('refuses a stale version, takes a fresh one, and does nothing for no change', async () => {
    const { client, api } = start();
    const made = await client.create(Cluster, cluster('berlin'), me, signal);
    const next = await client.update(Cluster, { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } }, me, signal);
    const stale = await refusal(client.update(Cluster, { ...made, metadata: { ...made.metadata, labels: { a: 'c' } } }, me, signal));
    expect([stale.code, stale.reason]).toEqual([409, 'Conflict']);
    expect(stale.message).toContain('the object has been modified');
    const version = api.resourceVersion;
    expect((await client.update(Cluster, next, me, signal)).metadata.resourceVersion).toBe(version);
    expect(api.resourceVersion).toBe(version);
  });

  it('counts generations of the spec only, and keeps status and spec apart', async () => {
    const { client } = start();
    const made = await client.create(Cluster, cluster('berlin', { status: { kubernetesVersion: 'v1.1' } }), me, signal);
    expect([made.metadata.generation, made['status']]).toEqual([1, undefined]);
    const withStatus = await client.update(Cluster, { ...made, spec: { properties: { a: 'b' } }, status: { kubernetesVersion: 'v1.36' } }, { ...me, subresource: 'status' }, signal);
    expect([withStatus.metadata.generation, withStatus['spec'], withStatus['status']]).toEqual([1, {}, { kubernetesVersion: 'v1.36' }]);
    const withSpec = await client.update(Cluster, { ...withStatus, spec: { properties: { a: 'b' } }, status: {} }, me, signal);
    expect([withSpec.metadata.generation, withSpec['status']]).toEqual([2, { kubernetesVersion: 'v1.36' }]);
  });

  it('waits for finalizers and forbids new ones', async () => {
    const { client } = start();
    await client.create(ConfigMap, { ...configMap('held'), metadata: { name: 'held', namespace: 'shop', finalizers: ['isthmus.dev/hold'] } }, me, signal);
    await client.delete(ConfigMap, { namespace: 'shop', name: 'held' }, {}, signal);
    const held = await client.get<Open>(ConfigMap, { namespace: 'shop', name: 'held' }, signal);
    expect(held?.metadata.deletionTimestamp).toBe('2026-01-01T00:00:00Z');
    const more = await refusal(client.patch(ConfigMap, { namespace: 'shop', name: 'held' }, { metadata: { finalizers: ['isthmus.dev/hold', 'isthmus.dev/more'] } }, { ...me, type: 'merge' }, signal));
    expect(more.causes[0]?.field).toBe('metadata.finalizers');
    await client.patch(ConfigMap, { namespace: 'shop', name: 'held' }, { metadata: { finalizers: null } }, { ...me, type: 'merge' }, signal);
    expect(await client.get(ConfigMap, { namespace: 'shop', name: 'held' }, signal)).toBeUndefined();
  });

  it('collects what an owner leaves behind, and empties a deleted namespace', async () => {
    const { client } = start();
    const owner = await client.create(ConfigMap, configMap('owner'), me, signal);
    await client.create(ConfigMap, { ...configMap('owned'), metadata: { name: 'owned', namespace: 'shop', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid as string }] } }, me, signal);
    await client.create(ServiceExport, { apiVersion: 'multicluster.x-k8s.io/v1beta1', kind: 'ServiceExport', metadata: { name: 'x', namespace: 'shop' } }, me, signal);
    await client.delete(ConfigMap, { namespace: 'shop', name: 'owner' }, {}, signal);
    expect(await client.get(ConfigMap, { namespace: 'shop', name: 'owned' }, signal)).toBeUndefined();
    await client.delete(Namespace, { name: 'shop' }, {}, signal);
    expect((await client.list(ServiceExport, {}, signal)).items).toEqual([]);
    expect(await client.get(Namespace, { name: 'shop' }, signal)).toBeUndefined();
  });

  it('makes names, honours preconditions and dry runs', async () => {
    const { client, api } = start();
    const made = await client.create(ConfigMap, { ...configMap(''), metadata: { name: '', generateName: 'run-', namespace: 'shop' } }, me, signal);
    expect(made.metadata.name).toMatch(/^run-[a-z0-9]{5}$/);
    const version = api.resourceVersion;
    await client.create(ConfigMap, configMap('dry'), { ...me, dryRun: true }, signal);
    expect(api.resourceVersion).toBe(version);
    expect((await refusal(client.delete(ConfigMap, { namespace: 'shop', name: made.metadata.name }, { uid: 'other' }, signal))).code).toBe(409);
  });
});
