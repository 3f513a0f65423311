import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CiliumFacts, ClusterView } from '../model/cluster.ts';
import { parseCidr } from '../model/address.ts';
import type { DesiredState } from '../model/desired.ts';
import { NO_IDS } from '../model/mesh-ids.ts';
import type { MeshValue } from '../model/policy.ts';
import { cidrConflicts } from './cidrs.ts';
import { planMesh, type PlanInput } from './plan.ts';

const digest = (text: string): string => text.split('').reduce((hash, character) => (hash * 31n + BigInt(character.codePointAt(0)!)) % (1n << 61n), 7n).toString(16);
const numbers: Record<string, number> = { berlin: 1, oslo: 2, virginia: 3 };

function cluster(name: string, cilium: Partial<CiliumFacts> = {}, view: Partial<ClusterView> = {}): ClusterView {
  const number = numbers[name] ?? 0;
  return {
    name, labels: { region: 'europe' }, properties: [], joined: true, assignedId: null,
    report: {
      properties: {}, kubernetesVersion: '1.33.0', agentVersion: '0.1.0', nodes: { total: 1, ready: 1 }, peerAddress: '',
      cilium: {
        version: '1.18.12', clusterName: name, clusterId: number, maxConnectedClusters: 255, podCidrs: [`10.${number}.0.0/16`], namespace: 'kube-system',
        kvstoreMesh: true, authMode: 'cluster', endpoint: { ips: [`192.0.2.${number}`], port: 2379 }, ...cilium,
      },
    },
    ...view,
  };
}
const mesh = (name = 'europe', value: Partial<MeshValue> = {}): MeshValue => ({ name, generation: 1, clusters: {}, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1, ...value });
const input = (clusters: ClusterView[], value: Partial<PlanInput> = {}): PlanInput => ({
  meshes: [mesh()], clusters, failover: [], globalServices: [], trust: { trustDomain: 'example.org', sequence: 1, bundlePem: 'PEM' }, endpointOverrides: {}, ...value,
});
const plan = (clusters: ClusterView[], value: Partial<PlanInput> = {}) => planMesh(input(clusters, value), digest);
const given = (ids: Record<string, number>): Partial<PlanInput> => ({ ledgers: new Map([['europe', { ...NO_IDS, given: Object.entries(ids).map(([name, id]) => ({ cluster: name, id, since: 0 })) }]]) });
const stateOf = (content: string) => JSON.parse(content) as DesiredState;
const three = () => [cluster('virginia'), cluster('berlin'), cluster('oslo')];

test('every member peers with every other', () => {
  const { desired, meshes } = plan(three());
  expect(desired.map((revision) => revision.cluster)).toEqual(['berlin', 'oslo', 'virginia']);
  expect(stateOf(desired[0]!.content).peering).toMatchObject({
    clusterName: 'berlin', clusterId: 1, peers: [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['192.0.2.2'], port: 2379 } }, { name: 'virginia', clusterId: 3 }],
  });
  expect(meshes).toEqual([{ mesh: 'europe', waiting: [], selected: new Map([['berlin', 1], ['oslo', 2], ['virginia', 3]]), reach: expect.objectContaining({ kind: 'everything', undecided: [] }) as unknown, conflicts: [], notes: { postponed: [], warnings: [expect.objectContaining({ reason: 'HostAliasesNeeded' })] as unknown, skipped: [], idleSkips: [] }, members: desired.map(({ cluster: name, id }) => ({ name, clusterId: numbers[name], desiredId: id })) }]);
  expect(desired[0]!.id).toBe(`sha256-${digest(desired[0]!.content)}`);
});

test('the order of the input does not count', () => {
  fc.assert(fc.property(fc.shuffledSubarray(three(), { minLength: 3 }), (clusters) => { expect(plan(clusters)).toEqual(plan(three())); }));
});

test('clusters outside every mesh are asked to be un-meshed; the baseline is that for all', () => {
  const { desired, baseline } = plan(three(), { meshes: [mesh('europe', { clusters: { exclude_labels: { region: 'europe' } } })] });
  expect(desired).toEqual(baseline);
  expect(stateOf(desired[0]!.content)).toMatchObject({ mesh: null, peering: null });
});

test('a cluster whose mesh knows one user for all peers is refused by name', () => {
  const { meshes, desired } = plan([cluster('berlin'), cluster('oslo', { authMode: 'legacy' }), cluster('virginia', { authMode: 'migration' })]);
  expect(meshes[0]?.conflicts).toMatchObject([{ reason: 'AuthModeLegacy', clusters: ['oslo'], message: expect.stringContaining('clustermesh.apiserver.tls.authMode') }]);
  expect(desired).toEqual([]);
});

