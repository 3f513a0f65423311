import { describe, expect, it } from 'vitest';
import { Cluster, Inquiry } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Namespace, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { DiscoveredAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { CAPI_CLUSTERS, CLUSTER_PROFILES, type ClusterProfileObject, HELM_RELEASES, KUSTOMIZATIONS } from '../../../mesh/api/resources/other-inventories.ts';
import { argoSecretNames } from '../../../mesh/inventory/endpoint.ts';
import { KubernetesError, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { type Bench, createBench, scriptedAgent } from '../testing/bench.ts';
import { capiClusterDefinition, clusterProfileDefinition, helmReleaseDefinition, kustomizationDefinition, OTHER_DEFINITIONS } from './testing/definitions.ts';

const never = new AbortController().signal;
const by = { fieldManager: 'somebody' };
const [ClusterProfile] = CLUSTER_PROFILES;
const CustomResourceDefinition: ResourceKind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false };
const MINUTE = 60_000;
const OURS = 'isthmus-system';

const install = (bench: Bench, definition: KubernetesObject): Promise<unknown> => bench.kubernetes.create(CustomResourceDefinition, definition, by, never);
const profile = (bench: Bench, name: string, namespace = OURS): Promise<ClusterProfileObject | undefined> => bench.kubernetes.get<ClusterProfileObject>(ClusterProfile, { namespace, name }, never);
const make = (bench: Bench, kind: ResourceKind, namespace: string, name: string, more: object): Promise<KubernetesObject> =>
  bench.kubernetes.create(kind, { apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind, metadata: { namespace, name }, ...more } as KubernetesObject, by, never);
const foreign = (manager: string, more: object = {}): object => ({ spec: { clusterManager: { name: manager }, ...more } });

async function ask(bench: Bench, limit = 500): Promise<DiscoveredAnswer> {
  const name = `question-${bench.clock.now()}`;
  await bench.create(Inquiry, name, { discovered: { limit } });
  await bench.clock.advance(10);
  const { answer, error } = (await bench.get<InquiryObject>(Inquiry, name))?.status ?? {};
  expect(error).toBeUndefined();
  return JSON.parse(answer ?? '') as DiscoveredAnswer;
}

async function running(...definitions: readonly KubernetesObject[]): Promise<Bench> {
  const bench = await createBench();
  for (const definition of definitions) await install(bench, definition);
  await bench.startHub();
  await bench.clock.advance(100);
  return bench;
}

describe('profiles', () => {
  it('are there for each cluster within a minute of their definition, and go with their cluster', async () => {
    const bench = await running();
    await bench.join('berlin', { env: 'production', 'app.kubernetes.io/instance': 'fleet' });
    await bench.clock.advance(2 * MINUTE);
    expect(bench.log.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    await install(bench, clusterProfileDefinition);
    await bench.clock.advance(MINUTE + 100);
    const first = await profile(bench, 'berlin');
    expect(first).toMatchObject({
      metadata: { labels: { 'x-k8s.io/cluster-manager': 'isthmus', env: 'production' }, ownerReferences: [{ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', name: 'berlin', uid: (await bench.get(Cluster, 'berlin'))?.metadata.uid }] },
      spec: { displayName: 'berlin', clusterManager: { name: 'isthmus' } },
      status: { conditions: [{ type: 'ControlPlaneHealthy', status: 'Unknown', reason: 'AgentNotConnected' }] },
    });
    expect(first?.metadata.labels, 'a copied mark would make Argo CD prune it').not.toHaveProperty(['app.kubernetes.io/instance']);
    const berlin = scriptedAgent('berlin', 1);
    berlin.connect(bench);
    await bench.clock.advance(5000);
    const second = await profile(bench, 'berlin');
    expect(second?.status).toMatchObject({ version: { kubernetes: 'v1.34.0' }, conditions: [{ status: 'True', reason: 'AgentReports' }] });
    const properties = second?.status?.properties ?? [];
    expect(properties).toContainEqual({ name: 'cluster.clusterset.k8s.io', value: 'berlin' });
    expect(properties).toContainEqual({ name: 'clusterset.k8s.io', value: 'test' });
    expect(properties).toContainEqual({ name: 'topology.kubernetes.io/region', value: 'europe', lastObservedTime: expect.any(String) });
    await bench.kubernetes.delete(Cluster, { name: 'berlin' }, {}, never);
    await bench.clock.advance(100);
    expect(await profile(bench, 'berlin')).toBeUndefined();
  });

  /** Up to v0.0 of the API: whoever applies to a list owns all of it. */
  const wholeLists = JSON.parse(JSON.stringify(clusterProfileDefinition, (key, value: unknown) => (key.startsWith('x-kubernetes-list-') ? undefined : value))) as KubernetesObject;

  it.each([['lists that merge', clusterProfileDefinition], ['whole lists', wholeLists]])('of %s are not written again while nothing changes', async (_what, definition) => {
    const bench = await running(definition);
    await bench.join('berlin');
    scriptedAgent('berlin', 1).connect(bench);
    await bench.clock.advance(30_000);
    const before = (await profile(bench, 'berlin'))?.metadata.resourceVersion;
    expect(before).toBeDefined();
    await bench.clock.advance(10 * MINUTE);
    expect((await profile(bench, 'berlin'))?.metadata.resourceVersion).toBe(before);
  });

  it('of others, and what people changed in ours, are left alone, and that is said', async () => {
    const bench = await running(clusterProfileDefinition);
    const rival = await make(bench, ClusterProfile, OURS, 'oslo', foreign('rival', { displayName: 'Oslo' }));
    await bench.join('oslo');
    await bench.join('berlin');
    await bench.clock.advance(1000);
    expect((await profile(bench, 'oslo'))?.metadata.resourceVersion).toBe(rival.metadata.resourceVersion);
    await bench.kubernetes.patch(ClusterProfile, { namespace: OURS, name: 'berlin' }, { spec: { displayName: 'Capital' } }, { fieldManager: 'kubectl-edit', type: 'merge' }, never);
    await bench.clock.advance(1000);
    expect((await profile(bench, 'berlin'))?.spec?.displayName).toBe('Capital');
    const { published } = await ask(bench);
    expect(published).toMatchObject({ state: 'published', count: 1, held: [{ cluster: 'berlin', problem: expect.stringContaining('.spec.displayName was written by kubectl-edit') }, { cluster: 'oslo', problem: expect.stringContaining('is of manager "rival"') }] });
    await bench.kubernetes.delete(Cluster, { name: 'oslo' }, {}, never);
    await bench.clock.advance(1000);
    expect((await profile(bench, 'oslo'))?.metadata.resourceVersion, 'its cluster went, and it is still not ours').toBe(rival.metadata.resourceVersion);
    await bench.kubernetes.delete(ClusterProfile, { namespace: OURS, name: 'berlin' }, {}, never);
    await bench.clock.advance(1000);
    expect((await profile(bench, 'berlin'))?.spec?.displayName).toBe('berlin');
  });

  it('made by somebody else with our manager\'s name are not deleted with a cluster', async () => {
    const bench = await running(clusterProfileDefinition);
    await make(bench, ClusterProfile, OURS, 'rome', { ...foreign('isthmus'), metadata: { name: 'rome', namespace: OURS, labels: { 'x-k8s.io/cluster-manager': 'isthmus' } } });
    await bench.clock.advance(5 * MINUTE);
    expect(await profile(bench, 'rome')).toBeDefined();
  });

  it('that the server refuses are named, and tried again later', async () => {
    const bench = await running(clusterProfileDefinition);
    const patch = bench.kubernetes.patch.bind(bench.kubernetes);
    let refuse = true;
    bench.kubernetes.patch = async (kind, ref, body, options, signal) => {
      if (refuse && kind.plural === 'clusterprofiles') throw new KubernetesError(403, 'Forbidden', 'a policy forbids it');
      return patch(kind, ref, body, options, signal);
    };
    await bench.join('berlin');
    await bench.clock.advance(1000);
    expect((await ask(bench)).published.held).toEqual([{ cluster: 'berlin', problem: 'a policy forbids it' }]);
    refuse = false;
    await bench.clock.advance(6 * MINUTE);
    expect(await profile(bench, 'berlin')).toBeDefined();
    expect((await ask(bench)).published.held).toEqual([]);
  });

  it('come back with a definition that was removed and installed again', async () => {
    const bench = await running(clusterProfileDefinition);
    await bench.join('berlin');
    await bench.clock.advance(1000);
    await bench.kubernetes.delete(CustomResourceDefinition, { name: clusterProfileDefinition.metadata.name }, {}, never);
    await bench.clock.advance(2 * MINUTE);
    expect((await ask(bench)).published).toMatchObject({ state: 'absent', count: 0 });
    expect(bench.log.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    await install(bench, clusterProfileDefinition);
    await bench.clock.advance(2 * MINUTE);
    expect(await profile(bench, 'berlin')).toBeDefined();
  });

  it('that were left while no hub ran go as it comes', async () => {
    const bench = await running(clusterProfileDefinition);
    await bench.join('berlin');
    await bench.clock.advance(1000);
    await bench.stopHub();
    await bench.kubernetes.patch(ClusterProfile, { namespace: OURS, name: 'berlin' }, { metadata: { ownerReferences: null } }, { fieldManager: 'orphaning', type: 'merge' }, never);
    await bench.kubernetes.delete(Cluster, { name: 'berlin' }, {}, never);
    expect(await profile(bench, 'berlin')).toBeDefined();
    await bench.startHub();
    await bench.clock.advance(1000);
    expect(await profile(bench, 'berlin')).toBeUndefined();
  });
});

describe('discovery', () => {
  it('without any definition finds nothing and says of each source why', async () => {
    const bench = await running();
    const { clusters, sources, published } = await ask(bench);
    expect(clusters).toEqual([]);
    expect(sources.map(({ what, state }) => `${what}: ${state}`)).toEqual([
      'clusterprofiles.multicluster.x-k8s.io: absent', 'clusters.cluster.x-k8s.io: absent', 'kustomizations.kustomize.toolkit.fluxcd.io: absent', 'helmreleases.helm.toolkit.fluxcd.io: absent', 'secrets: off',
    ]);
    expect(published).toEqual({ state: 'absent', count: 0, held: [] });
    expect(bench.log.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  it('names what each source knows, and the cluster of this hub that it is', async () => {
    const bench = await running(...OTHER_DEFINITIONS);
    for (const name of ['fleet', 'flux-system']) await bench.kubernetes.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, by, never);
    await bench.join('berlin');
    await make(bench, CAPI_CLUSTERS[0], 'fleet', 'berlin', { spec: { controlPlaneEndpoint: { host: 'api.berlin.example.com', port: 6443 }, topology: { classRef: { name: 'small' }, version: 'v1.34.2' } } });
    await make(bench, CAPI_CLUSTERS[1], 'fleet', 'rome', { spec: { paused: true } });
    await make(bench, ClusterProfile, 'fleet', 'member-1', foreign('karmada', { displayName: 'Oslo' }));
    const applied = { interval: '5m', kubeConfig: { secretRef: { name: 'lima-kubeconfig' } } };
    for (const name of ['apps', 'base']) await make(bench, KUSTOMIZATIONS[0], 'flux-system', name, { spec: { ...applied, prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' } } });
    await make(bench, KUSTOMIZATIONS[0], 'flux-system', 'local', { spec: { interval: '5m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' } } });
    await make(bench, HELM_RELEASES[0], 'flux-system', 'shop', { spec: { ...applied, chartRef: { kind: 'OCIRepository', name: 'shop' }, values: { password: 'hunter2' } } });
    const answer = await ask(bench);
    expect(answer.clusters.map(({ source, name, manager, phase, kubernetesVersion, endpoint, cluster, join }) => ({ source, name, manager, phase, kubernetesVersion, endpoint, cluster: cluster === null ? null : `${cluster.name} by ${cluster.by}`, join }))).toEqual([
      { source: 'Cluster API', name: 'berlin', manager: null, phase: null, kubernetesVersion: 'v1.34.2', endpoint: 'https://api.berlin.example.com:6443', cluster: 'berlin by name', join: null },
      { source: 'Flux', name: 'lima', manager: null, phase: null, kubernetesVersion: null, endpoint: null, cluster: null, join: 'isthmus join lima' },
      { source: 'ClusterProfile', name: 'member-1', manager: 'karmada', phase: null, kubernetesVersion: null, endpoint: null, cluster: null, join: 'isthmus join member-1' },
      { source: 'Cluster API', name: 'rome', manager: null, phase: null, kubernetesVersion: null, endpoint: null, cluster: null, join: 'isthmus join rome' },
    ]);
    expect(answer.clusters.find(({ name }) => name === 'lima')?.detail).toBe('Kustomization flux-system/apps applies to it, and 2 more');
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    expect(answer.published.count, 'our own profile is no discovery').toBe(1);
    await bench.clock.advance(6000);
    expect(await ask(bench, 1)).toMatchObject({ clusters: [{ name: 'berlin' }], omitted: 3 });
  });

  it('asks for the metadata of Argo CD\'s Secrets alone, and knows a cluster by a Secret\'s name', async () => {
    const bench = await createBench();
    await bench.kubernetes.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'argocd' } }, by, never);
    const secret = (name: string, type: string): Promise<unknown> => bench.kubernetes.create<SecretObject>(Secret, {
      apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'argocd', name, labels: { 'argocd.argoproj.io/secret-type': type } }, data: { config: Buffer.from('hunter2').toString('base64') },
    }, by, never);
    await bench.join('berlin');
    const berlin = await bench.get<ClusterObject>(Cluster, 'berlin');
    await bench.kubernetes.update(Cluster, { ...berlin!, spec: { properties: { 'api-server': 'https://api.berlin.example.com:6443/' } } }, by, never);
    await secret(argoSecretNames('https://api.berlin.example.com:6443')[0] ?? '', 'cluster');
    await secret(argoSecretNames('https://kubernetes.default.svc')[0] ?? '', 'cluster');
    await secret('oslo', 'cluster');
    await secret('a-repository', 'repository');
    const asked: unknown[] = [];
    const list = bench.kubernetes.list.bind(bench.kubernetes);
    bench.kubernetes.list = async (kind, options, signal) => {
      if (kind.plural === 'secrets') asked.push(options);
      return list(kind, options, signal);
    };
    await bench.startHub(undefined, { clusterProfiles: true, discover: true, argoNamespaces: ['argocd'] });
    const { clusters, sources } = await ask(bench);
    expect(clusters.map(({ name, cluster, join }) => [name, cluster?.name ?? null, join])).toEqual([
      ['api.berlin.example.com', 'berlin', null], ['in-cluster', null, 'isthmus join in-cluster'], ['oslo', null, 'isthmus join oslo'],
    ]);
    expect(sources).toContainEqual({ source: 'Argo CD', what: 'secrets argocd', state: 'read', found: 3, message: '' });
    expect(asked).toEqual([expect.objectContaining({ namespace: 'argocd', metadataOnly: true })]);
  });

  it('says what it may not read, and what failed, and answers the rest', async () => {
    const bench = await running(capiClusterDefinition, kustomizationDefinition, helmReleaseDefinition);
    const list = bench.kubernetes.list.bind(bench.kubernetes);
    bench.kubernetes.list = async (kind, options, signal) => {
      if (kind.plural === 'kustomizations') throw new KubernetesError(403, 'Forbidden', 'forbidden');
      if (kind.plural === 'helmreleases') throw new KubernetesError(500, 'InternalError', 'etcd is away');
      return list(kind, options, signal);
    };
    await make(bench, CAPI_CLUSTERS[0], OURS, 'rome', { spec: { paused: true } });
    const { clusters, sources } = await ask(bench);
    expect(clusters).toHaveLength(1);
    expect(sources.map(({ state }) => state)).toEqual(['absent', 'read', 'forbidden', 'failed', 'off']);
    expect(sources.find(({ state }) => state === 'failed')?.message).toBe('etcd is away');
  });

  it('that is off asks for nothing', async () => {
    const bench = await createBench();
    for (const definition of OTHER_DEFINITIONS) await install(bench, definition);
    const asked = new Set<string>();
    const list = bench.kubernetes.list.bind(bench.kubernetes);
    bench.kubernetes.list = async (kind, options, signal) => {
      asked.add(kind.group);
      return list(kind, options, signal);
    };
    await bench.startHub(undefined, { clusterProfiles: false, discover: false, argoNamespaces: ['argocd'] });
    await bench.clock.advance(3 * MINUTE);
    const { sources, published } = await ask(bench);
    expect(new Set(sources.map(({ state }) => state))).toEqual(new Set(['off']));
    expect(published.state).toBe('off');
    expect([...asked].filter((group) => group.includes('x-k8s.io') || group.includes('fluxcd'))).toEqual([]);
  });
});
