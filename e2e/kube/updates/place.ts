/** A hub and three clusters on real kube-apiservers, with the rights of the charts alone, people with tokens, and the controllers of other projects played by a hand. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLUSTERS, seedCluster } from '../../../controller/demo/clusters.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { type DemoFleet, startFleet } from '../../../controller/demo/fleet.ts';
import { createProcessGroup } from '../../../controller/demo/processes.ts';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf } from '../../../mesh/api/resources/index.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { type Outcome, ROOT } from '../../charts/helm.ts';
import { onPath } from '../assets.ts';
import { CustomResourceDefinition } from '../apiserver.ts';
import { applicationDefinition } from '../bundles/application.ts';
import { type RestrictedApi, startRestricted } from '../restricted.ts';
import { upstreamDefinitions } from '../upstream/definitions.ts';
import { Application, CapiCluster, HelmRelease, playControllers } from './hands.ts';

const RBAC = 'rbac.authorization.k8s.io';
/** Cluster-wide. */
const rbac = (kind: string, plural: string): ResourceKind => ({ group: RBAC, version: 'v1', kind, plural, namespaced: false });
const COMMAND_MILLISECONDS = 40_000;
const READY_MILLISECONDS = 75_000;

/** ann asks for changes and may approve; cleo may approve; dan may override windows; ben may read. */
const PEOPLE = {
  ann: ['isthmus-run-approver', 'isthmus-run-operator', 'isthmus-view', 'bundle-author'], cleo: ['isthmus-run-approver', 'isthmus-view'],
  dan: ['isthmus-window-overrider', 'isthmus-view'], ben: ['isthmus-view', 'isthmus-asker'],
} as const;
export type Person = keyof typeof PEOPLE;

/** Beside the roles of the chart. */
const AUTHOR: KubernetesObject = { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name: 'bundle-author' }, rules: [{ apiGroups: ['isthmus.dev'], resources: ['bundles', 'updatestrategies'], verbs: ['create'] }] } as KubernetesObject;

/** What each cluster's owner lets bundles write. */
const RULES = [
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'patch', 'delete'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'create', 'delete'] },
  { apiGroups: ['helm.toolkit.fluxcd.io'], resources: ['helmreleases'], verbs: ['get', 'patch'] },
  { apiGroups: ['argoproj.io'], resources: ['applications'], verbs: ['get', 'patch'] },
  { apiGroups: ['cluster.x-k8s.io'], resources: ['clusters'], verbs: ['get', 'patch'] },
  { apiGroups: ['example.org'], resources: ['routes'], verbs: ['get', 'create', 'patch', 'delete'] },
];

export const Route: ResourceKind = { group: 'example.org', version: 'v1', kind: 'Route', plural: 'routes', namespaced: true };

/** One cluster's version of it may allow less than another's. */
export const routeDefinition = (longestSeconds: number): KubernetesObject => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'routes.example.org' },
  spec: {
    group: 'example.org', scope: 'Namespaced', names: { kind: 'Route', plural: 'routes', singular: 'route', listKind: 'RouteList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { host: { type: 'string' }, timeoutSeconds: { type: 'integer', maximum: longestSeconds } } } } } } }],
  },
} as KubernetesObject);

export interface Place {
  readonly fleet: DemoFleet;
  readonly apis: Readonly<Record<string, RestrictedApi>>;
  /** Definitions of these kinds are the projects' own, and there. */
  readonly published: ReadonlySet<string>;
  /** Kinds whose controllers rest, in every cluster. */
  readonly rests: Set<string>;
  readonly surprises: readonly string[];
  cluster(name: string): DemoFleet['clusters'][number];
  kubectl(who: Person | 'admin', words: readonly string[], input?: string): Promise<Outcome>;
  kubectlIn(cluster: string, words: readonly string[], input?: string): Promise<Outcome>;
  isthmus(who: Person | 'admin', ...words: readonly string[]): Promise<Outcome>;
  stop(): Promise<void>;
}

