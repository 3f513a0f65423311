/** What an importing cluster writes for one import: the derived Service's name and its EndpointSlices. */
import { canonicalJson, type Digest } from '../model/canonical.ts';
import { AGENT_FIELD_MANAGER } from '../model/managed.ts';
import { serviceKey, type Endpoint, type EndpointPort, type ExportFact, type IpFamily, type ServiceKey } from '../model/service.ts';
import type { ImportPlan } from './merge.ts';

interface SlicePort extends EndpointPort {
  readonly appProtocol?: string;
}

interface SliceEndpoint {
  /** All of the slice's family. */
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly hostname?: string;
  readonly zone?: string;
}

/** One EndpointSlice (`discovery.k8s.io/v1`) of one source cluster and one address family. */
export interface SlicePlan {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addressType: IpFamily;
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly SlicePort[];
}

/** The API's own default for its controller; the hard limit is 1000. */
const ENDPOINTS_PER_SLICE = 100;
const BASE32_HEX = '0123456789abcdefghijklmnopqrstuv';

/** `derived-` and ten characters, equal to Cilium's own (`pkg/clustermesh/mcsapi`): lower-case base32hex of SHA-256 of `namespace/name`. */
export function derivedName(key: ServiceKey, digest: Digest): string {
  return `derived-${shortHash(serviceKey(key), digest)}`;
}

/** The first 50 bits of the digest, five at a time. */
function shortHash(text: string, digest: Digest): string {
  const bits = digest(text).slice(0, 13).split('').map((hex) => Number.parseInt(hex, 16).toString(2).padStart(4, '0')).join('');
  return Array.from({ length: 10 }, (_, index) => BASE32_HEX[Number.parseInt(bits.slice(index * 5, index * 5 + 5), 2)]).join('');
}

/**
 * Slices of the clusters in `serving` only: leaving `serving` is how a failover reaches kube-proxy and Cilium. Sorted by name; the names depend on the
 * source cluster, the family and a running number, so an update rewrites slices in place. `facts` may hold other services; they are passed over.
 */
export function planSlices(plan: ImportPlan, facts: readonly ExportFact[], serving: readonly string[], digest: Digest): SlicePlan[] {
  const derived = derivedName(plan, digest);
  const families: readonly IpFamily[] = plan.ipFamilies.length === 0 ? ['IPv4', 'IPv6'] : plan.ipFamilies;
  return facts
    .filter((fact) => serviceKey(fact) === serviceKey(plan) && serving.includes(fact.cluster))
    .flatMap((fact) => families.flatMap((family) => planFamily(plan, fact, family, derived, digest)))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function planFamily(plan: ImportPlan, fact: ExportFact, family: IpFamily, derived: string, digest: Digest): SlicePlan[] {
  const groups = new Map<string, { ports: SlicePort[]; endpoints: SliceEndpoint[] }>();
  for (const endpoint of fact.endpoints) {
    const addresses = endpoint.addresses.filter((address) => familyOf(address) === family);
    const ports = slicePorts(plan, fact, endpoint);
    if (addresses.length === 0 || (ports.length === 0 && plan.type === 'ClusterSetIP')) continue;
    const key = canonicalJson(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push({
      addresses,
      ready: endpoint.ready,
      ...(endpoint.hostname === undefined ? {} : { hostname: endpoint.hostname }),
      ...(endpoint.zone === undefined ? {} : { zone: endpoint.zone }),
    });
    groups.set(key, group);
  }
  const chunks = [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, group]) => {
      const endpoints = group.endpoints.sort((a, b) => (a.addresses[0]! < b.addresses[0]! ? -1 : a.addresses[0]! > b.addresses[0]! ? 1 : 0));
      return Array.from({ length: Math.ceil(endpoints.length / ENDPOINTS_PER_SLICE) }, (_, index) =>
        ({ ports: group.ports, endpoints: endpoints.slice(index * ENDPOINTS_PER_SLICE, (index + 1) * ENDPOINTS_PER_SLICE) }));
    });
  return chunks.map((chunk, index) => ({
    namespace: plan.namespace,
    name: sliceName(derived, fact.cluster, family, index, digest),
    labels: {
      'app.kubernetes.io/managed-by': AGENT_FIELD_MANAGER,
      'endpointslice.kubernetes.io/managed-by': AGENT_FIELD_MANAGER,
      'kubernetes.io/service-name': derived,
      'multicluster.kubernetes.io/service-name': plan.name,
      'multicluster.kubernetes.io/source-cluster': fact.cluster,
    },
    addressType: family,
    endpoints: chunk.endpoints,
    ports: chunk.ports,
  }));
}

/**
 * The import's ports that this cluster exposes: equal protocol and number, whatever the port is called there (KEP-1645: a conflicting port goes only to
 * the clusters that expose it). They carry the import's names, by which a Service finds them.
 */
function slicePorts(plan: ImportPlan, fact: ExportFact, endpoint: Endpoint): SlicePort[] {
  return plan.ports.flatMap((port) => {
    const exposed = fact.ports.find((candidate) => candidate.protocol === port.protocol && candidate.port === port.port);
    const target = exposed && endpoint.ports.find((candidate) => candidate.name === exposed.name && candidate.protocol === exposed.protocol);
    if (target === undefined) return [];
    return [{ name: port.name, protocol: port.protocol, port: target.port, ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }) }];
  });
}

/** At most 63 characters: a cluster name longer than Cilium allows is shown by its hash. */
function sliceName(derived: string, cluster: string, family: IpFamily, index: number, digest: Digest): string {
  const part = cluster.length <= 32 ? cluster : shortHash(cluster, digest);
  return `${derived}-${part}-${family === 'IPv4' ? 'v4' : 'v6'}-${index}`;
}

const familyOf = (address: string): IpFamily => (address.includes(':') ? 'IPv6' : 'IPv4');
