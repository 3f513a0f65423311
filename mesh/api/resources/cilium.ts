/** Kinds of Cilium that we read or write, and the fields of them that we touch (Cilium `pkg/k8s/apis/cilium.io/v2`). */
import type { KubernetesObject, ResourceKind } from '../../ports/kubernetes.ts';

const cilium = (kind: string, plural: string, namespaced: boolean): ResourceKind => ({ group: 'cilium.io', version: 'v2', kind, plural, namespaced });

export const CiliumNetworkPolicy = cilium('CiliumNetworkPolicy', 'ciliumnetworkpolicies', true);
export const CiliumClusterwideNetworkPolicy = cilium('CiliumClusterwideNetworkPolicy', 'ciliumclusterwidenetworkpolicies', false);
export const CiliumEndpoint = cilium('CiliumEndpoint', 'ciliumendpoints', true);

export interface CiliumPolicyObject extends KubernetesObject { readonly spec?: Readonly<Record<string, unknown>> }

export interface CiliumEndpointObject extends KubernetesObject {
  readonly status?: {
    readonly identity?: { /** `k8s:app=shop`. */ readonly labels?: readonly string[] };
    readonly policy?: { readonly ingress?: { readonly enforcing?: boolean } };
  };
}