function command(program: string, parameters: readonly string[], home: string, input = ''): Promise<Outcome> {
  return new Promise((done) => {
    const child = execFile(program, parameters, { timeout: COMMAND_MILLISECONDS, maxBuffer: 16 << 20, env: { ...process.env, HOME: home } }, (error, stdout, stderr) => {
      done({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

async function introducePeople(hub: RestrictedApi, client: KubernetesClient, signal: AbortSignal): Promise<void> {
  const create = (kind: ResourceKind, object: KubernetesObject): Promise<KubernetesObject> => client.create(kind, object, { fieldManager: 'test' }, signal);
  await create(rbac('ClusterRole', 'clusterroles'), AUTHOR);
  for (const [name, roles] of Object.entries(PEOPLE)) {
    for (const role of roles) {
      await create(rbac('ClusterRoleBinding', 'clusterrolebindings'), {
        apiVersion: `${RBAC}/v1`, kind: 'ClusterRoleBinding', metadata: { name: `${name}-${role}` }, roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role }, subjects: [{ kind: 'User', apiGroup: RBAC, name }],
      } as KubernetesObject);
    }
    writeFileSync(join(hub.server.directory, `${name}.kubeconfig`), hub.server.kubeconfigFor(tokenOf(name)), { mode: 0o600 });
  }
}
const tokenOf = (name: string): string => `${name}-token-of-the-updates-suite`;

const CHART_SOURCE = { repoURL: 'https://charts.example.com', chart: 'cilium', targetRevision: '1.18.0' };

/** What stands in a cluster before: installations of Cilium by Flux and by Argo CD, a workload cluster of Cluster API. */
async function furnish(client: KubernetesClient, published: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  const make = (kind: ResourceKind, namespace: string, name: string, spec: object): Promise<KubernetesObject> =>
    client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { namespace, name }, spec } as KubernetesObject, { fieldManager: 'owner' }, signal);
  await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'shop', name: 'cilium-settings' }, data: { theirs: 'true' } } as KubernetesObject, { fieldManager: 'owner' }, signal);
  await make(Application, 'argocd', 'cilium', { project: 'default', destination: { server: 'https://kubernetes.default.svc', namespace: 'kube-system' }, source: CHART_SOURCE });
  if (published.has('HelmRelease')) await make(HelmRelease, 'kube-system', 'cilium', { interval: '5m', chartRef: { kind: 'OCIRepository', name: 'cilium' }, values: { theirs: true } });
  if (published.has('Cluster')) await make(CapiCluster, 'fleet', 'workload', { topology: { classRef: { name: 'standard' }, version: 'v1.35.0' } });
}

/** `oldest`: by cluster, the longest timeout that its definition of Route allows. `published`: `prepareUpstream` has told of no problem. */
export async function startPlace({ helm, oldest, published: made }: { readonly helm: string; readonly oldest: Readonly<Record<string, number>>; readonly published: boolean }): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-updates-'));
  const stopping = new AbortController();
  const { signal } = stopping;
  const apis: Record<string, RestrictedApi> = {};
  const playing: Promise<void>[] = [];
  const surprises: string[] = [];
  const rests = new Set<string>();
  const processes = createProcessGroup(join(ROOT, 'controller/cli/main.ts'));
  processes.onSurprise(({ name }, ending) => surprises.push(`${name} ended by itself: ${ending}`));
  const stop = async (): Promise<void> => {
    stopping.abort();
    await Promise.all(playing);
    await processes.stopAll();
    await Promise.all(Object.values(apis).map((api) => api.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const upstream = made ? upstreamDefinitions().filter(({ spec: { names: { kind } } }) => ['HelmRelease', 'Kustomization', 'Cluster'].includes(kind)) : [];
    const definitions = [...upstream, applicationDefinition];
    const published = new Set(upstream.map(({ spec }) => spec.names.kind));
    const outcomes = await Promise.allSettled([
      startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443'], users: Object.keys(PEOPLE).map((name) => ({ name, token: tokenOf(name) })) })
        .then((api) => { apis['hub'] = api; }),
      ...CLUSTERS.map(({ name, serviceCidr }) => startRestricted({
        helm, chart: 'isthmus-agent', values: ['--set', `cluster.name=${name}`, '--set', 'hub.address=hub.example.com:8443', '--set-json', `bundles.rules=${JSON.stringify(RULES)}`], serviceCidr, namespaces: ['shop', 'argocd', 'fleet'],
      }).then((api) => { apis[name] = api; })),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    const fleet = await startFleet({ folder, processes, signal, apis });
    await introducePeople(apis['hub'] as RestrictedApi, fleet.hub.api, signal);
    await Promise.all(fleet.clusters.map(async (cluster) => {
      for (const definition of [...definitions, routeDefinition(oldest[cluster.name] ?? 3600)]) await cluster.api.create(CustomResourceDefinition, definition, { fieldManager: 'test' }, signal);
      await seedCluster(cluster.api, cluster, signal);
      await eventually(`definitions are served in ${cluster.name}`, READY_MILLISECONDS, async () => {
        for (const kind of [Application, Route, ...(published.has('HelmRelease') ? [HelmRelease] : []), ...(published.has('Cluster') ? [CapiCluster] : [])]) await cluster.api.list(kind, { limit: 1 }, signal);
        return true;
      });
      await furnish(cluster.api, published, signal);
      playing.push(playControllers(cluster.api, rests, signal));
    }));
    const kubeconfigs: Readonly<Record<string, string>> = { admin: fleet.hub.kubeconfig, ...Object.fromEntries(Object.keys(PEOPLE).map((name) => [name, join(apis['hub']?.server.directory ?? '', `${name}.kubeconfig`)])) };
    const clusterOf = (name: string): DemoFleet['clusters'][number] => {
      const found = fleet.clusters.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no cluster ${name}`);
      return found;
    };
    const kubectl = onPath('kubectl') ?? '';
    return {
      fleet, apis, published, rests, surprises, cluster: clusterOf, stop,
      kubectl: (who, words, input) => command(kubectl, ['--kubeconfig', kubeconfigs[who] ?? '', ...words], folder, input),
      kubectlIn: (name, words, input) => command(kubectl, ['--kubeconfig', clusterOf(name).kubeconfig, ...words], folder, input),
      isthmus: (who, ...words) => command(process.execPath, [join(ROOT, 'controller/cli/main.ts'), '--kubeconfig', kubeconfigs[who] ?? '', ...words], folder),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
