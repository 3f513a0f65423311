/** Cilium's policies and endpoints in simulated clusters: served, and enforced by nobody. */
import { CiliumClusterwideNetworkPolicy, CiliumEndpoint, CiliumNetworkPolicy, type CiliumPolicyObject } from '../../mesh/api/resources/cilium.ts';
import { CLUSTER_LABEL, type NetworkPolicySpec } from '../../mesh/policy/network-policy.ts';
import type { KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { never, PERSON } from './fleet.ts';
import type { Fleet } from './hosts.ts';

const Definition: ResourceKind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false };
const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export async function servePolicies(fleet: Fleet): Promise<void> {
  for (const { kubernetes } of fleet.members) {
    for (const { group, plural, kind, namespaced, version } of [CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy, CiliumEndpoint]) {
      await kubernetes.create(Definition, {
        apiVersion: 'apiextensions.k8s.io/v1', kind: Definition.kind, metadata: { name: `${plural}.${group}` },
        spec: {
          group, scope: namespaced ? 'Namespaced' : 'Cluster', names: { plural, singular: kind.toLowerCase(), kind },
          versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: free, status: free } } } }],
        },
      } as KubernetesObject, { fieldManager: PERSON }, never);
    }
  }
}

/** Sorted. */
export function clustersLetIn({ spec }: CiliumPolicyObject): readonly string[] {
  const { ingress } = spec as unknown as NetworkPolicySpec;
  const named = ingress.flatMap(({ fromEndpoints = [] }) => fromEndpoints.flatMap(({ matchExpressions = [] }) => matchExpressions.flatMap(({ key, values = [] }) => (key === CLUSTER_LABEL ? values : []))));
  return [...new Set(named)].sort();
}
