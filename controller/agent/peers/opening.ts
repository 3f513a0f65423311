/** Opens a peer's etcd once, as this cluster's Cilium would, and reads the one key that says whose it is. */
import type { PeerCredentials } from '../../../mesh/cilium/own-tls.ts';
import { remoteEndpoint } from '../../../mesh/cilium/peering.ts';
import type { PeerState } from '../../../mesh/model/desired.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type EtcdConnector, type EtcdCredentials, EtcdError } from '../../../mesh/ports/etcd.ts';

/** Of the agent's cluster: what a peer without credentials of its own takes. */
export type CommonCredentials = EtcdCredentials | { readonly missing: string };

/** For one peer alone; undefined: it takes the common ones. */
export type OwnCredentialsOf = (peer: PeerState) => PeerCredentials | { readonly missing: string } | undefined;

function credentialsFor(own: ReturnType<OwnCredentialsOf>, common: CommonCredentials): CommonCredentials {
  if (own === undefined) return common;
  if ('missing' in own) return own;
  if (own.caCert === undefined && 'missing' in common) return common;
  return { certPem: own.cert, keyPem: own.key, caPem: own.caCert ?? (common as EtcdCredentials).caPem };
}

/** Why the peer cannot be read yet, for people; undefined: it can. Rejects where `signal` aborts. */
export async function openPeer(etcd: EtcdConnector, peer: PeerState, cluster: string, common: CommonCredentials, signal: CancelSignal, own?: ReturnType<OwnCredentialsOf>): Promise<string | undefined> {
  const credentials = credentialsFor(own, common);
  if ('missing' in credentials) return credentials.missing;
  try {
    const connection = await etcd.open({ ...remoteEndpoint(peer), ...credentials }, signal);
    try {
      const { entries: [config] } = await connection.range({ key: `cilium/cluster-config/${peer.name}`, limit: 1 });
      return config === undefined ? `${remoteEndpoint(peer).endpoint} answers, but holds no cluster-config of ${peer.name}: it is of another cluster, or its clustermesh-apiserver has only just started` : idProblem(config.value, peer);
    } finally {
      connection.close();
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof EtcdError)) throw error;
    return error.reason === 'PermissionDenied' ? `its etcd does not let us in: it has no user remote-${cluster} yet` : error.message;
  }
}

function idProblem(config: string, { name, clusterId }: PeerState): string | undefined {
  let id: unknown;
  try {
    ({ id } = JSON.parse(config) as { readonly id?: unknown });
  } catch {
    return 'its cluster-config is no JSON object';
  }
  return id === clusterId ? undefined : `its etcd says that ${name} has id ${String(id).slice(0, 10)}, and by the plan it is ${clusterId}: its Helm value cluster.id decides ("isthmus mesh values ${name}")`;
}
