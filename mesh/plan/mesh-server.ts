/** How clusters are reached by their peers: users, names in certificates, roots, and what Cilium's version makes of addresses. */
import { parseAddress } from '../model/address.ts';
import { parseCiliumVersion } from '../model/cilium-version.ts';
import type { MeshEndpoint } from '../model/cluster.ts';
import { listed } from '../model/listed.ts';
import type { MeshValue } from '../model/policy.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';

const NAMED = 3;
/** From here on addresses of peers are told to the etcd client itself (`cilium-host-aliases`). */
const HOST_ALIASES_MINOR = 20;
/** What Cilium's chart gives a peer that is known by addresses (`clustermesh.config.domain`). */
const PEER_DOMAIN = 'mesh.cilium.io';

export function meshServerConflicts(mesh: MeshValue, members: readonly Member[], endpoints: ReadonlyMap<string, MeshEndpoint>, reads: (reader: string, read: string) => boolean): Conflict[] {
  if (members.length < 2) return [];
  return [...users(mesh, members), ...uncertified(members, endpoints), ...aliases(mesh, members, endpoints, reads), ...withoutKvstoreMesh(mesh, members), ...trust(members, endpoints, reads)];
}

function users(mesh: MeshValue, members: readonly Member[]): Conflict[] {
  const found: Conflict[] = [];
  for (const { name, cilium: { authMode, remoteUsers } } of members) {
    if (authMode === 'legacy') continue;
    if (remoteUsers === 'NotMounted') {
      found.push({ reason: 'RemoteUsersNotRead', clusters: [name], message: `cluster ${name}: its clustermesh-apiserver does not mount ConfigMap clustermesh-remote-users, so it refuses every peer whatever is written there; set Cilium's Helm value clustermesh.apiserver.tls.authMode to cluster there, which mounts it, or take the cluster out of the mesh` });
    } else if (remoteUsers === 'RequiredAndMissing') {
      found.push({ reason: 'RemoteUsersRequired', clusters: [name], message: `cluster ${name}: its clustermesh-apiserver does not start without ConfigMap clustermesh-remote-users, which is not there yet; it is written with the cluster's first state, and the pod starts then` });
    }
  }
  const [migration, cluster] = (['migration', 'cluster'] as const).map((mode) => members.filter(({ cilium }) => cilium.authMode === mode).map(({ name }) => name));
  if (migration !== undefined && cluster !== undefined && migration.length > 0 && cluster.length > 0) {
    found.push({ reason: 'AuthModeMixed', clusters: migration, message: `Mesh ${mesh.name}: authMode is migration in ${listed(migration, NAMED)} and cluster in ${listed(cluster, NAMED)}: the common user "remote" still gets into the former; set Cilium's Helm value clustermesh.apiserver.tls.authMode to cluster there once all are peered` });
  }
  return found;
}

/** Names by which peers may call it: those of certificates that Isthmus issues, and what the one in use says, where its agent tells. A peer given by addresses is called by the first. */
function uncertified(members: readonly Member[], endpoints: ReadonlyMap<string, MeshEndpoint>): Conflict[] {
  return members.flatMap(({ name, cilium }): Conflict[] => {
    const address = endpoints.get(name)?.address?.toLowerCase();
    if (address === undefined) return [];
    // Of certificates that others made names are told, and no addresses.
    if (cilium.serverNames !== undefined && parseAddress(address) !== undefined) return [];
    const names = cilium.serverNames ?? ownNames(name, cilium.namespace);
    if (names.some((one) => covers(one.toLowerCase(), address))) return [];
    return [{
      reason: 'EndpointUncertified', clusters: [name],
      message: `cluster ${name}: peers would call its clustermesh-apiserver by ${JSON.stringify(address)}, and its server certificate is for ${listed(names, 6)}, so none would trust it; give ips in spec.meshEndpoint of Cluster ${name}, or point DNS name ${name}.${PEER_DOMAIN} at it and give that as address`,
    }];
  });
}

