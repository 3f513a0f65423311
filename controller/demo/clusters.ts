/** The three clusters of the demo and what stands in each before Isthmus comes. */
import { ConfigMap, Namespace, type ConfigMapObject } from '../../mesh/api/resources/core.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import { type DemoCapacity, ensure, seedCapacity } from './capacity.ts';

export interface DemoClusterDefinition extends DemoCapacity {
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
    nodes: [{ cpu: '8', memory: '32Gi' }, { cpu: '16', memory: '64Gi', gpus: 2 }],
    pods: [{ name: 'checkout-1', team: 'checkout', cpu: '1500m', memory: '4Gi' }, { name: 'checkout-2', team: 'checkout', cpu: '1500m', memory: '4Gi' }, { name: 'ranking', team: 'search', cpu: '4', memory: '16Gi', gpus: 1 }],
    storageClasses: ['fast-ssd', 'standard'],
  },
  {
    name: 'oslo', labels: { region: 'europe', stage: 'production' }, properties: { country: 'no', 'cluster-id-range': '1-99', 'cilium-auth-mode': 'cluster' },
    ciliumVersion: '1.18.12', clusterId: 2, podCidr: '10.20.0.0/16', serviceCidr: '10.120.0.0/16', endpoints: ['10.20.0.21'],
    nodes: [{ cpu: '8', memory: '32Gi' }], pods: [{ name: 'checkout-1', team: 'checkout', cpu: '2', memory: '6Gi' }], storageClasses: ['standard'],
  },
  {
    name: 'virginia', labels: { region: 'us', stage: 'production' }, properties: { country: 'us', 'cluster-id-range': '100-199', 'cilium-auth-mode': 'cluster' },
    // The id that oslo has: the plan must refuse it before anything is written.
    ciliumVersion: '1.18.12', clusterId: 2, podCidr: '10.30.0.0/16', serviceCidr: '10.130.0.0/16', endpoints: [],
    nodes: [{ cpu: '8', memory: '32Gi' }], pods: [{ name: 'archive', team: 'search', cpu: '500m', memory: '2Gi' }], storageClasses: ['standard'],
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

export async function seedCluster(client: KubernetesClient, cluster: DemoClusterDefinition, signal: AbortSignal): Promise<void> {
  for (const name of ['kube-system', 'isthmus-system', 'shop']) await ensure(client, Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, signal);
  await ensure(client, ConfigMap, ciliumConfig(cluster, cluster.clusterId), signal);
  await seedCapacity(client, cluster, signal);
}