test('who has not joined or reported is waited for, and in nobody\'s way', () => {
  const { desired, meshes } = plan([cluster('berlin'), cluster('oslo', {}, { joined: false }), cluster('virginia', {}, { report: null })]);
  expect(meshes[0]).toMatchObject({ waiting: ['oslo', 'virginia'], conflicts: [], members: [{ name: 'berlin' }] });
  expect(desired.map((revision) => revision.cluster)).toEqual(['berlin']);
});

test('who was cut off is no part of the plan, is waited for by nobody, and is nobody\'s conflict', () => {
  const clusters = [cluster('berlin', { clusterId: 2, authMode: 'legacy' }, { revoked: true, joined: false, assignedId: 'sha256-a' }), cluster('oslo'), cluster('virginia')];
  const { desired, meshes, baseline } = plan(clusters);
  expect([desired.map((revision) => revision.cluster), baseline.map((revision) => revision.cluster)]).toEqual([['oslo', 'virginia'], ['oslo', 'virginia']]);
  expect(meshes[0]).toMatchObject({ waiting: [], conflicts: [], members: [{ name: 'oslo' }, { name: 'virginia' }] });
  for (const { content } of desired) expect(content).not.toContain('berlin');
  expect(plan([clusters[0]!]).desired).toEqual([]);
});

test('what administrators declare as endpoint wins over the report', () => {
  const { desired } = plan(three(), { endpointOverrides: { oslo: { address: 'oslo.mesh.cilium.io', port: 443 } } });
  expect(stateOf(desired[0]!.content).peering?.peers[0]?.endpoint).toEqual({ address: 'oslo.mesh.cilium.io', port: 443 });
});

test('the Secret by which a peer is read alone is named to its readers, and to nobody else', () => {
  const endpoint = { address: 'oslo.mesh.cilium.io', port: 443, tls: { secretName: 'oslo-client', trust: 'Secret' as const } };
  const { desired } = plan(three(), { endpointOverrides: { oslo: endpoint } });
  const [berlin, oslo] = desired.map(({ content }) => stateOf(content).peering?.peers ?? []);
  expect(berlin?.find(({ name }) => name === 'oslo')?.endpoint).toEqual(endpoint);
  expect([berlin?.filter(({ endpoint: { tls } }) => tls !== undefined).length, oslo?.filter(({ endpoint: { tls } }) => tls !== undefined).length]).toEqual([1, 0]);
});

