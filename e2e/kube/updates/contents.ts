/** Bundles, strategies, runs and approvals as files that people give to kubectl. */
import { stringify } from 'yaml';
import { apiVersionOf } from '../../../mesh/api/resources/index.ts';
import { CapiCluster, HelmRelease } from './hands.ts';

/** Of an object, or a part of one. */
export type Fields = Readonly<Record<string, unknown>>;

export const asYaml = (...objects: readonly Fields[]): string => objects.map((object) => stringify(object)).join('---\n');

const ours = (kind: string, name: string, spec: Fields): Fields => ({ apiVersion: 'isthmus.dev/v1alpha1', kind, metadata: { name }, spec });

export const configMap = (name: string, data: Readonly<Record<string, string>>): Fields => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' }, data });
const route = (timeoutSeconds: number): Fields => ({ apiVersion: 'example.org/v1', kind: 'Route', metadata: { name: 'checkout', namespace: 'shop' }, spec: { host: 'checkout.example.com', timeoutSeconds } });
export const hook = (name: string): Fields => ({
  name, hook: { timeoutSeconds: 120, job: { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace: 'shop' }, spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'job:1' }] } } } } },
});

/** Named after its package and version. */
export const bundle = (name: string, version: string, parts: readonly Fields[]): Fields => ours('Bundle', `${name}-${version}`, { package: name, version, parts });

/** Cilium's values on each of the ways that teams install it, a topology, objects and a hook; without what the published definitions are not there for. */
export function networking(version: string, published: ReadonlySet<string>): Fields {
  const cilium = { hubble: { relay: { enabled: true } } };
  return bundle('networking', version, [
    { name: 'objects', manifests: [configMap('networking', { version })] },
    ...(published.has('HelmRelease') ? [{ name: 'flux', values: { target: HelmRelease.kind, namespace: 'kube-system', name: 'cilium', values: cilium } }] : []),
    { name: 'argo', values: { target: 'Application', namespace: 'argocd', name: 'cilium', values: cilium } },
    { name: 'config', values: { target: 'ConfigMap', namespace: 'shop', name: 'cilium-settings', values: { 'hubble-relay': 'true' } } },
    ...(published.has('Cluster') ? [{ name: 'topology', patch: { object: { apiVersion: apiVersionOf(CapiCluster), kind: CapiCluster.kind, namespace: 'fleet', name: 'workload' }, fields: { spec: { topology: { controlPlane: { replicas: 3 } } } } } }] : []),
    hook('check'),
  ]);
}

export const routes = (version: string, timeoutSeconds: number): Fields => bundle('routes', version, [{ name: 'routes', manifests: [configMap('routes', { version }), route(timeoutSeconds)] }]);

const CANARY = { name: 'canary', clusters: { labels: { stage: 'canary' } } };
/** First the canary, then, when somebody else has approved, all others. */
export const strategy = (name: string): Fields => ours('UpdateStrategy', name, { progressDeadlineSeconds: 30, stages: [CANARY, { name: 'rest', clusters: {}, before: [{ name: 'lead', approval: { count: 1 } }] }] });

/** One after the other. What `last` names does not wait long for its health. */
export const inTurn = (onFailure: string, last = 'virginia'): Fields => ({
  name: 'in-turn', onFailure, progressDeadlineSeconds: 30, stages: [CANARY, { name: 'others', clusters: { names: ['oslo', 'virginia'].filter((name) => name !== last) } }, { name: 'last', clusters: { names: [last] }, ...(onFailure === 'Stop' ? {} : { progressDeadlineSeconds: 4 }) }],
});

interface RunOptions { readonly by: string; readonly bundle: string; readonly clusters?: readonly string[]; readonly strategyName?: string; readonly strategy?: Fields }
export const run = (name: string, { by, bundle: brought, clusters, ...how }: RunOptions): Fields => ours('UpdateRun', name, { ...how, bundle: { name: brought, ...(clusters === undefined ? { clusters: {}, all: true } : { clusters: { names: clusters } }) }, reason: `${brought} for all`, requestedBy: by });

export const approval = (name: string, of: string, gate: string, approver: string): Fields => ours('Approval', name, { run: of, gate, approver, reason: 'the canary looks well' });
