/** `status` of a ServiceImport (KEP-1645). Pure. */
import type { ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import { setCondition } from '../../../mesh/model/condition.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { ImportPlan } from '../../../mesh/services/merge.ts';
import { RECONCILED } from '../../runtime/reconciled.ts';

/** undefined: it says so already. */
export function importStatus(imported: ServiceImportObject, plan: ImportPlan, now: Instant): ServiceImportObject | undefined {
  // `Reconciled` is not of this applied status: who reports failures writes it and takes it away.
  const before = (imported.status?.conditions ?? []).filter(({ type }) => type !== RECONCILED);
  const ready = plan.type === 'Headless' || (imported.spec.ips ?? []).length > 0;
  const conditions = setCondition(before, ready
    ? { type: 'Ready', status: 'True', reason: 'Ready', message: 'The service can be used in this cluster.' }
    : { type: 'Ready', status: 'False', reason: 'Pending', message: 'The derived Service has no cluster IP yet.' }, now);
  const clusters = plan.clusters.map((cluster) => ({ cluster }));
  if (conditions === before && JSON.stringify(imported.status?.clusters ?? []) === JSON.stringify(clusters)) return undefined;
  const { namespace = '', name } = imported.metadata;
  return { apiVersion: imported.apiVersion, kind: imported.kind, metadata: { namespace, name }, status: { clusters, conditions: [...conditions] } } as unknown as ServiceImportObject;
}