describe('conflicts', () => {
  const cases: [string, string[], ClusterView[], Partial<PlanInput>, RegExp][] = [
    ['ClusterIdConflict', ['berlin', 'oslo'], [cluster('berlin'), cluster('oslo', { clusterId: 1 })], {}, /berlin and oslo: cluster-id is 1 in berlin and 1 in oslo/],
    ['ClusterIdConflict', ['oslo'], [cluster('berlin'), cluster('oslo', { clusterId: 300 })], {}, /300.*1 to 255/],
    ['CidrOverlap', ['berlin', 'oslo'], [cluster('berlin'), cluster('oslo', { podCidrs: ['fd00::/64', '10.1.128.0/17'] })], {}, /10\.1\.0\.0\/16 in berlin and 10\.1\.128\.0\/17 in oslo/],
    ['CidrOverlap', ['berlin', 'oslo'], [cluster('berlin', { podCidrs: ['fd00::/48'] }), cluster('oslo', { podCidrs: ['fd00:0:0:5::/64'] })], {}, /fd00::\/48/],
    ['CidrOverlap', ['oslo'], [cluster('oslo', { podCidrs: ['10.0.0.0'] })], {}, /no CIDR/],
    ['VersionSkew', ['berlin', 'oslo'], [cluster('berlin', { version: '1.16.19' }), cluster('oslo')], {}, /1\.16\.19 in berlin and 1\.18\.12 in oslo/],
    ['VersionSkew', ['berlin'], [cluster('berlin', { version: 'latest' })], {}, /"latest"/],
    ['MaxConnectedClustersMismatch', ['oslo'], [cluster('berlin'), cluster('oslo', { maxConnectedClusters: 511 })], {}, /511 in oslo and 255 in Mesh europe/],
    ['MissingEndpoint', ['oslo'], [cluster('berlin'), cluster('oslo', { endpoint: { address: 'a\nb: c', port: 1 } })], {}, /"a\\nb: c"/],
    ['CiliumTooOld', ['oslo'], [cluster('berlin'), cluster('oslo', { version: '1.15.19' })], {}, /1\.15\.19.*1\.16 and newer/],
    ['EndpointUncertified', ['oslo'], [cluster('berlin'), cluster('oslo', { endpoint: { address: 'lb.example.com', port: 2379 } })], {}, /"lb\.example\.com".*oslo\.mesh\.cilium\.io/],
    ['CiliumMissing', ['oslo'], [cluster('berlin'), cluster('oslo', { version: '' })], {}, /found no Cilium/],
    ['ClusterNameMismatch', ['oslo'], [cluster('oslo', { clusterName: 'default' })], {}, /"default".*"oslo"/],
    ['ClusterInTwoMeshes', ['berlin'], [cluster('berlin')], { meshes: [mesh('a'), mesh('b')] }, /a, b/],
    ['TooManyClusters', ['c255'], Array.from({ length: 256 }, (_, index) => cluster(`c${String(index).padStart(3, '0')}`, { podCidrs: [] })), {}, /1 to 255 are all taken/],
    ['InvalidSelector', [], three(), { meshes: [mesh('a', { clusters: { names: [] } })] }, /empty list/],
    ['ReportMissing', ['oslo'], [cluster('berlin'), cluster('oslo', {}, { report: null, assignedId: 'sha256-1' })], {}, /no report/],
  ];
  test.each(cases)('%s %j: said, and nothing is planned', (reason, clusters, views, value, message) => {
    const { desired, meshes } = plan(views, value);
    const found = meshes[0]!.conflicts.find((conflict) => conflict.reason === reason && conflict.clusters.join() === clusters.join());
    expect(found?.message).toMatch(message);
    expect(desired).toEqual([]);
  });

  test('of one mesh do not hold another', () => {
    const { desired, meshes } = plan([...three(), cluster('rome', { clusterId: 9, version: '' })], { meshes: [mesh('a', { clusters: { names: ['rome'] } }), mesh('b', { clusters: { exclude_labels: { region: 'nowhere' }, names: ['berlin', 'oslo', 'virginia'] } })] });
    expect(meshes.map(({ conflicts }) => conflicts.length)).toEqual([1, 0]);
    expect(desired.map((revision) => revision.cluster)).toEqual(['berlin', 'oslo', 'virginia']);
  });
});

test('a cluster more never moves the id of another, and ids are unique and in range', () => {
  const name = fc.integer({ min: 0, max: 99 }).map((number) => `c${number}`);
  const id = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 }));
  const members = fc.uniqueArray(fc.tuple(name, id), { maxLength: 12, selector: ([text]) => text });
  fc.assert(fc.property(members, (all) => {
    fc.pre(all.length > 0);
    const views = all.map(([text, clusterId]) => cluster(text, { clusterId, podCidrs: [] }));
    const before = plan(views.slice(1)).meshes[0]!;
    const after = plan(views, given(Object.fromEntries(before.members.map((member) => [member.name, member.clusterId])))).meshes[0]!;
    const afterIds = new Map(after.members.map((member) => [member.name, member.clusterId]));
    for (const member of before.members) expect(afterIds.get(member.name)).toBe(member.clusterId);
    if (after.conflicts.length === 0) {
      expect(new Set(afterIds.values()).size).toBe(afterIds.size);
      expect([...afterIds.values()].every((value) => value >= 1 && value <= 255)).toBe(true);
    }
  }));
});

test('a member that waits keeps its id', () => {
  const { meshes } = plan([cluster('a', {}, { joined: false }), cluster('b', { podCidrs: [] })], given({ a: 1 }));
  expect(meshes[0]!.members).toMatchObject([{ name: 'b', clusterId: 2 }]);
});

test('CIDR overlap agrees with comparing every pair', () => {
  const cidr = fc.oneof(
    fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 20, max: 32 })).map(([octet, length]) => `10.0.${octet % 32}.${octet}/${length}`),
    fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 100, max: 128 })).map(([group, length]) => `fd00::${group.toString(16)}:${group}/${length}`),
  );
  fc.assert(fc.property(fc.array(fc.array(cidr, { maxLength: 4 }), { maxLength: 6 }), (lists) => {
    const members = lists.map((podCidrs, index) => ({ name: `c${index}`, cilium: { ...cluster('x').report!.cilium!, podCidrs } }));
    const overlapping = new Set<string>();
    const pairs = new Set<string>();
    for (const a of members) for (const b of members) {
      if (a.name >= b.name) continue;
      for (const left of a.cilium.podCidrs.map(parseCidr)) for (const right of b.cilium.podCidrs.map(parseCidr)) {
        if (left!.family === right!.family && left!.first <= right!.last && right!.first <= left!.last) {
          overlapping.add(a.name).add(b.name);
          pairs.add(`${a.name} ${b.name}`);
        }
      }
    }
    const conflicts = cidrConflicts(members);
    expect(new Set(conflicts.flatMap((conflict) => conflict.clusters))).toEqual(overlapping);
    expect(conflicts.every((conflict) => pairs.has(conflict.clusters.join(' ')))).toBe(true);
  }), { numRuns: 500 });
});