const ownNames = (cluster: string, namespace: string): readonly string[] => [`${cluster}.${PEER_DOMAIN}`, `clustermesh-apiserver.${namespace}.svc`, 'localhost', '127.0.0.1', '::1'];

/** RFC 6125 §6.4.3: a star is one whole leftmost label. */
const covers = (name: string, host: string): boolean => name === host || (name.startsWith('*.') && host.includes('.') && host.slice(host.indexOf('.')) === name.slice(1));

function aliases(mesh: MeshValue, members: readonly Member[], endpoints: ReadonlyMap<string, MeshEndpoint>, reads: (reader: string, read: string) => boolean): Conflict[] {
  const byAddresses = members.map(({ name }) => name).filter((name) => endpoints.get(name)?.ips !== undefined);
  if (byAddresses.length === 0) return [];
  const readers = members.filter(({ cilium }) => { const version = parseCiliumVersion(cilium.version); return version !== undefined && version.major === 1 && version.minor < HOST_ALIASES_MINOR; })
    .map(({ name }) => name).filter((reader) => byAddresses.some((read) => reads(reader, read)));
  if (readers.length === 0) return [];
  return [{
    reason: 'HostAliasesNeeded', clusters: readers,
    message: `Mesh ${mesh.name}: Cilium in ${listed(readers, NAMED)} is older than 1.${HOST_ALIASES_MINOR} and finds peers that are given by ips (${listed(byAddresses, NAMED)}) only where DNS or the pod's hosts file has <peer>.${PEER_DOMAIN}; point that name at them and give it as address in spec.meshEndpoint`,
  }];
}

function withoutKvstoreMesh(mesh: MeshValue, members: readonly Member[]): Conflict[] {
  const without = members.filter(({ cilium }) => !cilium.kvstoreMesh).map(({ name }) => name);
  if (without.length === 0 || without.length === members.length) return [];
  return [{ reason: 'KVStoreMeshMixed', clusters: without, message: `Mesh ${mesh.name}: ${listed(without, NAMED)} ${without.length === 1 ? 'has' : 'have'} no KVStoreMesh and the others have: each agent there has a connection of its own to each peer; turn on Cilium's Helm value clustermesh.apiserver.kvstoremesh.enabled` }];
}

/** Only where others made certificates: those of Isthmus have its roots on both sides, also while these change. Who is read with credentials for it alone is believed by these. */
function trust(members: readonly Member[], endpoints: ReadonlyMap<string, MeshEndpoint>, reads: (reader: string, read: string) => boolean): Conflict[] {
  const found: Conflict[] = [];
  const meet = (reader: string, read: string): boolean => endpoints.get(read)?.tls === undefined && reads(reader, read);
  for (const foreign of members) {
    const theirs = foreign.cilium.foreignTrust;
    if (theirs === undefined) continue;
    const strangers = members.filter((other) => other !== foreign && (meet(other.name, foreign.name) || meet(foreign.name, other.name)) && !agree(theirs, other.cilium.foreignTrust)).map(({ name }) => name);
    if (strangers.length === 0) continue;
    found.push({
      reason: 'TrustMismatch', clusters: [foreign.name],
      message: `cluster ${foreign.name}: Secrets clustermesh-apiserver-*-cert there were made by others, and ${listed(strangers, NAMED)} ${strangers.length === 1 ? 'does' : 'do'} not share a root with it, so neither would trust the other; delete those Secrets, and Isthmus issues them, have all clusters believe one root, or give credentials for it alone (spec.meshEndpoint.tls of Cluster ${foreign.name})`,
    });
  }
  return found;
}

/** Each believes what signed the other's; a cluster whose certificates are Isthmus' own has roots that the foreign one must believe: nothing tells that here. */
function agree(a: NonNullable<Member['cilium']['foreignTrust']>, b: Member['cilium']['foreignTrust']): boolean {
  return b !== undefined && a.signedBy.every((root) => b.roots.includes(root)) && b.signedBy.every((root) => a.roots.includes(root));
}
