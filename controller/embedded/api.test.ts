import { describe, expect, it } from 'vitest';
import { HUB_RESOURCES, MEMBER_RESOURCES } from '../../mesh/api/resources/index.ts';
import { ConfigMap, EndpointSlice, Namespace, Secret, Service } from '../../mesh/api/resources/core.ts';
import { Cluster, JoinToken, Mesh, ServiceExport } from '../../mesh/api/resources/index.ts';
import { KubernetesError, type KubernetesObject, type ResourceKind, type WatchEvent } from '../../mesh/ports/kubernetes.ts';
import { createEmbeddedApi, type EmbeddedApi } from './api.ts';
import { embeddedClient } from './client.ts';
import { memoryObjectStore } from './store.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- tests reach into objects of many kinds
type Open = KubernetesObject & Record<string, any>;
const signal = new AbortController().signal;
const me = { fieldManager: 'test' };

function start(options: { eventLogSize?: number; serviceCidrs?: readonly string[]; objects?: ReturnType<typeof memoryObjectStore> } = {}) {
  const time = { now: Date.parse('2026-01-01T00:00:00Z') };
  let seed = 1;
  const random = { bytes: (count: number) => Uint8Array.from({ length: count }, () => (seed = (seed * 48271) % 2147483647) & 255), uniform: () => 0.5 };
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: { now: () => time.now }, random, definitions: [...HUB_RESOURCES, ...MEMBER_RESOURCES], namespaces: ['shop'], ...options });
  return { api, client: embeddedClient(api), time };
}

const configMap = (name: string, data: Record<string, string> = {}, namespace = 'shop'): Open => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
const cluster = (name: string, extra: object = {}): Open => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name }, spec: {}, ...extra });

async function refusal(promise: Promise<unknown>): Promise<KubernetesError> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(KubernetesError);
  return error as KubernetesError;
}

/** Reads events until `count` came that are no bookmarks. */
async function read(api: EmbeddedApi, kind: ResourceKind, options: object, count: number): Promise<string[]> {
  const events: string[] = [];
  const cancel = new AbortController();
  for await (const event of embeddedClient(api).watch<Open>(kind, { resourceVersion: '', ...options }, cancel.signal) as AsyncIterable<WatchEvent<Open>>) {
    if (event.type !== 'BOOKMARK') events.push(`${event.type} ${event.object.metadata.name}`);
    if (events.length >= count) cancel.abort();
  }
  return events;
}

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

