import { expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { Assignment } from '../../../mesh/model/history.ts';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { exportOf } from '../testing/bench.ts';
import { currentPlan, type PlanSources } from './current-plan.ts';
import { whatIfAnswers } from './what-if.ts';

const cilium = (name: string, id: number, value: object = {}) => ({ version: '1.20.0', clusterName: name, clusterId: id, maxConnectedClusters: 255, podCidrs: [`10.${id}.0.0/16`], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', endpoint: { ips: [`192.0.2.${id}`], port: 2379 }, ...value });
const cluster = (name: string, id: number): ClusterObject => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name, labels: { region: 'eu' } }, status: { identity: {}, agentVersion: '1', cilium: cilium(name, id) } }) as unknown as ClusterObject;
const europe = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name: 'europe' }, spec: { clusters: { labels: { region: 'eu' } }, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1 } } as unknown as MeshObject;

function world() {
  const assigned = new Map<string, Assignment>();
  const revisions = new Map<string, DesiredRevision>();
  const list = (items: readonly object[]) => ({ list: () => items, get: ({ name }: { name: string }) => items.find((item) => (item as ClusterObject).metadata.name === name), subscribe: () => undefined });
  const sources = {
    clusters: list([cluster('berlin', 1), cluster('oslo', 2)]), meshes: list([europe]), failover: list([]), globalServices: list([]), accessPolicies: list([]),
    assignments: { get: (name: string) => assigned.get(name), bundles: () => new Map(), access: () => new Map() }, trust: () => ({ trustDomain: 'x', sequence: 1, bundlePem: '' }), digest: (text: string) => `${text.length}-${text.split('').reduce((sum, character, index) => (sum + character.charCodeAt(0) * (index + 1)) % 999_983, 0)}`, ids: { current: () => new Map() }, overrides: () => new Map(),
  } as unknown as PlanSources;
  // A rest between two steps is over at once.
  const clock = { ...manualClock(0), sleepUntil: () => Promise.resolve() };
  const answers = whatIfAnswers({ clock, records: { getRevision: (id) => Promise.resolve(revisions.get(id)) }, sources, exportsOf: (name) => [{ ...exportOf(name), loadBalancerAddresses: name === 'oslo' ? ['192.0.2.9'] : [] }] });
  const assign = (): void => {
    for (const revision of currentPlan(sources).desired) { revisions.set(revision.id, revision); assigned.set(revision.cluster, { cluster: revision.cluster, desiredId: revision.id } as Assignment); }
  };
  return { assign, ask: (question: Parameters<typeof answers.plan>[0]) => answers.plan(question, { signal: new AbortController().signal }) };
}

test('without objects: the plan against what is assigned', async () => {
  const { ask, assign } = world();
  expect(await ask({})).toMatchObject({ head: { of: 2, changed: 2, restarts: 0, meshes: [{ mesh: 'europe', clusters: 2, conflictCount: 0 }] }, clusters: [{ cluster: 'berlin', peersAdded: ['oslo'] }, { cluster: 'oslo', peersAdded: ['berlin'] }] });
  assign();
  expect(await ask({})).toMatchObject({ head: { changed: 0 }, clusters: [] });
});

test('with objects: as if they were there, and nothing is kept of it', async () => {
  const { ask, assign } = world();
  assign();
  const rome = { kind: 'Cluster' as const, metadata: { name: 'rome', labels: { region: 'eu' } }, status: { cilium: cilium('rome', 3) } };
  expect(await ask({ objects: [rome] })).toMatchObject({ head: { of: 3, changed: 3 }, clusters: [{ cluster: 'berlin', peersAdded: ['rome'], peersRemoved: [] }, { cluster: 'oslo', peersAdded: ['rome'] }, { cluster: 'rome', peersAdded: ['berlin', 'oslo'] }] });
  const clash = await ask({ objects: [{ ...rome, status: { cilium: cilium('rome', 1) } }] });
  expect(clash.head?.meshes[0]?.conflicts.map(({ reason }) => reason)).toContain('ClusterIdConflict');
  const narrow = { kind: 'Mesh' as const, metadata: { name: 'europe' }, spec: { clusters: { names: ['berlin'] } } };
  expect((await ask({ objects: [narrow] })).clusters).toMatchObject([{ cluster: 'berlin', peersRemoved: ['oslo'] }, { cluster: 'oslo', mesh: null, peersRemoved: ['berlin'] }]);
  expect(await ask({})).toMatchObject({ head: { of: 2, changed: 0 } });
});

