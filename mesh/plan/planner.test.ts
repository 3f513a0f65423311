import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../model/canonical.ts';
import type { CiliumFacts, ClusterView, MeshEndpoint } from '../model/cluster.ts';
import type { MeshValue } from '../model/policy.ts';
import type { Topology } from '../model/topology.ts';
import { createPlanner, type Plan, type PlanInput, planMesh } from './plan.ts';

const digest = (text: string): string => text.split('').reduce((hash, character) => (hash * 31n + BigInt(character.codePointAt(0)!)) % (1n << 61n), 7n).toString(16);

function cluster(number: number, cilium: Partial<CiliumFacts> = {}, view: Partial<ClusterView> = {}): ClusterView {
  const name = `c${number}`;
  return {
    name, labels: { region: number % 2 === 0 ? 'even' : 'odd' }, properties: [], joined: true, assignedId: null,
    report: {
      properties: {}, kubernetesVersion: '1.33.0', agentVersion: '0.1.0', nodes: { total: 1, ready: 1 }, peerAddress: '',
      cilium: {
        version: '1.20.0', clusterName: name, clusterId: number + 1, maxConnectedClusters: 255, podCidrs: [`10.${number}.0.0/16`], namespace: 'kube-system',
        kvstoreMesh: true, authMode: 'cluster', endpoint: { ips: [`192.0.2.${number}`], port: 2379 }, ...cilium,
      },
    },
    ...view,
  };
}
const mesh = (name: string, value: Partial<MeshValue> = {}): MeshValue => ({ name, generation: 1, clusters: { labels: { region: name } }, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1, ...value });
const input = (value: Partial<PlanInput> = {}): PlanInput => ({
  meshes: [mesh('even'), mesh('odd')], clusters: [], failover: [], globalServices: [], trust: { trustDomain: 'example.org', sequence: 1, bundlePem: 'PEM' }, endpointOverrides: {}, ...value,
});

type Change = (before: PlanInput) => PlanInput;
const withCluster = (view: ClusterView): Change => (before) => ({ ...before, clusters: [...before.clusters.filter(({ name }) => name !== view.name), view] });
const withMesh = (value: MeshValue): Change => (before) => ({ ...before, meshes: [...before.meshes.filter(({ name }) => name !== value.name), value] });

const number = fc.integer({ min: 0, max: 7 });
const endpoint: fc.Arbitrary<MeshEndpoint> = fc.constantFrom<MeshEndpoint>({ address: 'a.example.com', port: 2379 }, { ips: ['198.51.100.1'], port: 1 }, { port: 2379 });
const cilium: fc.Arbitrary<Partial<CiliumFacts>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) }, endpoint.map((one) => ({ endpoint: one })), fc.constantFrom<Partial<CiliumFacts>>({ clusterId: 0 }, { clusterId: 3 }, { version: '1.19.1' }, { podCidrs: ['10.3.0.0/17'] }, { kvstoreMesh: false }),
);
const view: fc.Arbitrary<Partial<ClusterView>> = fc.oneof({ weight: 5, arbitrary: fc.constant({}) }, fc.constantFrom<Partial<ClusterView>>({ joined: false }, { report: null }, { revoked: true }, { assignedId: 'sha256-a' }, { labels: { region: 'even' } }, { labels: {} }));
const topology: fc.Arbitrary<Topology> = fc.constantFrom<Topology>({ type: 'FullMesh' }, { type: 'HubAndSpoke', hubs: { names: ['c0', 'c1'] } }, { type: 'Regional', groupBy: 'region', gateways: { names: ['c0', 'c1', 'c2'] } }, { type: 'Pairs', pairs: [{ from: 'c0', to: 'c2', direction: 'OneWay' }, { from: 'c2', to: 'c4', direction: 'Both' }] });
const selector = fc.constantFrom<MeshValue['clusters']>({ labels: { region: 'even' } }, { labels: { region: 'odd' } }, {}, { names: ['c1*'] }, { names: [] }, { cel: 'labels.region == "odd"' });
const rule = { name: 'x', namespace: 'shop', rules: [] } as never;

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(number, cilium, view).map(([one, facts, more]) => withCluster(cluster(one, facts, more))) },
  number.map((one): Change => (before) => ({ ...before, clusters: before.clusters.filter(({ name }) => name !== `c${one}`) })),
  fc.tuple(fc.constantFrom('even', 'odd', 'third'), selector, topology, fc.constantFrom<MeshValue['cells']>(undefined, undefined, { maxClusters: 2, region: 'region' }, { region: 'region', affinity: 'name' }), fc.constantFrom<MeshValue['skips']>(undefined, [{ check: 'EndpointUnreachable', clusters: ['c0'], reason: 'x' }], [{ check: 'CidrOverlap', reason: 'x' }]))
    .map(([name, clusters, drawn, cells, skips]) => withMesh(mesh(name, { clusters, topology: drawn, ...(cells === undefined ? {} : { cells }), ...(skips === undefined ? {} : { skips }) }))),
  fc.constantFrom('even', 'odd', 'third').map((name): Change => (before) => ({ ...before, meshes: before.meshes.filter((one) => one.name !== name) })),
  fc.tuple(number, endpoint).map(([one, address]): Change => (before) => ({ ...before, endpointOverrides: { ...before.endpointOverrides, [`c${one}`]: address } })),
  fc.constant<Change>((before) => ({ ...before, endpointOverrides: {} })),
  fc.integer({ min: 1, max: 3 }).map((sequence): Change => (before) => ({ ...before, trust: { ...before.trust, sequence } })),
  number.map((one): Change => (before) => ({ ...before, overrides: new Map([[`c${one}`, [{ object: 'Secret a/b', path: '.data.x', action: 'keep', actual: 'absent', decision: 'd' }]]]) })),
  number.map((one): Change => (before) => ({ ...before, access: new Map([[`c${one}`, [rule]]]) })),
  number.map((one): Change => (before) => ({ ...before, bundles: new Map([[`c${one}`, [{ package: 'banner', version: '1', digest: 'sha256-b' } as never]]]) })),
  fc.constant<Change>(({ overrides: _o, access: _a, bundles: _b, ...before }) => before),
  fc.tuple(fc.constantFrom('even', 'odd', 'even/1', 'even/2', 'odd/7'), number, number).map(([name, one, id]): Change => (before) => ({ ...before, ledgers: new Map([...before.ledgers ?? [], [name, { given: [{ cluster: `c${one}`, id: id + 1, since: 1 }], held: [{ cluster: 'gone', id: 9, since: 1, quietSince: null, namedBy: [] }], released: [] }]]) })),
  fc.constant<Change>((before) => ({ ...before, clusters: structuredClone(before.clusters), meshes: structuredClone(before.meshes) })),
);