test('each cluster keeps the bundles that runs brought to it, and the digest of the plan does not know them', () => {
  const reference = { package: 'cilium-values', version: '1.2.0', digest: 'sha256-b' };
  const [bare, kept] = [plan(three()), plan(three(), { bundles: new Map([['oslo', [reference]]]) })];
  const brought = kept.desired.map(({ content }) => stateOf(content).bundles);
  expect(brought).toEqual([undefined, [reference], undefined]);
  expect(kept.desired.map(({ id }, index) => id === bare.desired[index]?.id)).toEqual([true, false, true]);
  expect(stateOf(kept.baseline[1]!.content)).toMatchObject({ cluster: 'oslo', mesh: null, bundles: [reference] });
  expect(kept.meshes[0]?.members.map(({ desiredId }) => desiredId)).toEqual(kept.desired.map(({ id }) => id));
  expect(kept.planDigest).toBe(bare.planDigest);
  expect([...kept.plannedIds]).toEqual(bare.desired.map(({ cluster: name, id }) => [name, id]));
  const { bundles: _bundles, ...without } = stateOf(kept.desired[1]!.content);
  expect(without).toEqual(stateOf(bare.desired[1]!.content));
});

test('a topology says who reads whom: peers are whom a cluster reads, readers who reads it, where that is not the same', () => {
  const { desired, meshes } = plan(three(), { meshes: [mesh('europe', { topology: { type: 'Pairs', pairs: [{ from: 'berlin', to: 'oslo', direction: 'Both' }, { from: 'virginia', to: 'oslo', direction: 'OneWay' }] } })] });
  expect(meshes[0]?.conflicts).toEqual([]);
  expect(desired.map(({ content }) => stateOf(content).peering).map((peering) => [peering?.clusterName, peering?.peers.map(({ name }) => name), peering?.readers])).toEqual([
    ['berlin', ['oslo'], undefined], ['oslo', ['berlin'], ['berlin', 'virginia']], ['virginia', ['oslo'], []],
  ]);
});

test('what cannot be drawn keeps every member as it is', () => {
  const { desired, meshes } = plan(three(), { meshes: [mesh('europe', { topology: { type: 'HubAndSpoke', hubs: { names: ['paris'] } } })] });
  expect([desired, meshes[0]?.conflicts.map(({ reason }) => reason)]).toEqual([[], ['InvalidTopology']]);
});

test('what people go without is planned all the same, and kept with the finding', () => {
  const clusters = [cluster('berlin', { version: '1.16.19' }), cluster('oslo')];
  const skipping = (skips: MeshValue['skips']) => plan(clusters, { meshes: [mesh('europe', { skips: skips! })] });
  const { meshes, desired } = skipping([{ check: 'VersionSkew', reason: 'tested by hand' }]);
  expect(meshes[0]).toMatchObject({ conflicts: [], notes: { skipped: [{ reason: 'VersionSkew', clusters: ['berlin', 'oslo'], because: 'tested by hand' }], idleSkips: [] } });
  expect(desired).toHaveLength(2);
  expect(skipping([{ check: 'VersionSkew', clusters: ['berlin'], reason: 'x' }]).desired).toEqual([]);
});

test('a cluster that comes with an id that is held waits alone', () => {
  const ledger = { ...NO_IDS, given: [{ cluster: 'berlin', id: 1, since: 1 }], held: [{ cluster: 'paris', id: 2, since: 2, quietSince: null, namedBy: ['berlin'] }] };
  const { meshes, desired } = plan(three(), { ledgers: new Map([['europe', ledger]]) });
  expect(meshes[0]).toMatchObject({ conflicts: [], waiting: ['oslo'], notes: { postponed: [{ reason: 'ClusterIdHeld', clusters: ['oslo'] }] } });
  expect(desired.map((revision) => [revision.cluster, stateOf(revision.content).peering?.peers.map(({ name }) => name)])).toEqual([['berlin', ['virginia']], ['virginia', ['berlin']]]);
});
