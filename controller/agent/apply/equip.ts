/** Which credentials each peer is written with that is to be read with ones for it alone. Pure. */
import { credentialsIn, type PeerCredentials } from '../../../mesh/cilium/own-tls.ts';
import type { CredentialsOf } from '../../../mesh/cilium/peering.ts';
import { listed } from '../../../mesh/model/listed.ts';
import type { PeeringState, PeerState } from '../../../mesh/model/desired.ts';
import type { ManagedObject } from '../../../mesh/model/managed.ts';
import type { OwnCredentials } from '../peers/own-credentials.ts';

const MOST_NAMED = 3;

export interface Equipped {
  readonly peering: PeeringState;
  readonly credentialsOf: CredentialsOf;
  /** Peers whose credentials are not there, and why. */
  readonly missing: ReadonlyMap<string, string>;
  /** Of those, which have an entry: it stays as it stands. For people; empty: none. */
  readonly message: string;
}

/** `standing`: what the Secrets hold, whose entries stay with what stands beside them where their Secret cannot be read just now. `isStanding`: the peer has an entry. */
export function equip(peering: PeeringState, standing: readonly Pick<ManagedObject, 'kind' | 'data'>[], isStanding: (peer: string) => boolean, of: OwnCredentials['of']): Equipped {
  const found = new Map<string, PeerCredentials>();
  const missing = new Map<string, string>();
  const stays: string[] = [];
  const peers = peering.peers.map((peer): PeerState => {
    const own = of(peer);
    if (own === undefined) return peer;
    if (!('missing' in own)) {
      found.set(peer.name, own);
      return peer;
    }
    missing.set(peer.name, own.missing);
    if (!isStanding(peer.name)) return peer;
    stays.push(`${peer.name}: ${own.missing}, so its entry stays with the credentials that it has`);
    const there = standing.flatMap(({ kind, data }) => (kind === 'Secret' && peer.endpoint.tls !== undefined ? credentialsIn(data, peer.name, peer.endpoint.tls) ?? [] : []))[0];
    if (there !== undefined) {
      found.set(peer.name, there);
      return peer;
    }
    const { tls: _, ...endpoint } = peer.endpoint;
    return { ...peer, endpoint };
  });
  return { peering: missing.size === 0 ? peering : { ...peering, peers }, credentialsOf: (peer) => found.get(peer), missing, message: stays.length === 0 ? '' : listed(stays, MOST_NAMED) };
}
