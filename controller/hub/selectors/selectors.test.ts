/** Selectors in a whole hub: what they choose, and where it is said that they mean nothing. */
import { expect, test } from 'vitest';
import { ExportPolicy, Mesh, type ResourceDefinition, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { ExportPolicyObject } from '../../../mesh/api/resources/policies.ts';
import type { UpdateRunObject, UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import type { ExportVerdict } from '../../../mesh/model/service.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { type Bench, createBench, exportOf, scriptedAgent } from '../testing/bench.ts';

interface Conditioned extends KubernetesObject { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[] | undefined } }
const condition = async <T extends Conditioned>(bench: Bench, kind: ResourceDefinition, name: string, type: string) => (await bench.get<T>(kind, name))?.status?.conditions?.find((one) => one.type === type);
const membersOf = async (bench: Bench, name: string): Promise<string[] | undefined> => (await bench.get<MeshObject>(Mesh, name))?.status?.clusters?.map((cluster) => cluster.name);

async function fleet(): Promise<{ readonly bench: Bench; readonly agents: readonly ReturnType<typeof scriptedAgent>[] }> {
  const bench = await createBench();
  await bench.join('berlin', { env: 'production', region: 'eu-central-1', team: 'payments' });
  await bench.join('oslo', { env: 'production', region: 'eu-north-1', team: 'web' });
  await bench.join('paris', { env: 'production', region: 'eu-west-3' });
  await bench.join('virginia', { env: 'production', region: 'us-east-1', team: 'web' });
  await bench.startHub();
  const agents = ['berlin', 'oslo', 'paris', 'virginia'].map((name, index) => scriptedAgent(name, index + 1));
  for (const agent of agents) agent.connect(bench);
  await bench.clock.advance(2000);
  return { bench, agents };
}

test.each<[string, object, string[]]>([
  ['globs and what is left out', { labels: { env: 'production', region: 'eu-*' }, exclude_labels: { team: ['payments', 'trading'] } }, ['oslo', 'paris']],
  ['expressions over labels and what agents report', { match_expressions: [{ key: 'team', operator: 'Exists' }, { key: 'cilium-version', operator: 'Ge', values: ['1.18'] }, { key: 'kubernetes-version', operator: 'Lt', values: ['1.34.1'] }] }, ['berlin', 'oslo', 'virginia']],
  ['CEL over labels and facts', { cel: 'labels.region.startsWith("eu-") && facts["cluster-id"] >= 2 && semver(facts["kubernetes-version"]).isGreaterThan("1.33.9")' }, ['oslo', 'paris']],
  ['what is true of a cluster just now chooses nothing', { labels: { ready: 'true' } }, []],
])('a mesh of %s', async (_, clusters, members) => {
  const { bench } = await fleet();
  await bench.create(Mesh, 'chosen', { clusters, strategy: 'default' });
  await bench.clock.advance(1000);
  expect(await membersOf(bench, 'chosen')).toEqual(members);
});

test('a mesh says which clusters its selector cannot judge', async () => {
  const { bench } = await fleet();
  await bench.create(Mesh, 'web', { clusters: { cel: 'labels.team == "web"' }, strategy: 'default' });
  await bench.clock.advance(1000);
  expect(await membersOf(bench, 'web')).toEqual(['oslo', 'virginia']);
  expect(await condition<MeshObject>(bench, Mesh, 'web', 'Planned')).toMatchObject({ status: 'True', message: expect.stringMatching(/; 2 of 4 clusters match; left out, for it cannot be said: paris \(cel: .*team.*\)$/) });
});

test('a selector that means nothing changes no mesh, rolls nothing out, allows nothing, and each says so', async () => {
  const { bench, agents } = await fleet();
  await bench.create(UpdateStrategy, 'broken', { stages: [{ name: 'canary', clusters: { cel: 'labels.all(a, labels.all(b, a == b))' } }] });
  await bench.create(ExportPolicy, 'broken', { clusters: { cel: 'label.team == "web"' }, namespaces: ['*'] });
  await bench.create(Mesh, 'europe', { clusters: { labels: { region: 'eu-*' } }, strategy: 'broken' });
  agents[1]!.publisher.set('ExportFact', 'shop/checkout', exportOf('oslo'));
  await bench.clock.advance(120_000);

  expect(await bench.list(UpdateRun)).toEqual([]);
  expect(await condition<MeshObject>(bench, Mesh, 'europe', 'RolledOut')).toMatchObject({ status: 'False', reason: 'StrategyInvalid', message: expect.stringContaining('UpdateStrategy broken: stage canary: clusters: cel: has all, exists, map or filter within another') });
  expect(await condition<UpdateStrategyObject>(bench, UpdateStrategy, 'broken', 'Valid')).toMatchObject({ status: 'False', reason: 'InvalidSelector', message: expect.stringContaining('spec.stages: stage canary: clusters: cel:') });
  expect(await condition<UpdateStrategyObject>(bench, UpdateStrategy, 'default', 'Valid')).toBeUndefined();
  expect(await condition<ExportPolicyObject>(bench, ExportPolicy, 'broken', 'Valid')).toMatchObject({ status: 'False', message: expect.stringContaining('spec.clusters: cel: names "label"; known are cluster, labels, properties, facts') });
  expect(agents[1]!.value<ExportVerdict>('ExportVerdict', 'shop/checkout')).toMatchObject({ valid: false, message: expect.stringContaining('ExportPolicy broken allows nothing, for its spec.clusters: cel: names "label"') });

  const policy = (await bench.get<ExportPolicyObject>(ExportPolicy, 'broken'))!;
  await bench.kubernetes.update(ExportPolicy, { ...policy, spec: { ...policy.spec, clusters: { cel: 'labels.team == "web"' } } }, { fieldManager: 'test' }, new AbortController().signal);
  await bench.clock.advance(2000);
  expect(await condition<ExportPolicyObject>(bench, ExportPolicy, 'broken', 'Valid')).toMatchObject({ status: 'True' });
  expect(agents[1]!.value<ExportVerdict>('ExportVerdict', 'shop/checkout')).toMatchObject({ valid: true });

  await bench.create(UpdateRun, 'by-hand', { strategy: { name: 'broken', stages: [{ name: 'canary', clusters: { names: [] }, maxConcurrency: 1, soakSeconds: 0 }], progressDeadlineSeconds: 60 }, planDigest: 'x', reason: 'test', requestedBy: 'test' });
  await bench.clock.advance(20_000);
  expect((await bench.get<UpdateRunObject>(UpdateRun, 'by-hand'))?.status).toMatchObject({ phase: 'Failed', message: expect.stringContaining('nothing is changed: spec.strategy: stage canary: clusters: names: is an empty list') });
});