describe('list and watch', () => {
  it('pages a snapshot, whatever happens meanwhile', async () => {
    const { client } = start();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.create(ConfigMap, configMap(name), me, signal);
    const first = await client.list<Open>(ConfigMap, { namespace: 'shop', limit: 2 }, signal);
    await client.delete(ConfigMap, { namespace: 'shop', name: 'c' }, {}, signal);
    await client.create(ConfigMap, configMap('bb'), me, signal);
    const second = await client.list<Open>(ConfigMap, { namespace: 'shop', limit: 9, continueToken: first.continueToken as string }, signal);
    expect([...first.items, ...second.items].map((item) => item.metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect([second.continueToken, second.resourceVersion]).toEqual([undefined, first.resourceVersion]);
  });

  it('selects by labels and fields', async () => {
    const { client } = start();
    for (const [name, labels] of [['a', { tier: 'web' }], ['b', { tier: 'db', old: '1' }], ['c', {}]] as const) {
      await client.create(ConfigMap, { ...configMap(name), metadata: { name, namespace: 'shop', labels } }, me, signal);
    }
    const names = async (options: object): Promise<string[]> => (await client.list<Open>(ConfigMap, options, signal)).items.map((item) => item.metadata.name);
    expect(await names({ labelSelector: 'tier in (web, db),!old' })).toEqual(['a']);
    expect(await names({ labelSelector: 'tier!=web' })).toEqual(['b', 'c']);
    expect(await names({ fieldSelector: 'metadata.name=b' })).toEqual(['b']);
    expect((await refusal(client.list(ConfigMap, { labelSelector: 'a==b==c' }, signal))).code).toBe(400);
    expect((await refusal(client.list(ConfigMap, { fieldSelector: 'data=x' }, signal))).message).toBe('field label not supported: data');
  });

  it('watches from a version, through a selector, and answers 410 for a forgotten one', async () => {
    const { client, api } = start({ eventLogSize: 8 });
    const { resourceVersion } = await client.list(ConfigMap, {}, signal);
    await client.create(ConfigMap, { ...configMap('a'), metadata: { name: 'a', namespace: 'shop', labels: { on: 'yes' } } }, me, signal);
    await client.patch(ConfigMap, { namespace: 'shop', name: 'a' }, { data: { x: '1' } }, { ...me, type: 'merge' }, signal);
    await client.patch(ConfigMap, { namespace: 'shop', name: 'a' }, { metadata: { labels: { on: 'no' } } }, { ...me, type: 'merge' }, signal);
    expect(await read(api, ConfigMap, { resourceVersion, labelSelector: 'on=yes' }, 3)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    for (let index = 0; index < 20; index += 1) await client.create(ConfigMap, configMap(`n${index}`), me, signal);
    const error = await refusal(read(api, ConfigMap, { resourceVersion }, 1));
    expect([error.code, error.reason]).toEqual([410, 'Expired']);
  });

  it('tells a quiet watcher the version now and then', async () => {
    const { client, api } = start();
    const cancel = new AbortController();
    const events = client.watch(Secret, { resourceVersion: api.resourceVersion }, cancel.signal)[Symbol.asyncIterator]();
    const next = events.next();
    for (let index = 0; index < 70; index += 1) await client.create(ConfigMap, configMap(`n${index}`), me, signal);
    expect((await next).value).toMatchObject({ type: 'BOOKMARK' });
    cancel.abort();
    expect((await events.next()).done).toBe(true);
    expect(api.watcherCount).toBe(0);
  });
});

describe('server-side apply', () => {
  const ref = { namespace: 'shop', name: 'peers' };
  const secret = (data: Record<string, string>): Open => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'peers', namespace: 'shop' }, data });

  it('lets two managers own different keys, and names the field where they clash', async () => {
    const { client } = start();
    const apply = (data: Record<string, string>, fieldManager: string, force = false) => client.patch<Open>(Secret, ref, secret(data), { type: 'apply', fieldManager, force }, signal);
    await apply({ oslo: 'YQ==', virginia: 'YQ==' }, 'isthmus-agent');
    await client.patch(Secret, ref, { data: { oslo: 'Yg==', mine: 'Yw==' } }, { type: 'merge', fieldManager: 'kubectl-edit' }, signal);
    const clash = await refusal(apply({ oslo: 'YQ==', virginia: 'YQ==' }, 'isthmus-agent'));
    expect([clash.code, clash.message]).toEqual([409, 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.oslo']);
    expect(clash.causes).toEqual([{ reason: 'FieldManagerConflict', field: '.data.oslo', message: 'conflict with "kubectl-edit" using v1' }]);
    const forced = await apply({ oslo: 'YQ==' }, 'isthmus-agent', true);
    expect(forced['data']).toEqual({ oslo: 'YQ==', mine: 'Yw==' });
    expect(forced.metadata.managedFields?.map((entry) => [entry.manager, entry.operation, entry.fieldsV1])).toEqual([
      ['isthmus-agent', 'Apply', { 'f:data': { 'f:oslo': {} } }],
      ['kubectl-edit', 'Update', { 'f:data': { 'f:mine': {} } }],
    ]);
  });

  it('writes nothing when nothing changes', async () => {
    const { client, api, time } = start();
    await client.patch(Secret, ref, secret({ a: 'YQ==' }), { type: 'apply', fieldManager: 'm' }, signal);
    const version = api.resourceVersion;
    time.now += 60_000;
    await client.patch(Secret, ref, secret({ a: 'YQ==' }), { type: 'apply', fieldManager: 'm' }, signal);
    expect(api.resourceVersion).toBe(version);
  });

  it('merges conditions by type, per manager, on the status subresource', async () => {
    const { client } = start();
    await client.create(Cluster, cluster('berlin'), me, signal);
    const condition = (type: string) => ({ type, status: 'True', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' });
    const apply = (types: string[], fieldManager: string) => client.patch<Open>(Cluster, { name: 'berlin' }, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name: 'berlin' }, status: { conditions: types.map(condition) } }, { type: 'apply', fieldManager, subresource: 'status' }, signal);
    await apply(['Ready', 'Joined'], 'one');
    await apply(['InSync'], 'two');
    expect((await apply(['Joined'], 'one'))['status'].conditions.map((item: { type: string }) => item.type)).toEqual(['Joined', 'InSync']);
  });
});

describe('schemas', () => {
  it('defaults, prunes, refuses and judges', async () => {
    const { client } = start();
    const mesh = (spec: object): Open => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name: 'm' }, spec });
    const made = await client.create(Mesh, mesh({ clusters: { names: ['*'], nonsense: 1 } }), me, signal);
    expect(made['spec']).toEqual({ clusters: { names: ['*'] }, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1 });
    const bad = await refusal(client.create(Mesh, { ...mesh({ maxConnectedClusters: 300, allowVersionSkewMinors: 'x' }), metadata: { name: 'n' } }, me, signal));
    expect(bad.causes.map((cause) => [cause.reason, cause.field])).toEqual([
      ['FieldValueRequired', 'spec.clusters'], ['FieldValueNotSupported', 'spec.maxConnectedClusters'], ['FieldValueTypeInvalid', 'spec.allowVersionSkewMinors'],
    ]);
    const frozen = await refusal(client.update(Mesh, { ...made, spec: { ...made['spec'], maxConnectedClusters: 511 } }, me, signal));
    expect(frozen.message).toContain('cannot change');
  });

  it('runs transition rules of the whole object', async () => {
    const { client } = start();
    const spec = { cluster: 'berlin', secretSha256: 'a'.repeat(64), expiresAt: '2026-01-01T00:00:00Z' };
    const made = await client.create<Open>(JoinToken, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'JoinToken', metadata: { name: 't' }, spec }, me, signal);
    expect((await refusal(client.update(JoinToken, { ...made, spec: { ...spec, cluster: 'oslo' } }, me, signal))).message).toContain('make a new one');
    await client.update(JoinToken, { ...made, status: { redeemedAt: '2026-01-01T00:00:01Z' } }, { ...me, subresource: 'status' }, signal);
    expect((await refusal(client.update(JoinToken, { ...made, status: { redeemedAt: '2026-01-01T00:00:02Z' } }, { ...me, subresource: 'status' }, signal))).code).toBe(409);
  });

  it('serves both versions of a kind with the same fields', async () => {
    const { client } = start();
    const old = { ...ServiceExport, version: 'v1alpha1' };
    const made = await client.create(old, { apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind: 'ServiceExport', metadata: { name: 'checkout', namespace: 'shop' } }, me, signal);
    expect(made.apiVersion).toBe('multicluster.x-k8s.io/v1alpha1');
    expect((await client.get(ServiceExport, { namespace: 'shop', name: 'checkout' }, signal))?.apiVersion).toBe('multicluster.x-k8s.io/v1beta1');
  });
});

