/**
 * A Mesh of three clusters with Cilium's own programs in each, from nothing: rolled out in stages, every pair connected, a global Service brought over, access gained and lost.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../controller/demo/eventually.ts';
import { EndpointSlice } from '../../mesh/api/resources/core.ts';
import { type MeshObject, Mesh, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { connectedOf, type Member, MEMBERS, missingWorld, PATIENCE, Service, startWorld, type World } from './world.ts';

const missing = missingWorld();
if (missing !== undefined) console.log(`no Mesh is made of Cilium's own programs: ${missing}`);

const SHOP = { namespace: 'shop', name: 'checkout' };
const ALL = MEMBERS.map(({ name }) => name).sort();
const othersOf = (name: string): readonly string[] => ALL.filter((each) => each !== name);

describe.skipIf(missing !== undefined)('a Mesh of three clusters', () => {
  let world: World;
  let members: readonly Member[];
  const member = (name: string): Member => members.find((each) => each.name === name)!;
  const mesh = async (): Promise<MeshObject | undefined> => world.hub.client.get<MeshObject>(Mesh, { name: 'europe' }, world.signal);
  const connected = async (): Promise<Readonly<Record<string, readonly string[]>>> => Object.fromEntries(await Promise.all(members.map(async (each) => [each.name, await connectedOf(each)] as const)));
  const everybody = Object.fromEntries(ALL.map((name) => [name, othersOf(name)]));
  const create = (at: Member, kind: ResourceKind, object: object): Promise<KubernetesObject> => at.api.create(kind, object as KubernetesObject, { fieldManager: 'test' }, world.signal);
  /** As the controller of EndpointSlices makes it of a Service with ready pods. */
  const slice = (addresses: readonly string[]): object => ({
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { ...SHOP, labels: { 'kubernetes.io/service-name': SHOP.name } }, addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true, serving: true, terminating: false } })), ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  });
  /** Addresses that agents of `at` know behind the Service in `of`. */
  async function backends(at: string, of: string): Promise<readonly string[]> {
    const text = await member(at).pods.read(`cilium/cache/services/v1/${of}/${SHOP.namespace}/${SHOP.name}`).catch(() => '');
    return text === '' ? [] : Object.keys((JSON.parse(text) as { readonly backends?: object }).backends ?? {}).sort();
  }

  beforeAll(async () => {
    world = await startWorld(MEMBERS);
    ({ members } = world);
    await world.make(UpdateStrategy, 'canary-first', { stages: [{ name: 'canary', clusters: { labels: { stage: 'canary' } } }, { name: 'rest', clusters: {}, maxConcurrency: '100%' }], progressDeadlineSeconds: 60 });
    await eventually('every agent has told of its cluster', PATIENCE.timeout, async () => (await Promise.all(ALL.map((name) => world.ready(name)))).every((reason) => reason !== undefined));
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    const { stdout, stderr } = await world.outcome('run', 'status');
    console.log([JSON.stringify((await mesh())?.status), stdout, stderr, world.lastLines()].join('\n'));
  });
  afterAll(async () => { await world?.stop(); });

  test('is rolled out in stages, and Cilium connects every pair', async () => {
    const begun = performance.now();
    await world.make(Mesh, 'europe', { clusters: {}, strategy: 'canary-first' });
    const at: Record<string, string> = {};
    for (const one of members) void expect.poll(() => connectedOf(one), PATIENCE).toEqual(othersOf(one.name)).then(() => { at[one.name] = ((performance.now() - begun) / 1000).toFixed(1); }, () => {});
    await expect.poll(connected, PATIENCE).toEqual(everybody);
    const all = performance.now() - begun;
    await world.allReady();
    console.log(`Mesh edit to every kvstoremesh connected: ${(all / 1000).toFixed(1)} s (${ALL.map((name) => `${name} ${at[name]} s`).join(', ')})`);
    await expect.poll(async () => (await mesh())?.status?.conditions?.find(({ type }) => type === 'RolledOut')?.status, PATIENCE).toBe('True');
    expect(world.surprises).toEqual([]);
  });

  test('brings a global Service and its backends over, and every change of them', async () => {
    const berlin = member('berlin');
    await create(berlin, Service, { apiVersion: 'v1', kind: 'Service', metadata: { ...SHOP, annotations: { 'service.cilium.io/global': 'true' } }, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } });
    await create(berlin, EndpointSlice, slice(['10.10.0.11', '10.10.0.12']));
    for (const at of othersOf('berlin')) await expect.poll(() => backends(at, 'berlin'), PATIENCE).toEqual(['10.10.0.11', '10.10.0.12']);
    const changed = performance.now();
    await berlin.api.patch(EndpointSlice, SHOP, { endpoints: [{ addresses: ['10.10.0.13'], conditions: { ready: true, serving: true, terminating: false } }] }, { type: 'merge', fieldManager: 'test' }, world.signal);
    for (const at of othersOf('berlin')) await expect.poll(() => backends(at, 'berlin'), PATIENCE).toEqual(['10.10.0.13']);
    console.log(`a changed backend is in both peers' caches after ${((performance.now() - changed) / 1000).toFixed(1)} s`);
  });

  test('and nothing was asked for that the chart does not grant', () => {
    expect(world.refused()).toEqual([]);
    expect(world.surprises).toEqual([]);
  });
});
