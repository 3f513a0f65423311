/** How clusters are read from the objects of other inventories. Credentials stay where they are: Secrets are listed by their metadata alone, and of what Flux applies only the name of its kubeconfig is kept. */
import { ARGO_SECRET_TYPE_LABEL, CAPI_CLUSTERS, type CapiClusterObject, CLUSTER_PROFILES, type ClusterProfileObject, type FluxObject, HELM_RELEASES, KUSTOMIZATIONS } from '../../../mesh/api/resources/other-inventories.ts';
import { Secret } from '../../../mesh/api/resources/core.ts';
import { type FoundCluster, plainText } from '../../../mesh/inventory/discovered.ts';
import { argoSecretHost } from '../../../mesh/inventory/endpoint.ts';
import { PROFILE_MANAGER } from '../../../mesh/inventory/profile.ts';
import type { DiscoverySource } from '../../../mesh/model/discovered.ts';
import type { KubernetesObject, ListOptions, ResourceKind } from '../../../mesh/ports/kubernetes.ts';

export interface Source {
  readonly source: DiscoverySource;
  /** The version to ask for first. */
  readonly versions: readonly ResourceKind[];
  readonly options: Pick<ListOptions, 'namespace' | 'labelSelector' | 'metadataOnly'>;
  /** undefined: it tells of no other cluster. */
  readonly read: (object: KubernetesObject) => FoundCluster | undefined;
}

const resourceOf = ({ group, plural }: ResourceKind): string => (group === '' ? plural : `${plural}.${group}`);
export const describeSource = ({ versions: [kind], options: { namespace } }: Source): string => `${kind === undefined ? '' : resourceOf(kind)}${namespace === undefined ? '' : ` ${namespace}`}`;

const text = (value: string | undefined): string | null => (typeof value !== 'string' || value === '' ? null : plainText(value));
const EMPTY = { manager: null, kubernetesVersion: null, phase: null, endpoint: null, detail: null, ids: [], secretName: null } as const;
const objectOf = (kind: string, { namespace = '' }: KubernetesObject['metadata'], name: string): string => `${kind} ${namespace}/${name}`;

/** KEP-2149's id in the cluster set, the id of the API's own guide, and the label of v1alpha2. */
const ID_PROPERTIES = ['clusterset.k8s.io/cluster-id', 'cluster.clusterset.k8s.io'];
const MEMBER_ID_LABEL = 'multicluster.x-k8s.io/inventory-member-id';

const readProfile = (ownNamespace: string) => (object: KubernetesObject): FoundCluster | undefined => {
  const { metadata, spec, status } = object as ClusterProfileObject;
  const manager = spec?.clusterManager?.name ?? '';
  if (manager === PROFILE_MANAGER && metadata.namespace === ownNamespace) return undefined;
  const healthy = status?.conditions?.find(({ type }) => type === 'ControlPlaneHealthy')?.status;
  return {
    ...EMPTY, source: 'ClusterProfile', name: metadata.name, object: objectOf('clusterprofiles.multicluster.x-k8s.io', metadata, metadata.name), manager: text(manager),
    kubernetesVersion: text(status?.version?.kubernetes), phase: healthy === undefined ? null : healthy === 'True' ? 'Healthy' : healthy === 'False' ? 'Unhealthy' : 'Unknown',
    endpoint: text([...status?.accessProviders ?? [], ...status?.credentialProviders ?? []].find(({ cluster }) => cluster?.server !== undefined)?.cluster?.server),
    detail: spec?.displayName === metadata.name ? null : text(spec?.displayName),
    ids: [metadata.labels?.[MEMBER_ID_LABEL], ...ID_PROPERTIES.map((name) => status?.properties?.find((property) => property.name === name)?.value)].filter((id) => id !== undefined),
  };
};

function readCapi(object: KubernetesObject): FoundCluster {
  const { metadata, spec, status } = object as CapiClusterObject;
  const { host = '', port = 0 } = spec?.controlPlaneEndpoint ?? {};
  return {
    ...EMPTY, source: 'Cluster API', name: metadata.name, object: objectOf('clusters.cluster.x-k8s.io', metadata, metadata.name),
    kubernetesVersion: text(spec?.topology?.version), phase: text(status?.phase),
    endpoint: host === '' || port === 0 ? null : text(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
  };
}

function readArgo({ metadata }: KubernetesObject): FoundCluster {
  const host = argoSecretHost(metadata.name);
  const inside = host === 'kubernetes.default.svc';
  return {
    ...EMPTY, source: 'Argo CD', name: inside ? 'in-cluster' : host ?? metadata.name, object: objectOf('secrets', metadata, metadata.name), secretName: metadata.name,
    detail: inside ? 'the cluster that Argo CD runs in' : null,
  };
}

/** Cluster API's name for the Secret with a cluster's kubeconfig, which Flux's documentation uses, too. */
const KUBECONFIG_SUFFIX = /-kubeconfig$/;

const readFlux = (kind: string) => (object: KubernetesObject): FoundCluster | undefined => {
  const { metadata, spec } = object as FluxObject;
  const { secretRef, configMapRef } = spec?.kubeConfig ?? {};
  const name = secretRef?.name ?? configMapRef?.name;
  if (name === undefined || name === '') return undefined;
  return {
    ...EMPTY, source: 'Flux', name: plainText(name.replace(KUBECONFIG_SUFFIX, '')), object: objectOf(secretRef === undefined ? 'configmaps' : 'secrets', metadata, plainText(name)),
    detail: `${kind} ${metadata.namespace ?? ''}/${metadata.name} applies to it`,
  };
};

/** In the order in which they are read. */
export function sourcesOf(ownNamespace: string, argoNamespaces: readonly string[]): readonly Source[] {
  return [
    { source: 'ClusterProfile', versions: CLUSTER_PROFILES, options: {}, read: readProfile(ownNamespace) },
    { source: 'Cluster API', versions: CAPI_CLUSTERS, options: {}, read: readCapi },
    ...argoNamespaces.map((namespace): Source => ({ source: 'Argo CD', versions: [Secret], options: { namespace, labelSelector: `${ARGO_SECRET_TYPE_LABEL}=cluster`, metadataOnly: true }, read: readArgo })),
    { source: 'Flux', versions: KUSTOMIZATIONS, options: {}, read: readFlux('Kustomization') },
    { source: 'Flux', versions: HELM_RELEASES, options: {}, read: readFlux('HelmRelease') },
  ];
}