describe('built-in kinds', () => {
  it('gives cluster IPs of each family, once', async () => {
    const { client } = start({ serviceCidrs: ['10.7.0.0/24', 'fd00:7::/112'] });
    const service = (name: string, spec: object = {}): Open => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { ports: [{ port: 80 }], ...spec } });
    const one = await client.create(Service, service('one'), me, signal);
    const two = await client.create(Service, service('two', { ipFamilyPolicy: 'PreferDualStack' }), me, signal);
    expect([one['spec'].clusterIP, two['spec'].clusterIPs, two['spec'].ipFamilies]).toEqual(['10.7.0.2', ['10.7.0.3', 'fd00:7::2'], ['IPv4', 'IPv6']]);
    expect(one['spec'].ports).toEqual([{ port: 80, protocol: 'TCP', targetPort: 80 }]);
    const headless = await client.create(Service, service('three', { clusterIP: 'None' }), me, signal);
    expect(headless['spec'].clusterIPs).toEqual(['None']);
    expect((await refusal(client.create(Service, service('four', { clusterIP: '10.7.0.2' }), me, signal))).code).toBe(422);
    const applied = await client.patch<Open>(Service, { namespace: 'shop', name: 'five' }, service('five'), { type: 'apply', fieldManager: 'm' }, signal);
    const again = await client.patch<Open>(Service, { namespace: 'shop', name: 'five' }, service('five', { ports: [{ port: 81 }] }), { type: 'apply', fieldManager: 'm' }, signal);
    expect([again['spec'].clusterIP, again['spec'].ports]).toEqual([applied['spec'].clusterIP, [{ port: 81, protocol: 'TCP', targetPort: 81 }]]);
  });

  it('takes stringData, keeps Secrets out of errors, refuses loopback endpoints', async () => {
    const { client } = start();
    const made = await client.create<Open>(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'shop' }, stringData: { a: 'hello' } } as Open, me, signal);
    expect([made['data'], made['type'], made['stringData']]).toEqual([{ a: 'aGVsbG8=' }, 'Opaque', undefined]);
    const bad = await refusal(client.create<Open>(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 't', namespace: 'shop' }, data: { a: 'not base64!' } } as Open, me, signal));
    expect(bad.message).not.toContain('not base64!');
    const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'e', namespace: 'shop' }, addressType: 'IPv4', endpoints: [{ addresses: ['127.0.0.1'] }] } as Open;
    expect((await refusal(client.create(EndpointSlice, slice, me, signal))).message).toContain('loopback');
  });
});

