/** The three clusters of the demo and what stands in each before Isthmus comes. */
import { ConfigMap, Namespace, Node, type ConfigMapObject, type NodeObject } from '../../mesh/api/resources/core.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';

export interface DemoClusterDefinition {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, string>>;
  readonly ciliumVersion: string;
  readonly clusterId: number;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** Ready endpoints of `shop/checkout`. */
  readonly endpoints: readonly string[];
}

export const CLUSTERS: readonly DemoClusterDefinition[] = [
  {
    name: 'berlin', labels: { region: 'europe', stage: 'canary' }, properties: { country: 'de', 'cluster-id-range': '1-99', 'cilium-auth-mode': 'cluster' },
    ciliumVersion: '1.18.12', clusterId: 1, podCidr: '10.10.0.0/16', serviceCidr: '10.110.0.0/16', endpoints: ['10.10.0.11', '10.10.0.12'],
  },
  {
    name: 'oslo', labels: { region: 'europe', stage: 'production' }, properties: { country: 'no', 'cluster-id-range': '1-99', 'cilium-auth-mode': 'cluster' },
    ciliumVersion: '1.18.12', clusterId: 2, podCidr: '10.20.0.0/16', serviceCidr: '10.120.0.0/16', endpoints: ['10.20.0.21'],
  },
  {
    name: 'virginia', labels: { region: 'us', stage: 'production' }, properties: { country: 'us', 'cluster-id-range': '100-199', 'cilium-auth-mode': 'cluster' },
    // The id that oslo has: the plan must refuse it before anything is written.
    ciliumVersion: '1.18.12', clusterId: 2, podCidr: '10.30.0.0/16', serviceCidr: '10.130.0.0/16', endpoints: [],
  },
];

export const ciliumConfig = (cluster: DemoClusterDefinition, clusterId: number): ConfigMapObject => ({
  apiVersion: 'v1', kind: 'ConfigMap',
  metadata: { name: 'cilium-config', namespace: 'kube-system', labels: { 'app.kubernetes.io/version': cluster.ciliumVersion } },
  data: {
    'cluster-name': cluster.name, 'cluster-id': String(clusterId), 'cluster-pool-ipv4-cidr': cluster.podCidr, 'cluster-pool-ipv4-mask-size': '24',
    'max-connected-clusters': '255', 'identity-allocation-mode': 'crd',
  },
});

const node = (cluster: DemoClusterDefinition): NodeObject => ({
  apiVersion: 'v1', kind: 'Node', metadata: { name: `${cluster.name}-node-1`, labels: { 'topology.kubernetes.io/region': cluster.labels['region'] ?? '' } },
});

async function ensure<T extends KubernetesObject>(client: KubernetesClient, kind: ResourceKind, object: T, signal: AbortSignal): Promise<void> {
  const { name, namespace } = object.metadata;
  if (await client.get(kind, namespace === undefined ? { name } : { name, namespace }, signal) === undefined) await client.create(kind, object, { fieldManager: 'demo' }, signal);
}

export async function seedCluster(client: KubernetesClient, cluster: DemoClusterDefinition, signal: AbortSignal): Promise<void> {
  for (const name of ['kube-system', 'isthmus-system', 'shop']) await ensure(client, Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, signal);
  await ensure(client, ConfigMap, ciliumConfig(cluster, cluster.clusterId), signal);
  await ensure(client, Node, node(cluster), signal);
  await client.patch(Node, { name: `${cluster.name}-node-1` }, {
    status: {
      conditions: [{ type: 'Ready', status: 'True', reason: 'Demo', message: 'stands in for a kubelet', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      capacity: { cpu: '8', memory: '32Gi', pods: '110' }, allocatable: { cpu: '7800m', memory: '30Gi', pods: '110' },
    },
  }, { type: 'merge', fieldManager: 'demo', subresource: 'status' }, signal);
}
