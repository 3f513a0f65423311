/** Conditions of a ServiceExport: `Valid`, `Ready` and `Conflict` with KEP-1645's reasons; `NotAllowed` and `Reachable` are ours. Pure. */
import type { ServiceExportObject } from '../../../mesh/api/resources/multicluster.ts';
import { type Condition, setCondition } from '../../../mesh/model/condition.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { ExportVerdict } from '../../../mesh/model/service.ts';

/** By clusters that are no peers of this one; only where there are some. */
const REACHABLE = 'Reachable';
const withoutReachable = (conditions: readonly Condition[]): readonly Condition[] => (conditions.some(({ type }) => type === REACHABLE) ? conditions.filter(({ type }) => type !== REACHABLE) : conditions);

/**
 * The same array where nothing changes. `local`: what is wrong in this cluster goes before what the hub says. Without either, an earlier verdict stays:
 * the hub may only be away.
 */
export function exportConditions(
  exported: ServiceExportObject, local: ExportVerdict | undefined, fromHub: ExportVerdict | undefined, shared: boolean, now: Instant,
): readonly Condition[] {
  const before = (exported.status?.conditions ?? []) as readonly Condition[];
  const verdict = local ?? fromHub;
  const generation = exported.metadata.generation === undefined ? {} : { observedGeneration: exported.metadata.generation };
  const set = (conditions: readonly Condition[], type: string, status: Condition['status'], reason: string, message: string): readonly Condition[] =>
    setCondition(conditions, { type, status, reason, message, ...generation }, now);
  if (verdict === undefined) {
    return before.length > 0 ? before : set(before, 'Ready', 'Unknown', 'Pending', 'The hub has not judged this export yet.');
  }
  const valid = set(before, 'Valid', verdict.valid ? 'True' : 'False', verdict.reason, verdict.message);
  if (!verdict.valid) return set(valid, 'Ready', 'False', 'Failed', 'The export is not valid.').filter(({ type }) => type !== 'Conflict' && type !== REACHABLE);
  const ready = shared
    ? set(valid, 'Ready', 'True', 'Exported', 'The service is shared with the cluster set.')
    : set(valid, 'Ready', 'False', 'Pending', 'The hub has not shared this export yet.');
  const { crossing } = verdict;
  const crossed = crossing === undefined ? withoutReachable(ready) : set(ready, REACHABLE, crossing.reason === 'Gateway' ? 'True' : 'False', crossing.reason, crossing.message);
  return verdict.conflictReason === ''
    ? set(crossed, 'Conflict', 'False', 'NoConflicts', 'No other export of this service differs.')
    : set(crossed, 'Conflict', 'True', verdict.conflictReason, verdict.conflictMessage);
}
