/**
 * The objects that tell Cilium about its peers, as Cilium's Helm chart renders them (`templates/clustermesh-config/*`,
 * `clustermesh-apiserver/users-configmap.yaml`, 1.16 to 1.20): the "bring your own" contract of `clustermesh.config.enabled=false`.
 */
import { parseCiliumVersion } from '../model/cilium-version.ts';
import { type PeeringState, type PeerState, readersOf } from '../model/desired.ts';
import type { ManagedObject } from '../model/managed.ts';
import { ownFiles, ownMarkLine, type PeerCredentials } from './own-tls.ts';
import { ENDPOINTS, isEntry, PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH, REMOTE_USERS, USERS_KEY } from './words.ts';
import { listBlock, scalar } from './yaml.ts';

const MOUNT = '/var/lib/cilium/clustermesh';
/** What the chart appends to a peer's name where the peer is given by addresses; a SAN of every clustermesh-apiserver's certificate. */
export const PEER_DOMAIN = 'mesh.cilium.io';

/** Cilium makes its client for a peer anew when one byte of this file is another, and reads whom it trusts only then (`pkg/kvstore`, `clustermesh/common/config.go`). */
const MARK = '# trusts ';

/** Of what stands there; undefined: none. */
export const markIn = (objects: readonly Pick<ManagedObject, 'kind' | 'data'>[]): string | undefined =>
  objects.filter(({ kind }) => kind === 'Secret').flatMap(({ data }) => Object.values(data)).find((text) => text.startsWith(MARK))?.split('\n', 1)[0]?.slice(MARK.length);

export const withoutMark = (text: string): string => (text.startsWith(MARK) ? text.slice(text.indexOf('\n') + 1) : text);

/** An entry under this mark, whatever mark it had. */
export const marked = (text: string, mark: string | undefined): string => `${mark === undefined ? '' : `${MARK}${mark}\n`}${withoutMark(text)}`;

/**
 * Peers of `wanted` whose text stands there without `mark`, by name of the Secret; all of a Secret that is not there. A peer that is missing in one that is there is no such
 * peer: nothing is connected to it.
 */
export function unmarked(wanted: readonly Pick<ManagedObject, 'kind' | 'name' | 'data'>[], standing: readonly Pick<ManagedObject, 'kind' | 'name' | 'data'>[], mark: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const { kind, name, data } of wanted) {
    if (kind !== 'Secret') continue;
    const there = standing.find((object) => object.kind === kind && object.name === name);
    const peers = Object.keys(data).filter((key) => isEntry(data[key])).sort()
      .filter((key) => there === undefined || there.data[key]?.startsWith(`${MARK}${mark}\n`) === false);
    if (peers.length > 0) found.set(name, peers);
  }
  return found;
}

/** Where the formats of Cilium's minor versions differ. */
interface Dialect {
  /** Agents log in to their own clustermesh-apiserver as `local-<cluster>` (1.17 on), not as a remote. */
  readonly localUser: boolean;
  /** Peers given by addresses are named to the etcd client itself (1.20 on), not only to the pod's hosts file. */
  readonly hostAliases: boolean;
}

/** A version that cannot be read gets the newest format. */
function dialectOf(version: string): Dialect {
  const parsed = parseCiliumVersion(version);
  const minor = parsed === undefined || parsed.major > 1 ? Number.POSITIVE_INFINITY : parsed.minor;
  return { localUser: minor >= 17, hostAliases: minor >= 20 };
}

/** By name of the peer; undefined: nobody gave them, and whoever writes the manifest adds them (`filledBy`). */
export type CredentialsOf = (peer: string) => PeerCredentials | undefined;

/**
 * Secret `cilium-clustermesh` always; `cilium-kvstoremesh` with KVStoreMesh; ConfigMap `clustermesh-remote-users` unless all clusters share one user (`legacy`). `mark`: changes
 * when the roots do. `credentialsOf`: of peers whose endpoint names a Secret.
 */
