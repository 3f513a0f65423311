/** What this agent tells another one that asks. */
import { exportKey } from '../../../mesh/model/service.ts';
import { type PeerHandler, TransportError } from '../../../mesh/ports/transport.ts';
import type { Exports } from '../observe/exports.ts';
import type { AgentState } from '../state/state.ts';
import type { Probes } from './probe.ts';

/** Only exports that the hub authorised: a peer would take no others, and need not learn of them. */
export function answerPeers(cluster: string, exports: Exports, state: AgentState, probes: Probes): PeerHandler {
  return {
    async facts() {
      const { facts } = exports;
      if (facts === undefined) throw new TransportError('retry', 'Overloaded', `cluster "${cluster}": its agent has just started and does not know its exports yet`);
      return {
        cluster,
        exports: [...facts.values()].filter((fact) => state.get('ImportedFact', exportKey(fact)) !== undefined),
        reachability: probes.own(),
      };
    },
  };
}
