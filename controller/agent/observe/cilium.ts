/** What Cilium's own objects say of its settings. Pure. Keys of ConfigMap `cilium-config`: Cilium's chart, `templates/cilium-configmap.yaml`. */
import type { ConfigMapObject, NodeObject, ServiceObject, WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { CILIUM_SETTINGS, type CiliumFacts, LONGEST_RELEASE_NAME, MAX_SERVICE_CIDRS, type MeshEndpoint, type RemoteUsersMount } from '../../../mesh/model/cluster.ts';
import { managedBy } from '../../../mesh/drift/managed-by.ts';
import { nodeCidrs } from './node-cidrs.ts';
import { remoteUsersMount } from './remote-users.ts';

export interface CiliumObjects {
  readonly config: ConfigMapObject | undefined;
  /** DaemonSet `cilium`. */
  readonly agents: WorkloadObject | undefined;
  /** Deployment and Service `clustermesh-apiserver`. */
  readonly meshServer: WorkloadObject | undefined;
  readonly meshService: ServiceObject | undefined;
  readonly nodes: readonly NodeObject[];
  /** ConfigMap `clustermesh-remote-users` is there. */
  readonly hasRemoteUsers?: boolean;
  /** What certificates that others made say; absent: there are none. */
  readonly foreign?: Pick<CiliumFacts, 'foreignTrust' | 'serverNames'>;
  /** Of all ServiceCIDR objects; absent: this API has none, or they may not be read. */
  readonly serviceCidrs?: readonly string[] | undefined;
}

const MOST_CIDRS = 64;
const LONGEST_SETTING = 256;
const LARGEST_UINT32 = 0xffff_ffff;
/** Node addresses given to peers where the mesh server is reached by node port. */
const MOST_NODE_ADDRESSES = 3;

/**
 * null: Cilium is not here. `properties` fill in what cannot be read: `cilium-version`, `cilium-auth-mode`, `cilium-kvstoremesh` and `service-cidrs`, which stand in no object
 * that an agent may always read, or that every API server has.
 */
export function readCilium(objects: CiliumObjects, namespace: string, properties: Readonly<Record<string, string>>, configuredEndpoint: MeshEndpoint | undefined): CiliumFacts | null {
  const { config } = objects;
  if (config === undefined) return null;
  const data = config.data ?? {};
  const version = imageVersion(objects.agents) ?? config.metadata.annotations?.['app.kubernetes.io/version'] ?? config.metadata.labels?.['app.kubernetes.io/version']
    ?? properties['cilium-version'] ?? '';
  const endpoint = configuredEndpoint ?? readEndpoint(objects.meshService, objects.nodes);
  const clusterId = Number(data['cluster-id'] ?? '0');
  const settings = CILIUM_SETTINGS.flatMap((key) => (data[key] === undefined ? [] : [[key, data[key].slice(0, LONGEST_SETTING)]]));
  const ofNodes = nodeCidrs(objects.nodes);
  const services = objects.serviceCidrs ?? (properties['service-cidrs'] ?? '').split(/[\s,]+/).filter((cidr) => cidr !== '').slice(0, MAX_SERVICE_CIDRS);
  const remoteUsers = remoteUsersMount(objects.meshServer, objects.hasRemoteUsers === true);
  return {
    version: version.replace(/^v/, ''),
    clusterName: data['cluster-name'] ?? 'default',
    // Out of range goes on as it is, for the plan to refuse; what is no number counts as not set.
    clusterId: Number.isInteger(clusterId) && clusterId >= 0 ? Math.min(clusterId, LARGEST_UINT32) : 0,
    maxConnectedClusters: data['max-connected-clusters'] === '511' ? 511 : 255,
    podCidrs: readPodCidrs(data, objects.nodes),
    namespace,
    kvstoreMesh: readKvstoreMesh(objects.meshServer, properties['cilium-kvstoremesh']),
    authMode: readAuthMode(version, properties['cilium-auth-mode'], remoteUsers),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(settings.length === 0 ? {} : { settings: Object.fromEntries(settings) }),
    ...(ofNodes === undefined ? {} : { nodeCidrs: ofNodes }),
    ...(services.length === 0 ? {} : { serviceCidrs: services }),
    ...(remoteUsers === undefined ? {} : { remoteUsers }),
    ...objects.foreign,
    ...releaseOf(config),
  };
}

/** An application outside of Argo CD's own namespace is marked as `namespace_name`; neither may hold `_` otherwise. */
function releaseOf({ metadata }: ConfigMapObject): Pick<CiliumFacts, 'release'> {
  const found = managedBy(metadata, { group: '', kind: 'ConfigMap' });
  if (found === null) return {};
  const [application = '', elsewhere] = found.tool === 'Argo CD' ? found.name.split('_', 2).reverse() : [found.name];
  const namespace = elsewhere ?? found.namespace;
  if ([application, namespace ?? ''].some((text) => text.length > LONGEST_RELEASE_NAME)) return {};
  return { release: { tool: found.tool, name: application, ...(namespace === null ? {} : { namespace }), ...(found.sure ? {} : { byLabelAlone: true }) } };
}

/** `quay.io/cilium/cilium:v1.18.12@sha256:…` → `v1.18.12`. */
function imageVersion(workload: WorkloadObject | undefined): string | undefined {
  const image = workload?.spec?.template?.spec?.containers?.find(({ name }) => name === 'cilium-agent')?.image;
  return /:(v?\d+\.\d+\.\d+[^@/]*)(?:@|$)/.exec(image ?? '')?.[1];
}

function readPodCidrs(data: Readonly<Record<string, string>>, nodes: readonly NodeObject[]): string[] {
  const pools = ['cluster-pool-ipv4-cidr', 'cluster-pool-ipv6-cidr'].flatMap((key) => (data[key] ?? '').split(/[\s,]+/)).filter((cidr) => cidr !== '');
  const cidrs = pools.length > 0 ? pools : nodes.flatMap((node) => node.spec?.podCIDRs ?? []);
  return [...new Set(cidrs)].sort().slice(0, MOST_CIDRS);
}

/** On by default since Cilium 1.16. */
function readKvstoreMesh(meshServer: WorkloadObject | undefined, property: string | undefined): boolean {
  const containers = meshServer?.spec?.template?.spec?.containers;
  if (containers !== undefined) return containers.some(({ name }) => name === 'kvstoremesh');
  return property !== 'false';
}

/** The chart mounts users in every mode but `legacy`; which of the others it is stands nowhere. Untold, Cilium's defaults: `legacy` up to 1.18, `migration` from 1.19. */
function readAuthMode(version: string, property: string | undefined, mount: RemoteUsersMount | undefined): CiliumFacts['authMode'] {
  if (property === 'legacy' || property === 'migration' || property === 'cluster') return property;
  if (mount !== undefined) return mount === 'NotMounted' ? 'legacy' : 'migration';
  const [, major = '0', minor = '0'] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 || Number(minor) >= 19 ? 'migration' : 'legacy';
}

function readEndpoint(service: ServiceObject | undefined, nodes: readonly NodeObject[]): MeshEndpoint | undefined {
  const port = service?.spec?.ports?.find(({ name }) => name === 'etcd') ?? service?.spec?.ports?.[0];
  if (service === undefined || port === undefined) return undefined;
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  const hostname = ingress.find((entry) => entry.hostname !== undefined)?.hostname;
  if (hostname !== undefined) return { address: hostname, port: port.port };
  const ips = ingress.flatMap(({ ip }) => (ip === undefined ? [] : [ip])).sort();
  if (ips.length > 0) return { ips, port: port.port };
  if (service.spec?.type !== 'NodePort' || port.nodePort === undefined) return undefined;
  const addresses = nodes.filter(isReady).flatMap((node) => node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? []).sort().slice(0, MOST_NODE_ADDRESSES);
  return addresses.length === 0 ? undefined : { ips: addresses, port: port.nodePort };
}

export const isReady = (node: NodeObject): boolean => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
