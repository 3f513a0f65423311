/** Other inventories on a real kube-apiserver, with the rights of the hub's chart alone, and on the embedded API; on definitions in our words and on the projects' own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { createEmbeddedApi } from '../../../controller/embedded/api.ts';
import { embeddedClient, inProcess } from '../../../controller/embedded/client.ts';
import { memoryObjectStore } from '../../../controller/embedded/store.ts';
import { installGuards } from '../../../controller/hub/gates/guards.ts';
import type { InventoryConfig } from '../../../controller/hub/ports.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { DiscoveredAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { hubAccount } from '../../../mesh/api/resources/guards.ts';
import { apiVersionOf, Cluster, HUB_RESOURCES, Inquiry } from '../../../mesh/api/resources/index.ts';
import { CAPI_CLUSTERS, CLUSTER_PROFILES, type ClusterProfileObject, HELM_RELEASES, KUSTOMIZATIONS } from '../../../mesh/api/resources/other-inventories.ts';
import { argoSecretNames } from '../../../mesh/inventory/endpoint.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { findHelm } from '../../charts/helm.ts';
import { CustomResourceDefinition, missingAssets } from '../apiserver.ts';
import { missingControllerManager, startControllerManager } from '../controller-manager.ts';
import { grantsOf, grantText, unusedGrants } from '../grants.ts';
import { type RestrictedApi, startRestricted } from '../restricted.ts';
import { prepareUpstream } from '../upstream/prepare.ts';
import { type DefinitionSet, inOurWords, ofTheProjects } from './definitions.ts';
import { type RunningHub, startHub } from './hub.ts';

const never = new AbortController().signal;
const by = { fieldManager: 'somebody' };
const OURS = 'isthmus-system';
const [ClusterProfile] = CLUSTER_PROFILES;
const Application: ResourceKind = { group: 'argoproj.io', version: 'v1alpha1', kind: 'Application', plural: 'applications', namespaced: true };
const ENDPOINT = 'https://api.berlin.example.com:6443';
const INVENTORY: InventoryConfig = { clusterProfiles: true, discover: true, argoNamespaces: ['argocd'] };
const PATIENCE = 30_000;

interface Place { readonly admin: KubernetesClient; readonly hubs: KubernetesClient }

const make = (client: KubernetesClient, kind: ResourceKind, namespace: string | undefined, name: string, more: object): Promise<KubernetesObject> =>
  client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, ...more } as KubernetesObject, by, never);
const profileOf = (client: KubernetesClient, name: string): Promise<ClusterProfileObject | undefined> => client.get<ClusterProfileObject>(ClusterProfile, { namespace: OURS, name }, never);

async function ask(client: KubernetesClient): Promise<DiscoveredAnswer> {
  const { metadata: { name } } = await client.create<InquiryObject>(Inquiry, { apiVersion: apiVersionOf(Inquiry), kind: 'Inquiry', metadata: { name: '', generateName: 'others-' }, spec: { discovered: { limit: 500 } } }, by, never);
  const status = await eventually('an answer', PATIENCE, async () => (await client.get<InquiryObject>(Inquiry, { name }, never))?.status);
  expect(status.error).toBeUndefined();
  return JSON.parse(status.answer ?? '') as DiscoveredAnswer;
}

/** What a person would do with the definitions of all four projects. */
function cases(place: () => Place, { definitions }: DefinitionSet): void {
  let hub: RunningHub;
  const withApplication = definitions.some(({ metadata: { name } }) => name === 'applications.argoproj.io');
  const admin = (): KubernetesClient => place().admin;
  const listed = (kind: ResourceKind): Promise<number> => admin().list(kind, {}, never).then(({ items }) => items.length);
  /** All objects of others, with their versions and who wrote them. */
  async function foreign(): Promise<readonly string[]> {
    const kinds = [ClusterProfile, CAPI_CLUSTERS[0], KUSTOMIZATIONS[0], HELM_RELEASES[0], Secret, ...(withApplication ? [Application] : [])];
    const lists = await Promise.all(kinds.map((kind) => admin().list(kind, {}, never)));
    return lists.flatMap(({ items }) => items).filter(({ metadata: { namespace } }) => namespace === 'fleet' || namespace === 'argocd')
      .map(({ kind, metadata: { name, resourceVersion, managedFields = [] } }) => `${kind} ${name} ${resourceVersion} ${managedFields.map(({ manager }) => manager).join(' ')}`);
  }
  const warnings = (): readonly string[] => hub.log.lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ message, fields }) => `${message} ${JSON.stringify(fields)}`);
  beforeAll(async () => { hub = await startHub(place().hubs, INVENTORY); });
  afterAll(async () => { await hub?.stop(); });

  test('without any of their definitions nothing is wrong', async () => {
    await make(admin(), Cluster, undefined, 'berlin', { spec: { properties: { 'api-server': ENDPOINT } } });
    expect((await ask(admin())).sources.map(({ what, state }) => `${what} ${state}`)).toEqual([
      'clusterprofiles.multicluster.x-k8s.io absent', 'clusters.cluster.x-k8s.io absent', 'secrets argocd read', 'kustomizations.kustomize.toolkit.fluxcd.io absent', 'helmreleases.helm.toolkit.fluxcd.io absent',
    ]);
    expect(warnings()).toEqual([]);
  });

  test('a definition that is installed brings a ClusterProfile for each cluster', async () => {
    for (const definition of definitions) await admin().create(CustomResourceDefinition, definition, by, never);
    for (const kind of [...CLUSTER_PROFILES.slice(0, 1), ...CAPI_CLUSTERS, ...KUSTOMIZATIONS, ...HELM_RELEASES]) await eventually(`${apiVersionOf(kind)} is served`, PATIENCE, async () => await listed(kind) >= 0);
    const profile = await eventually('a ClusterProfile of berlin with a status', PATIENCE, async () => {
      const now = await profileOf(admin(), 'berlin');
      return now?.status?.conditions === undefined ? undefined : now;
    });
    expect(profile).toMatchObject({
      metadata: { labels: { 'x-k8s.io/cluster-manager': 'isthmus' }, ownerReferences: [{ kind: 'Cluster', name: 'berlin' }] },
      spec: { displayName: 'berlin', clusterManager: { name: 'isthmus' } },
      status: { conditions: [{ type: 'ControlPlaneHealthy', status: 'Unknown', reason: 'NotJoined' }] },
    });
    expect(profile.status?.properties).toEqual(expect.arrayContaining([{ name: 'cluster.clusterset.k8s.io', value: 'berlin' }, { name: 'clusterset.k8s.io', value: 'fleet.example' }, { name: 'isthmus.dev/api-server', value: ENDPOINT }]));
  });

  test('it follows its Cluster, and is not written when there is nothing new', async () => {
    const before = (await profileOf(admin(), 'berlin'))?.metadata.resourceVersion;
    await admin().patch(Cluster, { name: 'berlin' }, { metadata: { labels: { env: 'production' } } }, { ...by, type: 'merge' }, never);
    const after = await eventually('the label', PATIENCE, async () => {
      const now = await profileOf(admin(), 'berlin');
      return now?.metadata.labels?.['env'] === 'production' ? now : undefined;
    });
    expect(after.metadata.resourceVersion).not.toBe(before);
    await new Promise((resolve) => { setTimeout(resolve, 3000); });
    expect((await profileOf(admin(), 'berlin'))?.metadata.resourceVersion).toBe(after.metadata.resourceVersion);
  });

  test('the server itself keeps profiles of other managers from us, and the hub leaves them and people\'s changes alone', async () => {
    const rival = await make(admin(), ClusterProfile, OURS, 'oslo', { spec: { displayName: 'Oslo', clusterManager: { name: 'rival' } } });
    const taken = await admin().patch(ClusterProfile, { namespace: OURS, name: 'oslo' }, { apiVersion: rival.apiVersion, kind: rival.kind, spec: { clusterManager: { name: 'isthmus' } } }, { fieldManager: 'isthmus-hub', type: 'apply', force: true }, never).then(() => undefined, (error: unknown) => error);
    expect(taken).toMatchObject({ code: 422, message: expect.stringContaining('ClusterManager is immutable') });
    await make(admin(), Cluster, undefined, 'oslo', { spec: {} });
    await admin().patch(ClusterProfile, { namespace: OURS, name: 'berlin' }, { spec: { displayName: 'Capital' } }, { fieldManager: 'kubectl-edit', type: 'merge' }, never);
    const { published } = await eventually('both are held', PATIENCE, async () => {
      const answer = await ask(admin());
      return answer.published.held.length === 2 ? answer : undefined;
    });
    expect(published).toMatchObject({ state: 'published', held: [{ cluster: 'berlin', problem: expect.stringContaining('.spec.displayName was written by kubectl-edit') }, { cluster: 'oslo', problem: expect.stringContaining('"rival"') }] });
    expect((await profileOf(admin(), 'berlin'))?.spec?.displayName).toBe('Capital');
    expect((await profileOf(admin(), 'oslo'))?.metadata.resourceVersion).toBe(rival.metadata.resourceVersion);
    await admin().delete(ClusterProfile, { namespace: OURS, name: 'berlin' }, {}, never);
    await eventually('it is written anew', PATIENCE, async () => (await profileOf(admin(), 'berlin'))?.spec?.displayName === 'berlin');
  });

  test('what the four know is told, with the cluster that it is', async () => {
    const objects: readonly (readonly [ResourceKind, string, string, object])[] = [
      [CAPI_CLUSTERS[0], 'fleet', 'berlin', { spec: { controlPlaneEndpoint: { host: 'api.berlin.example.com', port: 6443 }, topology: { classRef: { name: 'small' }, version: 'v1.34.2' } } }],
      [CAPI_CLUSTERS[1], 'fleet', 'rome', { spec: { paused: true, topology: { class: 'small', version: 'v1.33.0' } } }],
      [ClusterProfile, 'fleet', 'member-1', { spec: { clusterManager: { name: 'karmada' } } }],
      [KUSTOMIZATIONS[0], 'fleet', 'apps', { spec: { interval: '5m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' }, kubeConfig: { secretRef: { name: 'lima-kubeconfig' } } } }],
      [KUSTOMIZATIONS[0], 'fleet', 'local', { spec: { interval: '5m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' } } }],
      [HELM_RELEASES[0], 'fleet', 'shop', { spec: { interval: '5m', chartRef: { kind: 'OCIRepository', name: 'shop' }, values: { password: 'hunter2' }, kubeConfig: { configMapRef: { name: 'quito' } } } }],
    ];
    for (const [kind, namespace, name, more] of objects) await make(admin(), kind, namespace, name, more);
    const rome = await admin().get(CAPI_CLUSTERS[1], { namespace: 'fleet', name: 'rome' }, never);
    await admin().update(CAPI_CLUSTERS[1], { ...rome, status: { phase: 'Provisioning' } } as unknown as KubernetesObject, { ...by, subresource: 'status' }, never);
    const member = await admin().get<ClusterProfileObject>(ClusterProfile, { namespace: 'fleet', name: 'member-1' }, never);
    const lastTransitionTime = new Date(0).toISOString();
    await admin().update<ClusterProfileObject>(ClusterProfile, {
      ...member!, status: {
        version: { kubernetes: 'v1.32.1' }, conditions: [{ type: 'ControlPlaneHealthy', status: 'True', reason: 'Probed', message: '', lastTransitionTime }],
        accessProviders: [{ name: 'kubeconfig', cluster: { server: 'https://member-1.example.com' } }], properties: [{ name: 'clusterset.k8s.io/cluster-id', value: 'member-1' }],
      },
    }, { ...by, subresource: 'status' }, never);
    for (const [name, type] of [[argoSecretNames(ENDPOINT)[0] ?? '', 'cluster'], ['quito', 'cluster'], ['repository', 'repository']] as const) {
      await admin().create<SecretObject>(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'argocd', name, labels: { 'argocd.argoproj.io/secret-type': type } }, data: { config: Buffer.from('hunter2').toString('base64') } }, by, never);
    }
    if (withApplication) {
      await make(admin(), Application, 'argocd', 'shop', { spec: { project: 'default', destination: { name: 'quito', namespace: 'shop' }, source: { repoURL: 'https://git.example.com/shop.git', path: 'deploy' } } });
    }
    const before = await foreign();
    const answer = await eventually('everything is found', PATIENCE, async () => {
      const now = await ask(admin());
      return now.clusters.length >= 8 ? now : undefined;
    });
    expect(answer.clusters.map(({ source, name, manager, kubernetesVersion, phase, cluster, join }) => [source, name, manager, kubernetesVersion, phase, cluster === null ? null : `${cluster.name} by ${cluster.by}`, join])).toEqual([
      ['Argo CD', 'api.berlin.example.com', null, null, null, 'berlin by endpoint', 'isthmus join berlin'],
      ['Cluster API', 'berlin', null, 'v1.34.2', null, 'berlin by endpoint', `isthmus join berlin --property 'api-server=${ENDPOINT}'`],
      ['Flux', 'lima', null, null, null, null, 'isthmus join lima'],
      ['ClusterProfile', 'member-1', 'karmada', 'v1.32.1', 'Healthy', null, "isthmus join member-1 --property 'api-server=https://member-1.example.com'"],
      ['ClusterProfile', 'oslo', 'rival', null, null, 'oslo by name', 'isthmus join oslo'],
      ['Argo CD', 'quito', null, null, null, null, 'isthmus join quito'],
      ['Flux', 'quito', null, null, null, null, 'isthmus join quito'],
      ['Cluster API', 'rome', null, 'v1.33.0', 'Provisioning', null, 'isthmus join rome'],
    ]);
    expect(answer.sources.map(({ what, state, found }) => `${what} ${state} ${found}`)).toEqual([
      'clusterprofiles.multicluster.x-k8s.io read 2', 'clusters.cluster.x-k8s.io read 2', 'secrets argocd read 2', 'kustomizations.kustomize.toolkit.fluxcd.io read 1', 'helmreleases.helm.toolkit.fluxcd.io read 1',
    ]);
    expect(JSON.stringify(answer) + JSON.stringify(hub.log.lines)).not.toMatch(/hunter2|aHVudGVyMg/);
    // What is recognised is left alone.
    expect(before.length).toBeGreaterThanOrEqual(9);
    expect(await foreign()).toEqual(before);
  });

  test('a server that still has only the older version of Cluster API is read, too', async () => {
    const name = 'clusters.cluster.x-k8s.io';
    const { spec } = await admin().get(CustomResourceDefinition, { name }, never) as unknown as { readonly spec: { readonly versions: readonly { readonly name: string }[] } };
    const index = spec.versions.findIndex((version) => version.name === 'v1beta2');
    await admin().patch(CustomResourceDefinition, { name }, [{ op: 'replace', path: `/spec/versions/${index}/served`, value: false }], { ...by, type: 'json' }, never);
    await eventually('v1beta2 is not served', PATIENCE, () => listed(CAPI_CLUSTERS[0]).then(() => false, () => true));
    const found = await eventually('v1beta1 is read', PATIENCE, async () => {
      const { sources, clusters } = await ask(admin());
      return sources.some(({ what, state, found: count }) => what === name && state === 'read' && count === 2) ? clusters : undefined;
    });
    expect(found.filter(({ source }) => source === 'Cluster API').map((one) => [one.name, one.kubernetesVersion])).toEqual([['berlin', 'v1.34.2'], ['rome', 'v1.33.0']]);
  });

  test('a ClusterProfile goes with its Cluster, by the hub', async () => {
    await admin().patch(ClusterProfile, { namespace: OURS, name: 'berlin' }, { metadata: { ownerReferences: null } }, { fieldManager: 'test', type: 'merge' }, never);
    await admin().delete(Cluster, { name: 'berlin' }, {}, never);
    await eventually('it is gone', PATIENCE, async () => await profileOf(admin(), 'berlin') === undefined);
    await admin().delete(Cluster, { name: 'oslo' }, {}, never);
    expect(await profileOf(admin(), 'oslo')).toBeDefined();
  });

  test('a definition that is removed ends it without complaint, and one that comes back brings it back', async () => {
    await make(admin(), Cluster, undefined, 'lima', { spec: {} });
    await eventually('the profile of lima', PATIENCE, async () => await profileOf(admin(), 'lima') !== undefined);
    const definition = definitions[0]!;
    await admin().delete(CustomResourceDefinition, { name: definition.metadata.name }, {}, never);
    await eventually('the hub has noticed', PATIENCE, async () => (await ask(admin())).published.state === 'absent');
    await eventually('the definition is gone', PATIENCE, async () => await admin().get(CustomResourceDefinition, { name: definition.metadata.name }, never) === undefined);
    await admin().create(CustomResourceDefinition, definition, by, never);
    await eventually('the profile of lima is back', PATIENCE, async () => await profileOf(admin(), 'lima') !== undefined);
    // A cache that loses its kind says so until the hub has asked again.
    expect(warnings().filter((line) => !/^still interrupted.*404|^its ClusterProfile is left alone .*"(berlin|oslo)"/.test(line))).toEqual([]);
  });

  test('without a hub the API server\'s garbage collector removes what its Cluster leaves', async () => {
    await eventually('an owner', PATIENCE, async () => (await profileOf(admin(), 'lima'))?.metadata.ownerReferences?.length === 1);
    await hub.stop();
    await admin().delete(Cluster, { name: 'lima' }, {}, never);
    await eventually('it is gone', PATIENCE, async () => await profileOf(admin(), 'lima') === undefined);
  });
}

