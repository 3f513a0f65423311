/** Whose leaves are to be replaced now: issuing CAs that a rotation leaves behind, and tainted ones. */
import type { AuthorityState } from '../../../certs/index.ts';
import type { TrustState } from '../../../mesh/model/desired.ts';
import { MAX_TRUST_ISSUERS } from '../../../mesh/model/trust.ts';

export interface Leaving {
  readonly clients: readonly string[];
  readonly servers: readonly string[];
}

/** Common names, sorted: what a leaf names as its issuer. From Cleanup on nobody shows what an old one signed: to say so once more would be one more update run. */
export function leavingIssuers({ issuers, rotation, renewClientsFrom, renewServersFrom }: Pick<AuthorityState, 'issuers' | 'rotation' | 'renewClientsFrom' | 'renewServersFrom'>): Leaving {
  const meant = rotation?.phase === 'Cleanup' ? issuers.filter(({ state }) => state !== 'old') : issuers;
  const below = (from: number): string[] => meant.filter(({ generation }) => generation < from).slice(-MAX_TRUST_ISSUERS).map(({ commonName }) => commonName).sort();
  return { clients: below(renewClientsFrom), servers: below(renewServersFrom) };
}

/** What clusters are asked to be; without a rotation it is the bundle alone, as hubs before have it. */
export function askedTrust(trust: TrustState, { clients, servers }: Leaving): TrustState {
  return { ...trust, ...(clients.length === 0 ? {} : { renewClientsOf: clients }), ...(servers.length === 0 ? {} : { renewServersOf: servers }) };
}
