import { expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { MeshPlanAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { exportOf } from '../testing/bench.ts';
import type { PlanSources } from './current-plan.ts';
import { whatIfAnswers } from './what-if.ts';

const CLUSTERS = 330;
const name = (index: number): string => `cluster-${String(index).padStart(3, '0')}`;
const cluster = (index: number): ClusterObject => ({
  apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name: name(index), labels: { region: 'eu' } },
  status: { identity: {}, agentVersion: '1', cilium: { version: '1.20.0', clusterName: name(index), clusterId: index + 1, maxConnectedClusters: 511, podCidrs: [`10.${index >> 8}.${index & 255}.0/24`], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', endpoint: { address: `${name(index)}.mesh.cilium.io`, port: 2379 } } },
}) as unknown as ClusterObject;
const europe = (more: object = {}) => ({ kind: 'Mesh' as const, metadata: { name: 'europe' }, spec: { clusters: { labels: { region: 'eu' } }, maxConnectedClusters: 511, strategy: 'default', allowVersionSkewMinors: 1, ...more } });

/** A hub that counts what it computes between two looks at the network. Each cluster has as many exports. */
function world(exports = 0) {
  const counted = { characters: 0, rests: 0, most: 0, lookedAt: 0, mostLookedAt: 0 };
  const ids = new Map<string, string>();
  const digest = (text: string): string => {
    counted.characters += text.length;
    const id = ids.get(text) ?? String(ids.size);
    ids.set(text, id);
    return id;
  };
  const list = (items: readonly object[]) => ({ list: () => items, get: () => undefined, subscribe: () => undefined });
  const sources = {
    clusters: list(Array.from({ length: CLUSTERS }, (_, index) => cluster(index))), meshes: list([]), failover: list([]), globalServices: list([]), accessPolicies: list([]),
    assignments: { get: () => undefined, bundles: () => new Map(), access: () => new Map() }, trust: () => ({ trustDomain: 'x', sequence: 1, bundlePem: '' }), digest, ids: { current: () => new Map() }, overrides: () => new Map(),
  } as unknown as PlanSources;
  const clock = {
    now: () => 0,
    sleepUntil: async () => {
      counted.rests += 1;
      counted.most = Math.max(counted.most, counted.characters);
      counted.characters = 0;
      counted.mostLookedAt = Math.max(counted.mostLookedAt, counted.lookedAt);
      counted.lookedAt = 0;
      await Promise.resolve();
    },
  };
  const answers = whatIfAnswers({ clock, records: { getRevision: () => Promise.resolve(undefined) }, sources, exportsOf: (of) => { counted.lookedAt += 1; return Array.from({ length: exports }, (_, index) => exportOf(of, `service-${index}`)); } });
  const ask = (mesh: object, signal: CancelSignal = new AbortController().signal): Promise<MeshPlanAnswer> => answers.plan({ objects: [mesh as MeshObject & { kind: 'Mesh' }] }, { signal });
  const rest = async ({ clusters, continue: next }: MeshPlanAnswer): Promise<MeshPlanAnswer['clusters']> =>
    (next === undefined ? clusters : [...clusters, ...await rest(await answers.plan({ continue: next }, { signal: new AbortController().signal }))]);
  return { ask, rest, counted };
}

test('a mesh of many is imagined a step at a time, and an answer that names everybody everywhere is bounded', async () => {
  const { ask, rest, counted } = world();
  const first = await ask(europe());
  expect(first.head).toMatchObject({ changed: CLUSTERS, meshes: [{ clusters: CLUSTERS, conflictCount: 0 }] });
  expect(counted.rests).toBeGreaterThan(CLUSTERS / 4);
  // One step is the work of about a millisecond.
  expect(counted.most).toBeLessThan(1_200_000);
  const clusters = await rest(first);
  expect(clusters).toHaveLength(CLUSTERS);
  expect(clusters[0]?.peersAdded).toHaveLength(CLUSTERS - 1);
  expect(clusters.at(-1)).toMatchObject({ peerCounts: { added: CLUSTERS - 1, removed: 0, changed: 0 }, peersAdded: [0, 1, 2, 3, 4, 5, 6, 7].map(name) });
});

test('what crosses is looked at a step at a time, and an answer with many cells names a share of each', async () => {
  const { ask, counted } = world(40);
  const spokes = { topology: { type: 'HubAndSpoke', hubs: { names: ['cluster-000'] } } };
  const [whole] = (await ask(europe(spokes))).head?.meshes ?? [];
  expect(whole?.notReadByAll).toMatchObject({ clusters: CLUSTERS - 1, exportCount: 40, crossingCount: 40 * (CLUSTERS - 1), shutCount: 40 * (CLUSTERS - 1) });
  expect(whole?.notReadByAll?.crossings).toHaveLength(100);
  expect(counted.mostLookedAt).toBeLessThan(15);
  const [divided] = (await ask(europe({ ...spokes, cells: { region: 'region', maxClusters: 5 } }))).head?.meshes ?? [];
  expect(divided).not.toHaveProperty('notReadByAll');
  expect(divided?.cells).toHaveLength(CLUSTERS / 5);
  expect(divided?.cells?.[0]).toMatchObject({ exportCount: 40, crossingCount: 200, shutCount: 200 });
  expect(divided?.cells?.reduce((sum, { crossings = [] }) => sum + crossings.length, 0)).toBe(7 * CLUSTERS / 5);
});

test('questions at once wait for each other, and one that is given up in the middle spoils none that follows', async () => {
  const { ask } = world();
  const given = new AbortController();
  const narrow = europe({ clusters: { names: ['cluster-00*'] } });
  const [first, left, second] = await Promise.allSettled([ask(narrow), ask(europe(), given.signal), (given.abort(), ask(narrow))]);
  expect(left).toMatchObject({ status: 'rejected' });
  expect(first).toMatchObject({ status: 'fulfilled', value: { head: { changed: 10 } } });
  expect(second).toEqual(first);
});
