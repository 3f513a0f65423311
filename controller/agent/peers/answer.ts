/** What this agent tells another one that asks. */
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { type ExportFact, exportKey } from '../../../mesh/model/service.ts';
import { type PeerHandler, TransportError } from '../../../mesh/ports/transport.ts';
import type { Exports } from '../observe/exports.ts';
import type { AgentState } from '../state/state.ts';
import type { Probes } from './probe.ts';

/** As canonical JSON, which is longer than the wire's form: an answer must stay below the 4 MiB of a message, or this cluster would seem unreachable to all others. */
const MAX_ANSWER_BYTES = 3 * 1024 * 1024;

/** Only exports that the hub authorised: a peer would take no others, and need not learn of them. */
export function answerPeers(cluster: string, exports: Exports, state: AgentState, probes: Pick<Probes, 'own'>): PeerHandler {
  const sizes = new WeakMap<ExportFact, number>();
  const sizeOf = (fact: ExportFact): number => {
    const size = sizes.get(fact) ?? canonicalJson(fact).length;
    sizes.set(fact, size);
    return size;
  };
  /** What does not fit comes by way of the hub alone. */
  const fitting = (facts: readonly ExportFact[]): ExportFact[] => {
    let bytes = 0;
    return facts.filter((fact) => {
      if (bytes + sizeOf(fact) > MAX_ANSWER_BYTES) return false;
      bytes += sizeOf(fact);
      return true;
    });
  };
  return {
    async facts() {
      const { facts } = exports;
      if (facts === undefined) throw new TransportError('retry', 'Overloaded', `cluster "${cluster}": its agent has just started and does not know its exports yet`);
      return {
        cluster,
        exports: fitting([...facts.values()].filter((fact) => state.get('ImportedFact', exportKey(fact)) !== undefined)),
        reachability: probes.own(),
      };
    },
  };
}
