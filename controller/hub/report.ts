/** What the hub's controllers cannot reconcile, written into the object concerned. */
import { HUB_FIELD_MANAGER } from '../../mesh/model/managed.ts';
import type { KubernetesClient, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import { type Conditioned, createReportReconciled, type ReportReconciled } from '../runtime/reconciled.ts';

/** `emptyStatus`: what the kind's schema asks of a status, for an object that has none yet. */
export function reportOn<T extends Conditioned>(
  { kubernetes: client, clock }: { readonly kubernetes: KubernetesClient; readonly clock: Clock }, kind: ResourceKind, emptyStatus?: NonNullable<T['status']>,
): ReportReconciled<T> {
  return createReportReconciled<T>({ client, kind, clock, fieldManager: HUB_FIELD_MANAGER, verb: 'update', ...(emptyStatus === undefined ? {} : { emptyStatus }) });
}
