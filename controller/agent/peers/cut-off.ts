/** Clusters that the hub has told to be cut off, as this agent remembers: whoever asks here needs no hub. */
import { isRefused, refusalText } from '../../../mesh/model/revocation.ts';
import { type PeerHandler, type PeerIdentity, TransportError } from '../../../mesh/ports/transport.ts';
import type { AgentState } from '../state/state.ts';

type Known = Pick<AgentState, 'get'>;

/** It has not joined anew since. */
export const isCutOff = (state: Known, cluster: string): boolean => state.get('Revocation', cluster)?.rejoined === false;

/** Why a certificate of that cluster does not count; undefined: nothing speaks against it. */
function refusalOf(state: Known, { cluster, notBefore }: Pick<PeerIdentity, 'cluster' | 'notBefore'>): string | undefined {
  const revocation = state.get('Revocation', cluster);
  return revocation !== undefined && isRefused(revocation, notBefore) ? refusalText(revocation) : undefined;
}

/** The same answers, for those alone whose certificates count. */
export function refusingRevoked(state: Known, handler: PeerHandler): PeerHandler {
  return {
    async facts(peer) {
      const refusal = refusalOf(state, peer);
      if (refusal !== undefined) throw new TransportError('user', 'PermissionDenied', refusal);
      return handler.facts(peer);
    },
  };
}