test('what crosses the cells of a divided mesh is told, and what is wrong with an object or a name', async () => {
  const { ask } = world();
  const divided = { kind: 'Mesh' as const, metadata: { name: 'europe' }, spec: { clusters: {}, cells: { region: 'name', maxClusters: 2 } } };
  const third = { kind: 'Cluster' as const, metadata: { name: 'rome' }, status: { cilium: cilium('rome', 3) } };
  const [first, second] = (await ask({ objects: [divided, third] })).head?.meshes[0]?.cells ?? [];
  expect(first).toMatchObject({ name: 'europe/1', clusters: 2, conflictCount: 0, exports: ['shop/checkout'], exportCount: 1, crossingCount: 2, shutCount: 1 });
  expect(first?.crossings?.map(({ cluster: of, reason, message }) => [of, reason, message])).toEqual([['berlin', 'NoGateway', expect.stringContaining('type LoadBalancer')], ['oslo', 'Gateway', expect.stringContaining('192.0.2.9')]]);
  expect(second).toMatchObject({ name: 'europe/2', clusters: 1, crossings: [{ cluster: 'rome', reason: 'NoGateway' }] });
  const clashes = { ...third, metadata: { name: 'rhine' }, status: { cilium: cilium('rhine', 4, { podCidrs: ['10.3.0.0/16'] }) } };
  const whole = { kind: 'Mesh' as const, metadata: { name: 'europe' }, spec: { clusters: {}, cells: { region: 'kind', maxClusters: 2 } } };
  const inPart = await ask({ objects: [whole, third, clashes] });
  expect(inPart.head?.meshes[0]?.cells?.map(({ conflictCount }) => conflictCount! > 0)).toEqual([false, true]);
  expect(inPart.clusters.map((row) => row.cluster)).toEqual(['berlin', 'oslo']);
  await expect(ask({ objects: [{ kind: 'Mesh', metadata: { name: 'x' }, spec: { clusters: {}, maxConnectedClusters: 7 } }] })).rejects.toThrow('Mesh x: spec.maxConnectedClusters');
  await expect(ask({ mesh: 'europa' })).rejects.toThrow('did you mean europe?');
});

test('where a topology does not peer everybody, what crosses between its own clusters is told', async () => {
  const { ask } = world();
  const others = [cluster('rome', 3), cluster('turin', 4)].map(({ metadata: { name }, status }) => ({ kind: 'Cluster' as const, metadata: { name, labels: { region: 'it' } }, status }));
  const told = async (topology: object, more: object = {}) => (await ask({ objects: [...others, { kind: 'Mesh', metadata: { name: 'europe' }, spec: { clusters: {}, topology, ...more } }] } as Parameters<typeof ask>[0])).head?.meshes[0];
  const apart = async (topology: object) => {
    const { notReadByAll } = await told(topology) ?? {};
    return notReadByAll === undefined ? undefined : [notReadByAll.clusters, notReadByAll.crossings.map((one) => `${one.cluster} ${one.reason}`)];
  };
  expect(await told({ type: 'HubAndSpoke', hubs: { names: ['berlin', 'rome'] } })).toMatchObject({ notReadByAll: {
    clusters: 2, exports: ['shop/checkout'], exportCount: 1, crossingCount: 2, shutCount: 1,
    crossings: [{ service: 'shop/checkout', cluster: 'turin', reason: 'NoGateway' }, { cluster: 'oslo', reason: 'Gateway', message: expect.stringContaining('192.0.2.9') as string }],
  } });
  expect(await apart({ type: 'HubAndSpoke', hubs: { names: ['berlin', 'rome', 'oslo'] } })).toBeUndefined();
  expect(await apart({ type: 'HubAndSpoke', hubs: { names: ['paris'] } })).toBeUndefined();
  // Groups of one: gateways read each other.
  expect(await apart({ type: 'Regional', groupBy: 'name', gateways: {} })).toBeUndefined();
  // berlin is read by oslo, which is in its region, and by the gateways of the other, which oslo does not read.
  expect(await apart({ type: 'Regional', groupBy: 'region', gateways: { names: ['berlin', 'rome', 'turin'] } })).toEqual([3, ['rome NoGateway', 'turin NoGateway', 'oslo Gateway']]);
  expect(await apart({ type: 'Regional', groupBy: 'region', gateways: { names: ['berlin', 'rome'] } })).toEqual([4, ['berlin NoGateway', 'rome NoGateway', 'turin NoGateway', 'oslo Gateway']]);
  expect(await apart({ type: 'Pairs', pairs: [{ from: 'berlin', to: 'oslo', direction: 'OneWay' }, ...['rome', 'turin', 'berlin'].map((from) => ({ from, to: 'oslo' }))] })).toEqual([3, ['berlin NoGateway', 'rome NoGateway', 'turin NoGateway']]);
  expect(await told({ type: 'HubAndSpoke', hubs: { names: ['berlin'] } }, { cells: { region: 'kind', maxClusters: 4 } })).toMatchObject({ cells: [{ name: 'europe/1', clusters: 4, notReadByAllCount: 3, crossingCount: 4 }] });
  expect(await told({ type: 'FullMesh' }, { cells: { region: 'kind' } })).not.toHaveProperty('cells.0.notReadByAllCount');
});

test('long answers come in pages', async () => {
  const { ask } = world();
  const first = await ask({ limit: 1 });
  expect(first.clusters.map((row) => row.cluster)).toEqual(['berlin']);
  expect((await ask({ continue: first.continue! })).clusters.map((row) => row.cluster)).toEqual(['oslo']);
});