describe('store', () => {
  it('goes on counting after a restart', async () => {
    const objects = memoryObjectStore();
    const first = start({ objects });
    const made = await first.client.create(ConfigMap, configMap('a', { k: 'v' }), me, signal);
    first.api.close();
    const second = start({ objects });
    expect(await second.client.get(ConfigMap, { namespace: 'shop', name: 'a' }, signal)).toEqual(made);
    expect(Number((await second.client.create(ConfigMap, configMap('b'), me, signal)).metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    expect((await refusal(read(second.api, ConfigMap, { resourceVersion: '1' }, 1))).code).toBe(410);
  });

  it('changes nothing that it cannot store', async () => {
    const objects = memoryObjectStore();
    let full = false;
    const { client, api } = start({ objects: { ...objects, commit: (...write) => { if (full) throw new Error('disk full'); objects.commit(...write); } } });
    const version = api.resourceVersion;
    full = true;
    await expect(client.create(ConfigMap, configMap('a'), me, signal)).rejects.toThrow('disk full');
    expect([api.resourceVersion, await client.get(ConfigMap, { namespace: 'shop', name: 'a' }, signal)]).toEqual([version, undefined]);
    full = false;
    await client.create(ConfigMap, configMap('a'), me, signal);
  });
});

it('gives the same bytes for the same clock and random', async () => {
  const run = async (): Promise<string> => {
    const { client } = start();
    await client.create(ConfigMap, configMap('a'), me, signal);
    await client.patch(Secret, { namespace: 'shop', name: 's' }, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { z: '', a: '' } }, { type: 'apply', fieldManager: 'm' }, signal);
    return JSON.stringify([await client.list(ConfigMap, {}, signal), await client.list(Secret, {}, signal)]);
  };
  expect(await run()).toBe(await run());
});
