import { describe, expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { DRAIN_SECONDS } from '../../../mesh/model/mesh-ids.ts';
import type { MeshPlan, Plan } from '../../../mesh/plan/plan.ts';
import { bookOf, createMeshIds, type MeshIds } from './ids.ts';
import { idsStatus, shownLedger } from './shown-ids.ts';

const DRAIN = DRAIN_SECONDS * 1000;

/** Records outlive the hub; `restart` gives one that has read nothing yet. */
function world() {
  const reports = new Map<string, string>();
  const revisions = new Map<string, string>();
  const meshes = new Map<string, MeshObject>();
  const clusters = new Map<string, ClusterObject>();
  const cacheOf = <T>(objects: Map<string, T>) => ({ list: () => [...objects.values()], get: ({ name }: { name: string }) => objects.get(name) }) as never;
  const records = {
    getReport: async (name: string) => reports.get(name), putReport: async (name: string, text: string) => { reports.set(name, text); },
    getRevision: async (id: string) => (revisions.has(id) ? { id, cluster: '', content: revisions.get(id)! } : undefined),
  };
  const restart = (isVouchedFor = true): MeshIds => createMeshIds({ isVouchedFor: () => isVouchedFor, records, meshes: cacheOf(meshes), clusters: cacheOf(clusters), assignments: { get: () => undefined } });
  const mesh = (name: string, spec: object = {}, status?: object): void => { meshes.set(name, { metadata: { name, annotations: { [CHANGED_BY]: 'ann' } }, spec, ...(status === undefined ? {} : { status }) } as unknown as MeshObject); };
  /** `peers`: what the cluster has applied. */
  const cluster = (name: string, peers: Record<string, number>, status: object = {}): void => {
    const id = `sha256-${name} ${JSON.stringify(peers)}`;
    revisions.set(id, JSON.stringify({ peering: { peers: Object.entries(peers).map(([peer, clusterId]) => ({ name: peer, clusterId })) } }));
    clusters.set(name, { metadata: { name }, status: { current: { id }, ...status } } as unknown as ClusterObject);
  };
  const plan = (ids: Record<string, number>, more: Partial<MeshPlan> = {}): Plan => ({
    meshes: [{ mesh: 'europe', members: Object.entries(ids).map(([name, clusterId]) => ({ name, clusterId, desiredId: '' })), selected: new Map(Object.entries(ids)), conflicts: [], ...more } as unknown as MeshPlan],
  }) as unknown as Plan;
  return { reports, meshes, clusters, restart, mesh, cluster, plan };
}

async function peered() {
  const parts = world();
  parts.mesh('europe');
  parts.cluster('berlin', { oslo: 2 });
  parts.cluster('oslo', { berlin: 1 });
  const ids = parts.restart();
  await ids.know();
  expect(await ids.follow(parts.plan({ berlin: 1, oslo: 2 }), 1000)).toBe(true);
  expect(await ids.follow(parts.plan({ berlin: 1, oslo: 2 }), 2000)).toBe(false);
  return { ...parts, ids };
}

describe('the book of a mesh', () => {
  test('outlives the hub, and drains go on where they were', async () => {
    const { ids, plan, cluster, restart, mesh } = await peered();
    await ids.follow(plan({ berlin: 1 }), 10_000);
    expect(bookOf(ids, 'europe').held).toEqual([{ cluster: 'oslo', id: 2, since: 10_000, quietSince: null, namedBy: ['berlin'] }]);
    cluster('berlin', {});
    await ids.follow(plan({ berlin: 1 }), 20_000);
    expect(ids.nextFreeAt()).toBe(20_000 + DRAIN);
    const after = restart();
    await after.know();
    expect(after.current()).toEqual(ids.current());
    await after.follow(plan({ berlin: 1 }), 20_000 + DRAIN);
    expect([bookOf(after, 'europe').held, after.nextFreeAt()]).toEqual([[], undefined]);
    mesh('asia');
    expect(bookOf(after, 'asia')).toEqual({ given: [], held: [], released: [] });
  });

  test('of a mesh from before there were books is what its status shows', async () => {
    const { mesh, restart } = world();
    mesh('europe', {}, { clusters: [{ name: 'berlin', clusterId: 7, desiredId: '' }, { name: 'oslo', clusterId: 0, desiredId: '' }] });
    const ids = restart();
    await ids.know();
    expect(bookOf(ids, 'europe').given).toEqual([{ cluster: 'berlin', id: 7, since: 0 }]);
  });

  test('is shown as it is', async () => {
    const { ids, plan } = await peered();
    await ids.follow(plan({ berlin: 1 }), 10_000);
    const book = bookOf(ids, 'europe');
    expect(shownLedger({ status: idsStatus(book) } as MeshObject)).toEqual({ ...book, given: [] });
    expect(idsStatus({ given: [], held: [], released: [] })).toEqual({});
  });

  test('a cluster that was cut off names nobody; one whose object is gone neither', async () => {
    const cut = await peered();
    cut.cluster('berlin', { oslo: 2 }, { revocation: {} });
    await cut.ids.follow(cut.plan({ berlin: 1 }), 10_000);
    expect(bookOf(cut.ids, 'europe').held).toMatchObject([{ quietSince: 10_000 }]);
    const gone = await peered();
    gone.clusters.delete('oslo');
    await gone.ids.follow(gone.plan({ berlin: 1 }), 10_000);
    expect(bookOf(gone.ids, 'europe').held).toMatchObject([{ cluster: 'oslo', namedBy: ['berlin'] }]);
  });

  test('a selector that cannot be read lets nobody leave; a mesh that is deleted lets all', async () => {
    const { ids, plan, meshes, reports, clusters } = await peered();
    expect(await ids.follow(plan({}, { conflicts: [{ reason: 'InvalidSelector', message: '', clusters: [] }] }), 5000)).toBe(false);
    meshes.delete('europe');
    await ids.follow({ meshes: [] } as unknown as Plan, 10_000);
    expect(bookOf(ids, 'europe').held.map(({ cluster }) => cluster)).toEqual(['berlin', 'oslo']);
    clusters.clear();
    await ids.follow({ meshes: [] } as unknown as Plan, 20_000);
    await ids.follow({ meshes: [] } as unknown as Plan, 20_000 + DRAIN);
    expect([ids.current().size, JSON.parse(reports.get('mesh-ids/europe')!)]).toEqual([0, { given: [], held: [], released: [] }]);
  });

  test('what people declare free is done once, under the name that the server vouches for', async () => {
    const { ids, plan, mesh } = await peered();
    await ids.follow(plan({ berlin: 1 }), 10_000);
    mesh('europe', { releaseIds: [{ id: 2, cluster: 'oslo', reason: 'burned down' }, { id: 9, cluster: 'rome', reason: 'never was' }] });
    expect(await ids.follow(plan({ berlin: 1 }), 20_000)).toBe(true);
    expect(bookOf(ids, 'europe')).toMatchObject({ held: [], released: [{ id: 2, cluster: 'oslo', at: 20_000, by: 'ann', reason: 'burned down' }] });
    expect(await ids.follow(plan({ berlin: 1 }), 30_000)).toBe(false);
  });

  test('where the server vouches for nobody, that is said', async () => {
    const { plan, mesh, restart, reports } = await peered();
    const unvouched = restart(false);
    await unvouched.know();
    await unvouched.follow(plan({ berlin: 1 }), 10_000);
    mesh('europe', { releaseIds: [{ id: 2, cluster: 'oslo', reason: 'burned down' }] });
    await unvouched.follow(plan({ berlin: 1 }), 20_000);
    expect(JSON.parse(reports.get('mesh-ids/europe')!)).toMatchObject({ released: [{ by: 'ann, says the Mesh' }] });
  });
});
