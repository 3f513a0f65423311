/**
 * Kinds of other inventories and of GitOps tools, with the fields of them that the hub reads or writes. Their definitions belong to those who installed them.
 * ClusterProfile: kubernetes-sigs/cluster-inventory-api `apis/v1alpha1`; Cluster: kubernetes-sigs/cluster-api `api/core`; Kustomization and HelmRelease: fluxcd `api/v1`, `api/v2`.
 */
import type { KubernetesObject, ResourceKind } from '../../ports/kubernetes.ts';

const namespaced = (group: string, version: string, kind: string, plural: string): ResourceKind => ({ group, version, kind, plural, namespaced: true });

/** By version, the one to ask for first: a server may serve some of them, or none. */
export const CLUSTER_PROFILES = [namespaced('multicluster.x-k8s.io', 'v1alpha1', 'ClusterProfile', 'clusterprofiles'), namespaced('multicluster.x-k8s.io', 'v1alpha2', 'ClusterProfile', 'clusterprofiles')] as const;
export const CAPI_CLUSTERS = [namespaced('cluster.x-k8s.io', 'v1beta2', 'Cluster', 'clusters'), namespaced('cluster.x-k8s.io', 'v1beta1', 'Cluster', 'clusters')] as const;
export const KUSTOMIZATIONS = [namespaced('kustomize.toolkit.fluxcd.io', 'v1', 'Kustomization', 'kustomizations')] as const;
export const HELM_RELEASES = [namespaced('helm.toolkit.fluxcd.io', 'v2', 'HelmRelease', 'helmreleases')] as const;

/** Label of a ClusterProfile: who publishes it. */
export const CLUSTER_MANAGER_LABEL = 'x-k8s.io/cluster-manager';
/** Label of a Secret that tells Argo CD how to reach a cluster. */
export const ARGO_SECRET_TYPE_LABEL = 'argocd.argoproj.io/secret-type';

interface ProfileCondition { readonly type: string; readonly status: 'True' | 'False' | 'Unknown'; readonly reason: string; readonly message: string; readonly lastTransitionTime: string }
interface AccessProvider { readonly name: string; readonly cluster?: { readonly server?: string } }

export interface ClusterProfileObject extends KubernetesObject {
  readonly spec?: { readonly displayName?: string; readonly clusterManager?: { readonly name?: string } };
  readonly status?: {
    readonly conditions?: readonly ProfileCondition[];
    readonly version?: { readonly kubernetes?: string };
    readonly properties?: readonly { readonly name: string; readonly value: string; readonly lastObservedTime?: string }[];
    readonly accessProviders?: readonly AccessProvider[];
    /** The name of `accessProviders` up to v0.0. */
    readonly credentialProviders?: readonly AccessProvider[];
  };
}

/** The same fields in v1beta1 and v1beta2. */
export interface CapiClusterObject extends KubernetesObject {
  readonly spec?: { readonly controlPlaneEndpoint?: { readonly host?: string; readonly port?: number }; readonly topology?: { readonly version?: string } };
  readonly status?: { readonly phase?: string };
}

/** A Kustomization or HelmRelease. Unset `kubeConfig`: it applies to the cluster that it is in. */
export interface FluxObject extends KubernetesObject {
  readonly spec?: { readonly kubeConfig?: { readonly secretRef?: { readonly name?: string }; readonly configMapRef?: { readonly name?: string } } };
}
