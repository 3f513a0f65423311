/** `status` of a ServiceImport (KEP-1645). Pure. */
import type { ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import { type ConditionUpdate, setCondition } from '../../../mesh/model/condition.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { Crossing, ExportFact } from '../../../mesh/model/service.ts';
import type { ImportPlan } from '../../../mesh/services/merge.ts';
import { RECONCILED } from '../../runtime/reconciled.ts';

const MOST_NAMED = 8;

/** undefined: it says so already. `facts`: of the exports, as this cluster sees them. */
export function importStatus(imported: ServiceImportObject, plan: ImportPlan, facts: readonly ExportFact[], now: Instant): ServiceImportObject | undefined {
  // `Reconciled` is not of this applied status: who reports failures writes it and takes it away.
  const before = (imported.status?.conditions ?? []).filter(({ type }) => type !== RECONCILED);
  const ready = plan.type === 'Headless' || (imported.spec.ips ?? []).length > 0;
  const crossings = facts.flatMap(({ crossing }) => crossing ?? []);
  const shut = crossings.filter(({ reason }) => reason !== 'Gateway');
  const said = setCondition(before, shut.length > 0 && shut.length === facts.length
    ? { type: 'Ready', status: 'False', reason: shut[0]!.reason, message: 'No exporting cluster can be reached from here (see Reachable).' }
    : ready
      ? { type: 'Ready', status: 'True', reason: 'Ready', message: 'The service can be used in this cluster.' }
      : { type: 'Ready', status: 'False', reason: 'Pending', message: 'The derived Service has no cluster IP yet.' }, now);
  const conditions = crossings.length > 0 ? setCondition(said, reachable(crossings, shut), now) : said.some(({ type }) => type === REACHABLE) ? said.filter(({ type }) => type !== REACHABLE) : said;
  const clusters = plan.clusters.map((cluster) => ({ cluster }));
  if (conditions === before && JSON.stringify(imported.status?.clusters ?? []) === JSON.stringify(clusters)) return undefined;
  const { namespace = '', name } = imported.metadata;
  return { apiVersion: imported.apiVersion, kind: imported.kind, metadata: { namespace, name }, status: { clusters, conditions: [...conditions] } } as unknown as ServiceImportObject;
}

const REACHABLE = 'Reachable';

/** Only where an exporter is in another mesh or cell than this cluster. */
function reachable(crossings: readonly Crossing[], [first, ...more]: readonly Crossing[]): ConditionUpdate {
  const sentences = (all: readonly Crossing[]): string => `${all.slice(0, MOST_NAMED).map(({ message }) => message).join('; ')}${all.length > MOST_NAMED ? `; and ${all.length - MOST_NAMED} more` : ''}`;
  return first === undefined ? { type: REACHABLE, status: 'True', reason: 'Gateway', message: sentences(crossings) } : { type: REACHABLE, status: 'False', reason: first.reason, message: sentences([first, ...more]) };
}