const unpublished = await prepareUpstream();
const sets: readonly DefinitionSet[] = unpublished === undefined ? [inOurWords, ofTheProjects()] : [inOurWords];
if (unpublished !== undefined) {
  console.log(`other inventories are not tried on the projects' definitions: ${unpublished}`);
  describe('other inventories, the projects\' definitions', () => { test.skip('could not be made here', () => undefined); });
}

describe.each(sets)('other inventories on the embedded API, $origin', (set) => {
  let place: Place;
  beforeAll(async () => {
    const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: systemRandom, definitions: HUB_RESOURCES, namespaces: [OURS, 'argocd', 'fleet'], serviceCidrs: [] });
    place = { admin: embeddedClient(api), hubs: embeddedClient(api, inProcess(hubAccount(OURS))) };
    await installGuards(place.hubs, never);
  });
  cases(() => place, set);
});

const helm = findHelm() ?? '';
const missing = missingAssets() ?? missingControllerManager() ?? (helm === '' ? 'helm, which renders the chart\'s roles, is neither in KUBEBUILDER_ASSETS nor on PATH' : undefined);
if (missing !== undefined) console.log(`other inventories are not tried on a real kube-apiserver: ${missing}`);

describe.skipIf(missing !== undefined).each(sets)('other inventories on kube-apiserver, $origin', (set) => {
  let place: Place;
  let restricted: RestrictedApi;
  let finish: () => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    restricted = await startRestricted({
      helm, chart: 'isthmus-hub', namespaces: ['argocd', 'fleet'],
      values: ['--set', 'gateway.advertise=hub.example.com:8443', '--set', 'inventory.discover=true', '--set', 'inventory.argocdNamespaces={argocd}'],
    });
    const manager = await startControllerManager(restricted.server);
    const [admin, hubs] = [restricted.admin, restricted.restricted].map((kubeconfig) => connectKubernetes({ kubeconfig, userAgent: 'isthmus-others', metrics: fakeMetrics() }));
    place = { admin: admin!, hubs: hubs! };
    finish = async () => {
      await Promise.all([admin?.close(), hubs?.close()]);
      await manager.stop();
      await restricted.stop();
    };
  });
  afterAll(() => finish());
  cases(() => place, set);

  test('of the rights to other inventories each was used, nothing was refused, and no Secret of Argo CD was asked for by name', () => {
    const requests = restricted.audit.read();
    // An apply to a kind whose definition is ending is a 403 of the server's own; that this right was used is proven below.
    const ownRefusal = ({ verb, resource, name }: (typeof requests)[number]): boolean => verb === 'patch' && resource === 'clusterprofiles' && name === 'lima';
    expect(requests.filter((request) => (request.status === 401 || request.status === 403) && !ownRefusal(request)).map(({ verb, resource, namespace }) => `${verb} ${resource} ${namespace}`)).toEqual([]);
    const grants = grantsOf(restricted.objects).filter(({ group, resource, namespace }) => /x-k8s\.io|fluxcd/.test(group) || (resource === 'secrets' && namespace === 'argocd'));
    expect(grants).toHaveLength(12);
    expect(unusedGrants(grants, requests).map(grantText)).toEqual([]);
    expect(new Set(requests.filter(({ resource, namespace }) => resource === 'secrets' && namespace === 'argocd').map(({ verb }) => verb))).toEqual(new Set(['list']));
  });
});