test('a planner that is asked again says what one says that is asked for the first time, whatever changes come in whatever order', () => {
  fc.assert(fc.property(fc.array(change, { minLength: 1, maxLength: 25 }), (changes) => {
    const planner = createPlanner(digest);
    let present = input({ clusters: [0, 1, 2, 3, 4].map((one) => cluster(one)) });
    expect(planner(present)).toEqual(planMesh(present, digest));
    for (const one of changes) {
      present = one(present);
      expect(planner(present)).toEqual(planMesh(present, digest));
    }
  }), { numRuns: 150 });
});

test('a revision is the canonical text of its state, whatever it was put together from', () => {
  const { desired } = planMesh(input({ clusters: [0, 1, 2, 3, 4].map((one) => cluster(one)), meshes: [mesh('even'), mesh('odd', { topology: { type: 'Pairs', pairs: [{ from: 'c1', to: 'c3', direction: 'OneWay' }] } })], access: new Map([['c0', [rule]]]) }), digest);
  expect(desired).toHaveLength(5);
  for (const { id, content } of desired) {
    expect(canonicalJson(JSON.parse(content))).toBe(content);
    expect(id).toBe(`sha256-${digest(content)}`);
  }
});

test('what has not changed keeps its revision itself', () => {
  const planner = createPlanner(digest);
  const clusters = [0, 1, 2, 3, 4].map((one) => cluster(one));
  const first = planner(input({ clusters }));
  const labelled = planner(input({ clusters: clusters.map((one) => (one.name === 'c0' ? cluster(0, {}, { labels: { region: 'even', new: 'yes' } }) : one)) }));
  expect(labelled.desired).toBe(first.desired);
  const moved = planner(input({ clusters: clusters.map((one) => (one.name === 'c0' ? cluster(0, { endpoint: { address: 'new.mesh.cilium.io', port: 2379 }, serverNames: ['new.mesh.cilium.io'] }) : one)) }));
  const changed = (before: Plan, after: Plan): string[] => after.desired.filter((one, index) => one !== before.desired[index]).map(({ cluster: name }) => name);
  expect(moved.meshes.every(({ conflicts }) => conflicts.length === 0)).toBe(true);
  expect(changed(first, moved).filter((name) => name === 'c1' || name === 'c3')).toEqual([]);
  expect(changed(first, moved)).toEqual(expect.arrayContaining(['c2', 'c4']));
});
