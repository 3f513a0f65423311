/**
 * What Cilium's Helm values must be for a cluster to be peered by us, and which pods a change restarts. The objects of `peering.ts` and the certificates are ours, so the chart must
 * write neither: where it writes one anyway, the next `helm upgrade` would take the mesh back (charts 1.16 to 1.20: `templates/clustermesh-config`, `clustermesh-apiserver`).
 */
import type { CiliumFacts } from '../model/cluster.ts';
import { parseCiliumVersion } from '../model/cilium-version.ts';
import { type PeeringState, readersOf } from '../model/desired.ts';
import { PEER_DOMAIN } from './peering.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export interface ValueFinding {
  /** Dotted, as `helm --set` takes it. */
  readonly path: string;
  /** undefined: not known; a person who gives the values of the release knows. */
  readonly have: Json | undefined;
  readonly want: Json;
  readonly why: string;
  /** Workloads in Cilium's namespace whose pods restart, or have to be restarted, for the value to count. Sorted. */
  readonly restarts: readonly string[];
}

/** A pod whose `hostAliases` name peers: the chart has no value for them beside `clustermesh.config`, which would bring its own Secrets. */
export interface HostAliases {
  readonly workload: Workload;
  readonly aliases: readonly { readonly ip: string; readonly hostnames: readonly string[] }[];
}

const AGENTS = 'DaemonSet cilium';
const OPERATOR = 'Deployment cilium-operator';
const MESH_SERVER = 'Deployment clustermesh-apiserver';
type Workload = typeof AGENTS | typeof MESH_SERVER;

/** A version that cannot be read is taken for the newest, as `renderPeering` does. */
function minorOf(version: string): number {
  const parsed = parseCiliumVersion(version);
  return parsed === undefined || parsed.major > 1 ? Number.POSITIVE_INFINITY : parsed.minor;
}

/** Where `values` says nothing the chart's own default counts. */
function valueAt(values: Json | undefined, path: string): Json | undefined {
  let at: Json | undefined = values;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return undefined;
    at = Object.hasOwn(at, name) ? (at as Readonly<Record<string, Json>>)[name] : undefined;
  }
  return at;
}

/** Of all versions from 1.16 on. */
const DEFAULTS: Json = { clustermesh: { useAPIServer: false, config: { enabled: false, clusters: [] }, apiserver: { kvstoremesh: { enabled: true }, tls: { enableSecrets: true, auto: { enabled: true } } } } };

/** `given`: the values of the release as a person has them (`helm get values cilium`); undefined: known is only what the cluster tells. In the order in which a person reads a values file. */
export function valueFindings(cilium: CiliumFacts, peering: PeeringState, given?: Json): readonly ValueFinding[] {
  const minor = minorOf(peering.ciliumVersion);
  const have = (path: string, told?: Json): Json | undefined => told ?? (given === undefined ? undefined : valueAt(given, path) ?? valueAt(DEFAULTS, path));
  const finding = (path: string, want: Json, why: string, restarts: readonly string[], told?: Json): ValueFinding => ({ path, have: have(path, told), want, why, restarts });
  const everything = [AGENTS, OPERATOR, MESH_SERVER];
  const tls = 'clustermesh.apiserver.tls';
  return [
    finding('cluster.name', peering.clusterName, 'the name by which its peers know it', everything, cilium.clusterName),
    finding('cluster.id', peering.clusterId, 'no two clusters of a mesh may have the same; identities of pods are made anew', everything, cilium.clusterId),
    finding('clustermesh.useAPIServer', true, 'its peers read this cluster there', []),
    finding('clustermesh.maxConnectedClusters', peering.maxConnectedClusters, 'the same in all clusters of a mesh; taken when Cilium is installed', everything, cilium.maxConnectedClusters),
    finding('clustermesh.config.enabled', false, 'the Secrets that name its peers are ours; the chart would write its own, and hostAliases', [MESH_SERVER]),
    // Up to 1.18 the chart writes the users of those that it lists, whatever config.enabled is, and 1.16 as well its own.
    ...(minor <= 18 && peering.authMode !== 'legacy'
      ? [finding('clustermesh.config.clusters', readersOf(peering).map((name) => ({ name })), 'before 1.19 the chart always writes ConfigMap clustermesh-remote-users: with these names it writes what stands there, without them an upgrade shuts its peers out', [])]
      : []),
    finding('clustermesh.apiserver.kvstoremesh.enabled', peering.kvstoreMesh, 'as it is', [MESH_SERVER], cilium.kvstoreMesh),
    finding(`${tls}.authMode`, peering.authMode === 'legacy' ? 'cluster' : peering.authMode, 'each peer has a user of its own, which can be cut off', [MESH_SERVER], cilium.authMode),
    finding(`${tls}.auto.enabled`, false, 'the certificates are issued by the hub\'s authority; the chart would write its own', []),
    ...(minor <= 19 ? [finding(`${tls}.enableSecrets`, false, 'without it the chart asks for certificates as values', [])] : []),
  ];
}

const sameJson = (one: Json | undefined, other: Json): boolean => one !== undefined && JSON.stringify(one) === JSON.stringify(other);

/** Neither as wanted nor known to be. */
export const isOpen = ({ have, want }: ValueFinding): boolean => !sameJson(have, want);

/** A values file of these alone, to be merged over the release's own. */
export function valuesOf(findings: readonly ValueFinding[]): { readonly [name: string]: Json } {
  const values: Record<string, unknown> = {};
  for (const { path, want } of findings) {
    const names = path.split('.');
    let at = values;
    for (const name of names.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>;
    at[names.at(-1) ?? ''] = want;
  }
  return values as { readonly [name: string]: Json };
}

/** Before 1.20 a peer that is given by addresses is found by the pod's hosts file alone; undefined: nothing is needed. */
export function hostAliasesOf(peering: PeeringState): HostAliases | undefined {
  if (minorOf(peering.ciliumVersion) >= 20) return undefined;
  const aliases = peering.peers.flatMap(({ name, endpoint }) => (endpoint.ips ?? []).map((ip) => ({ ip, hostnames: [`${name}.${PEER_DOMAIN}`] })));
  return aliases.length === 0 ? undefined : { workload: peering.kvstoreMesh ? MESH_SERVER : AGENTS, aliases };
}
