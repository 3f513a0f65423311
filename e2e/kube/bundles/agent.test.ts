/** Bundles on a real kube-apiserver with the projects' own definitions, by an agent that has the rights of its chart alone and what the cluster's owner added. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { createBundles } from '../../../controller/agent/bundles/bundles.ts';
import { Job } from '../../../controller/agent/bundles/hook.ts';
import type { AgentConfig, AgentPorts } from '../../../controller/agent/ports.ts';
import { type AgentState, createState } from '../../../controller/agent/state/state.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { fakeMetrics, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { ConfigMap, type ConfigMapObject, Deployment } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf } from '../../../mesh/api/resources/index.ts';
import { CAPI_CLUSTERS, HELM_RELEASES } from '../../../mesh/api/resources/other-inventories.ts';
import { bundleText, textDigest } from '../../../mesh/bundle/digest.ts';
import { configMap, content, manifest } from '../../../mesh/bundle/testing/contents.ts';
import type { BundleContent, BundlePart } from '../../../mesh/model/bundle.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { DesiredState, DriftOverride } from '../../../mesh/model/desired.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { findHelm } from '../../charts/helm.ts';
import { CustomResourceDefinition, missingAssets } from '../apiserver.ts';
import { missingControllerManager, startControllerManager } from '../controller-manager.ts';
import { inOurWords, ofTheProjects } from '../others/definitions.ts';
import { type RestrictedApi, startRestricted } from '../restricted.ts';
import { prepareUpstream } from '../upstream/prepare.ts';
import { applicationDefinition } from './application.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? missingControllerManager() ?? (helm === '' ? 'helm is not there' : undefined);
if (missing !== undefined) console.log(`bundles are not tried on a real kube-apiserver: ${missing}`);

const never = new AbortController().signal;
const PATIENCE = 30_000;
const HelmRelease = HELM_RELEASES[0];
const CapiCluster = CAPI_CLUSTERS[0];
const Application: ResourceKind = { group: 'argoproj.io', version: 'v1alpha1', kind: 'Application', plural: 'applications', namespaced: true };
const RULES = [
  { apiGroups: [''], resources: ['configmaps', 'secrets', 'services'], verbs: ['get', 'create', 'patch', 'delete'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'create', 'patch', 'delete'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'create', 'delete'] },
  { apiGroups: ['helm.toolkit.fluxcd.io'], resources: ['helmreleases'], verbs: ['get', 'patch'] },
  { apiGroups: ['argoproj.io'], resources: ['applications'], verbs: ['get', 'patch'] },
  { apiGroups: ['cluster.x-k8s.io'], resources: ['clusters'], verbs: ['get', 'patch'] },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get', 'create', 'patch', 'delete'] },
  { apiGroups: ['example.org'], resources: ['widgets'], verbs: ['get', 'create', 'patch', 'delete'] },
];

const app = (image = 'shop:1', replicas: unknown = 1) => ({
  ...manifest('Deployment', 'shop', 'shop', 'apps/v1'),
  spec: { replicas, selector: { matchLabels: { app: 'shop' } }, template: { metadata: { labels: { app: 'shop' } }, spec: { containers: [{ name: 'shop', image, resources: { requests: { cpu: '1000m' } } }] } } },
});
const hook: BundlePart = { name: 'hook', hook: { job: { ...manifest('Job', 'migrate', 'shop', 'batch/v1'), spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'migrate:1' }] } } } }, timeoutSeconds: 60 } };
const widget = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.org' },
  spec: { group: 'example.org', scope: 'Namespaced', names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } } } }] },
};

describe.skipIf(missing !== undefined)('bundles on a real kube-apiserver', () => {
  let api: RestrictedApi;
  let admin: ConnectedKubernetes;
  let agents: ConnectedKubernetes;
  let controllers: { stop(): Promise<void> } | undefined;
  let state: AgentState;
  let running: { readonly stop: AbortController; readonly ended: Promise<void>; readonly bundles: ReturnType<typeof createBundles> } | undefined;
  let generation = 0;

  beforeAll(async () => {
    const problem = await prepareUpstream();
    if (problem !== undefined) console.log(`bundles are tried on definitions in our words: ${problem}`);
    const published = (problem === undefined ? ofTheProjects() : inOurWords).definitions;
    const definitions = published.some(({ metadata: { name } }) => name === applicationDefinition.metadata.name) ? published : [...published, applicationDefinition];
    api = await startRestricted({ helm, chart: 'isthmus-agent', values: ['--set', 'cluster.name=berlin', '--set', 'hub.address=hub.example.com:8443', '--set-json', `bundles.rules=${JSON.stringify(RULES)}`], namespaces: ['shop', 'argocd', 'fleet'] });
    controllers = await startControllerManager(api.server);
    admin = connectKubernetes({ kubeconfig: api.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    agents = connectKubernetes({ kubeconfig: api.restricted ?? '', userAgent: 'isthmus-agent', metrics: fakeMetrics() });
    for (const definition of definitions) if (!/multicluster/.test(definition.metadata.name)) await admin.create(CustomResourceDefinition, definition, { fieldManager: 'test' }, never);
    await eventually('definitions are served', PATIENCE, async () => (await admin.kindsOf(apiVersionOf(HelmRelease), never)) !== undefined && (await admin.kindsOf(apiVersionOf(CapiCluster), never)) !== undefined);
  });
  afterAll(async () => {
    await stop();
    await agents?.close();
    await admin?.close();
    await controllers?.stop();
    await api?.stop();
  });

  function start(): void {
    state = createState('berlin', sha256Hex);
    const stopping = new AbortController();
    const ports = { clock: systemClock, random: systemRandom, kubernetes: agents, discovery: agents, log: silentLog, metrics: fakeMetrics(), digest: sha256Hex } as unknown as AgentPorts;
    const bundles = createBundles({ ports, state, config: { namespace: 'isthmus-system', version: '0.1.0', deployment: 'isthmus-agent' } as AgentConfig });
    running = { stop: stopping, bundles, ended: bundles.start(stopping.signal) };
  }
  async function stop(): Promise<void> {
    running?.stop.abort();
    await running?.ended;
    running = undefined;
  }
  function assign(...given: readonly (BundleContent | DriftOverride)[]): void {
    const contents = given.filter((one) => 'package' in one);
    const overrides = given.filter((one) => 'decision' in one);
    generation += 1;
    const deliveries = contents.map((one) => ({ digest: textDigest(bundleText(one), sha256Hex), content: bundleText(one), signatures: [] }));
    const bundles = contents.map(({ package: name, version }, index) => ({ package: name, version, digest: deliveries[index]!.digest }));
    const desired = { schema: 1, cluster: 'berlin', mesh: null, peering: null, trust: { trustDomain: 'example.org', sequence: 1, bundlePem: '' }, failover: [], globalServices: [], ...(bundles.length === 0 ? {} : { bundles }), ...(overrides.length === 0 ? {} : { overrides }) } satisfies DesiredState;
    const text = canonicalJson(desired);
    expect(state.receive('Bundle', deliveries.map((value) => ({ name: value.digest, version: '1', value })), [])).toBe('');
    expect(state.receive('DesiredRevision', [{ name: 'berlin', version: String(generation), value: { id: `sha256-${sha256Hex(text)}`, cluster: 'berlin', content: text, generation } }], [])).toBe('');
  }
  const settled = (): Promise<unknown> => eventually('the packages are in place', PATIENCE, async () => running?.bundles.outcome().settled === true).catch((error: unknown) => { throw new Error(`${String(error)}: ${running?.bundles.outcome().message}`); });
  const says = (text: string): Promise<unknown> => eventually(`the agent says "${text}"`, PATIENCE, async () => running?.bundles.outcome().message.includes(text)).catch((error: unknown) => { throw new Error(`${String(error)}, but "${running?.bundles.outcome().message}"`); });
  const read = <T extends KubernetesObject = KubernetesObject>(kind: ResourceKind, namespace: string, name: string): Promise<T | undefined> => admin.get<T>(kind, { namespace, name }, never);
  const make = (kind: ResourceKind, namespace: string, name: string, spec: object): Promise<KubernetesObject> => admin.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { namespace, name }, spec } as KubernetesObject, { fieldManager: 'somebody' }, never);
  const status = (kind: ResourceKind, namespace: string, name: string, value: object): Promise<KubernetesObject> => admin.patch(kind, { namespace, name }, { status: value }, { type: 'merge', subresource: 'status', fieldManager: 'played' }, never);
  const now = (): string => new Date().toISOString();
  const condition = (type: string, observedGeneration?: number) => ({ type, status: 'True', reason: 'Played', message: '', lastTransitionTime: now(), ...(observedGeneration === undefined ? {} : { observedGeneration }) });
  async function makeReady(): Promise<void> {
    const { metadata } = (await read(Deployment, 'shop', 'shop'))!;
    await status(Deployment, 'shop', 'shop', { observedGeneration: metadata.generation, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [condition('Available'), { ...condition('Progressing'), reason: 'NewReplicaSetAvailable' }] });
  }
  async function completeJobs(): Promise<number> {
    const { items } = await admin.list(Job, { namespace: 'shop' }, never);
    for (const { metadata: { name } } of items) await status(Job, 'shop', name, { startTime: now(), completionTime: now(), succeeded: 1, conditions: [condition('SuccessCriteriaMet'), condition('Complete')] });
    return items.length;
  }

  test('parts come in order and wait for each other; a restart runs no hook twice; quantities are no drift', async () => {
    start();
    await make(HelmRelease, 'kube-system', 'cilium', { interval: '5m', chartRef: { kind: 'OCIRepository', name: 'cilium' }, values: { theirs: true } });
    assign(content([
      { name: 'app', manifests: [configMap('settings'), app(), { ...manifest('Secret', 'token'), stringData: { token: 'x' } }] },
      { name: 'release', values: { target: 'HelmRelease', namespace: 'kube-system', name: 'cilium', values: { hubble: { relay: { enabled: true } } } } }, hook,
    ]));
    await says('part 1 of 3 (app): Deployment shop/shop: its controller has not looked at it yet');
    await makeReady();
    await says('part 2 of 3 (release): HelmRelease kube-system/cilium: ');
    const release = await read<KubernetesObject & { spec: { values: object } }>(HelmRelease, 'kube-system', 'cilium');
    expect(release?.spec.values).toEqual({ theirs: true, hubble: { relay: { enabled: true } } });
    await status(HelmRelease, 'kube-system', 'cilium', { observedGeneration: 1, conditions: [condition('Ready', 1)] });
    await says('has seen generation 1 of 2');
    await status(HelmRelease, 'kube-system', 'cilium', { observedGeneration: 2, conditions: [condition('Ready', 2)] });
    await says('part 3 of 3 (hook): Job shop/migrate-');
    await stop();
    start();
    generation -= 1;
    assign(content([
      { name: 'app', manifests: [configMap('settings'), app(), { ...manifest('Secret', 'token'), stringData: { token: 'x' } }] },
      { name: 'release', values: { target: 'HelmRelease', namespace: 'kube-system', name: 'cilium', values: { hubble: { relay: { enabled: true } } } } }, hook,
    ]));
    await says('part 3 of 3 (hook): Job shop/migrate-');
    expect(await completeJobs()).toBe(1);
    await settled();
    assign(content([
      { name: 'app', manifests: [configMap('settings'), app(), { ...manifest('Secret', 'token'), stringData: { token: 'x' } }] },
      { name: 'release', values: { target: 'HelmRelease', namespace: 'kube-system', name: 'cilium', values: { hubble: { relay: { enabled: true } } } } }, hook,
    ]));
    await settled();
    expect(running?.bundles.outcome().drift).toEqual([]);
    expect((await admin.list(Job, { namespace: 'shop' }, never)).items).toHaveLength(1);
  });

  test('what the server refuses changes nothing, and names object, field and value', async () => {
    const before = (await read<ConfigMapObject>(ConfigMap, 'shop', 'settings'))?.metadata.resourceVersion;
    assign(content([{ name: 'app', manifests: [configMap('settings', { a: 'new' }), app('shop:2', -1)] }], '2.0.0'));
    await says('refused before anything was changed: Deployment shop/shop: refused:');
    expect(running?.bundles.outcome().message).toMatch(/spec\.replicas: Invalid value: -1/);
    assign(content([{ name: 'app', manifests: [configMap('settings', { a: 'new' }), app('shop:2', 'many')] }], '2.0.1'));
    await says('.spec.replicas: expected numeric (int or float), got string');
    assign(content([{ name: 'app', manifests: [configMap('settings', { a: 'new' })] }, { name: 'topology', patch: { object: { apiVersion: apiVersionOf(CapiCluster), kind: 'Cluster', namespace: 'fleet', name: 'workload' }, fields: { spec: { topology: { version: 'v1.35.0' } } } } }], '2.0.2'));
    await says('Cluster fleet/workload: is not there, and only fields of it are given');
    assign(content([{ name: 'app', manifests: [configMap('settings', { a: 'new' }), manifest('ServiceAccount', 'shop')] }], '2.0.3'));
    await says('ServiceAccount shop/shop: this agent has not the right; the cluster\'s owner grants it in the agent chart\'s values, bundles.rules: {apiGroups: [""], resources: [serviceaccounts], verbs: [get, create, patch, delete]}');
    expect((await read<ConfigMapObject>(ConfigMap, 'shop', 'settings'))?.metadata.resourceVersion).toBe(before);
  });

  test('a definition and its objects come in one bundle; what a new version has no more goes, and the rest is given back', async () => {
    assign(content([{ name: 'kinds', manifests: [{ ...manifest('Widget', 'one', 'shop', 'example.org/v1'), spec: { size: 3 } }, widget] }], '3.0.0'));
    await settled();
    expect(await admin.get({ group: 'example.org', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true }, { namespace: 'shop', name: 'one' }, never)).toMatchObject({ spec: { size: 3 } });
    expect([await read(ConfigMap, 'shop', 'settings'), await read(Deployment, 'shop', 'shop')]).toEqual([undefined, undefined]);
    expect((await read<KubernetesObject & { spec: { values: object } }>(HelmRelease, 'kube-system', 'cilium'))?.spec.values).toEqual({ theirs: true });
    assign();
    await settled();
    expect((await admin.list(ConfigMap, { namespace: 'isthmus-system', labelSelector: 'isthmus.dev/bundle-inventory' }, never)).items).toEqual([]);
    expect(await admin.get(CustomResourceDefinition, { name: 'widgets.example.org' }, never)).toBeUndefined();
  });

  test('what a person changes is drift, and stays', async () => {
    assign(content([{ name: 'app', manifests: [configMap('settings', { a: '1' }), configMap('more', { a: '1' })] }], '4.0.0'));
    await settled();
    await admin.patch(ConfigMap, { namespace: 'shop', name: 'settings' }, { data: { a: 'mine' } }, { type: 'merge', fieldManager: 'kubectl-edit' }, never);
    assign(content([{ name: 'app', manifests: [configMap('settings', { a: '2' }), configMap('more', { a: '2' })] }], '5.0.0'));
    await says('ConfigMap shop/settings .data.a is changed (by kubectl-edit)');
    expect((await read<ConfigMapObject>(ConfigMap, 'shop', 'more'))?.data).toEqual({ a: '1' });
    await admin.patch(ConfigMap, { namespace: 'shop', name: 'settings' }, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } }, { type: 'merge', fieldManager: 'kubectl-annotate' }, never);
    assign(content([{ name: 'app', manifests: [configMap('settings', { a: '2' }), configMap('more', { a: '2' })] }], '5.0.0'));
    await settled();
    expect((await read<ConfigMapObject>(ConfigMap, 'shop', 'settings'))?.data).toEqual({ a: '2' });
  });

  test('within lists it is found by its key, and given back by its value', async () => {
    const of = (image: string, version: string) => content([{ name: 'app', manifests: [app(image)] }], version, 'listed');
    assign(of('shop:1', '1.0.0'));
    await says('Deployment shop/shop: its controller has not looked at it yet');
    await makeReady();
    await settled();
    await admin.patch(Deployment, { namespace: 'shop', name: 'shop' }, [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'shop:mine' }], { type: 'json', fieldManager: 'kubectl-set' }, never);
    assign(of('shop:2', '2.0.0'));
    await says('Deployment shop/shop .spec.template.spec.containers[name="shop"].image is changed (by kubectl-set)');
    const [entry] = running!.bundles.outcome().drift;
    expect(entry).toMatchObject({ expected: 'shop:2', actual: 'shop:mine' });
    assign(of('shop:2', '2.0.0'), { object: entry!.object, path: entry!.path, actual: entry!.actual, action: 'overwrite', decision: 'one' });
    await eventually('our image stands there', PATIENCE, async () => JSON.stringify(await read(Deployment, 'shop', 'shop')).includes('"image":"shop:2"'));
    await makeReady();
    await settled();
  });

  test('a topology of Cluster API counts when it is reconciled at its generation', async () => {
    const { version } = CapiCluster;
    await make(CapiCluster, 'fleet', 'workload', { topology: { ...(version === 'v1beta1' ? { class: 'standard' } : { classRef: { name: 'standard' } }), version: 'v1.34.0' } });
    await status(CapiCluster, 'fleet', 'workload', { observedGeneration: 1, conditions: [condition('TopologyReconciled', 1), condition('Available', 1)] });
    assign(content([{ name: 'topology', patch: { object: { apiVersion: apiVersionOf(CapiCluster), kind: 'Cluster', namespace: 'fleet', name: 'workload' }, fields: { spec: { topology: { version: 'v1.35.0' } } } } }], '1.0.0', 'kubernetes'));
    // Who set the version before owns it.
    await says('Cluster fleet/workload .spec.topology.version is changed (by somebody)');
    await admin.patch(CapiCluster, { namespace: 'fleet', name: 'workload' }, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } }, { type: 'merge', fieldManager: 'kubectl-annotate' }, never);
    assign(content([{ name: 'topology', patch: { object: { apiVersion: apiVersionOf(CapiCluster), kind: 'Cluster', namespace: 'fleet', name: 'workload' }, fields: { spec: { topology: { version: 'v1.35.0' } } } } }], '1.0.0', 'kubernetes'));
    await says('part 1 of 1 (topology): Cluster fleet/workload: ');
    expect((await read<KubernetesObject & { spec: { topology: { version: string } } }>(CapiCluster, 'fleet', 'workload'))?.spec.topology.version).toBe('v1.35.0');
    await status(CapiCluster, 'fleet', 'workload', { observedGeneration: 2, conditions: [condition('TopologyReconciled', 2), condition('Available', 2)] });
    await settled();
    // It cannot be without a version: taken back, it keeps the value, and nobody's field it is.
    assign();
    await settled();
    const left = await read<KubernetesObject & { spec: { topology: { version: string } } }>(CapiCluster, 'fleet', 'workload');
    expect(left?.spec.topology.version).toBe('v1.35.0');
    expect(left?.metadata.managedFields?.map(({ manager }) => manager)).not.toContain('isthmus-agent');
  });

  test('an Application of Argo CD counts when its new source was compared', async () => {
    const source = { repoURL: 'https://charts.example.com', chart: 'cilium', targetRevision: '1.18.0' };
    await make(Application, 'argocd', 'cilium', { project: 'default', destination: { server: 'https://kubernetes.default.svc', namespace: 'kube-system' }, source });
    const play = async (compared: object): Promise<unknown> => admin.patch(Application, { namespace: 'argocd', name: 'cilium' }, { status: { sync: { status: 'Synced', comparedTo: { source: compared, destination: { server: 'https://kubernetes.default.svc', namespace: 'kube-system' } } }, health: { status: 'Healthy' } } }, { type: 'merge', fieldManager: 'argocd' }, never);
    await play(source);
    assign(content([{ name: 'release', values: { target: 'Application', namespace: 'argocd', name: 'cilium', values: { hubble: { enabled: true } } } }], '1.0.0', 'values'));
    await says('Argo CD has not compared the new source yet');
    await play({ ...source, helm: { valuesObject: { hubble: { enabled: true } } } });
    await settled();
  });

  test('nothing that the agent was refused was anything but a trial', () => {
    const refused = api.audit.read().filter(({ status: code }) => code === 401 || code === 403);
    expect([...new Set(refused.map(({ resource }) => resource))]).toEqual(['serviceaccounts']);
  });
});