export function renderPeering(peering: PeeringState, mark?: string, credentialsOf: CredentialsOf = () => undefined): ManagedObject[] {
  const { namespace } = peering;
  const dialect = dialectOf(peering.ciliumVersion);
  const remote = Object.assign({}, ...peering.peers.map((peer) => remotePeer(peer, dialect, mark, credentialsOf))) as Record<string, string>;
  const objects: ManagedObject[] = [];
  objects.push({ kind: 'Secret', namespace, name: PEERS_OF_AGENTS, data: peering.kvstoreMesh ? localPeers(peering, dialect, mark) : remote });
  if (peering.kvstoreMesh) objects.push({ kind: 'Secret', namespace, name: PEERS_OF_KVSTOREMESH, data: remote });
  if (peering.authMode !== 'legacy') {
    objects.push({ kind: 'ConfigMap', namespace, name: REMOTE_USERS, data: { [USERS_KEY]: remoteUsers(peering, dialect) } });
  }
  return objects;
}

/** With KVStoreMesh agents read every peer from their own cluster's copy. */
function localPeers(peering: PeeringState, dialect: Dialect, mark: string | undefined): Record<string, string> {
  const prefix = dialect.localUser ? 'local-' : 'common-';
  const text = etcdClient(`https://clustermesh-apiserver.${peering.namespace}.svc:2379`, prefix, prefix, marks(mark));
  return Object.fromEntries(peering.peers.map((peer) => [peer.name, text]));
}

/** Where a peer's etcd is, as its entry names it, and the addresses of that name where entries hold them. */
export function remoteEndpoint({ name, endpoint: { address, ips, port } }: Pick<PeerState, 'name' | 'endpoint'>): { readonly endpoint: string; readonly addresses: readonly string[] } {
  const hostname = `${name}.${PEER_DOMAIN}`;
  return { endpoint: `https://${ips === undefined ? (address ?? hostname) : hostname}:${port}`, addresses: ips ?? [] };
}

function remotePeer(peer: PeerState, dialect: Dialect, mark: string | undefined, credentialsOf: CredentialsOf): Record<string, string> {
  const { endpoint, name } = peer;
  const { tls } = endpoint;
  const credentials = tls === undefined ? undefined : credentialsOf(name);
  const own = `${name}.`;
  const prefix = tls === undefined ? 'common-' : own;
  const authorityPrefix = tls?.trust === 'Secret' ? own : 'common-';
  const hostname = `${name}.${PEER_DOMAIN}`;
  let text = etcdClient(remoteEndpoint(peer).endpoint, prefix, authorityPrefix, [...marks(mark), ...(credentials?.mark === undefined ? [] : [ownMarkLine(credentials.mark)])]);
  if (endpoint.ips !== undefined && dialect.hostAliases) text += `\ncilium-host-aliases:\n- hostname: ${hostname}\n  ips: \n${listBlock(endpoint.ips, '    ')}`;
  const data: Record<string, string> = { [name]: text };
  if (credentials !== undefined) {
    const files = ownFiles(name);
    if (credentials.caCert !== undefined) data[files.ca] = credentials.caCert;
    data[files.cert] = credentials.cert;
    data[files.key] = credentials.key;
  }
  return data;
}

const marks = (mark: string | undefined): readonly string[] => (mark === undefined ? [] : [`${MARK}${mark}`]);

function etcdClient(endpoint: string, prefix: string, authorityPrefix: string, comments: readonly string[]): string {
  return [
    ...comments,
    ENDPOINTS,
    `- ${scalar(endpoint)}`,
    `trusted-ca-file: ${MOUNT}/${authorityPrefix}etcd-client-ca.crt`,
    `key-file: ${MOUNT}/${prefix}etcd-client.key`,
    `cert-file: ${MOUNT}/${prefix}etcd-client.crt`,
  ].join('\n');
}

/** Before 1.17 a cluster's own agents are one more remote of its KVStoreMesh. */
function remoteUsers(peering: PeeringState, dialect: Dialect): string {
  const names = [...readersOf(peering)];
  if (peering.kvstoreMesh && !dialect.localUser) names.unshift(peering.clusterName);
  return usersText(names);
}

/** Of ConfigMap `clustermesh-remote-users`, key `users.yaml`. */
export const usersText = (clusters: readonly string[]): string => ['users:', ...clusters.map((name) => `- name: remote-${name}\n  role: remote`), ''].join('\n');
