/** The condition `Reconciled`: False on an object that a controller cannot bring on; taken away by its next success. */
import { type Condition, findCondition, setCondition } from '../../mesh/model/condition.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { Trouble } from './trouble.ts';

export const RECONCILED = 'Reconciled';

/** Others write the same status; what three conflicts in a row leave undone the next reconcile does. */
const ATTEMPTS = 3;

export interface Conditioned extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly unknown[] | undefined } | undefined;
}

export interface ReconciledParts<T extends Conditioned> {
  readonly client: KubernetesClient;
  readonly kind: ResourceKind;
  readonly clock: Clock;
  readonly fieldManager: string;
  /** `update` writes the whole status, `patch` the conditions alone: whichever this program has the right to. */
  readonly verb: 'update' | 'patch';
  /** What the kind's schema asks of a status, for an object that has none yet. */
  readonly emptyStatus?: NonNullable<T['status']>;
}

/** Writes what changes in `Reconciled`, and nothing where that is nothing. `trouble` undefined: it was reconciled. */
export type ReportReconciled<T> = (object: T, trouble: Trouble | undefined, signal: CancelSignal) => Promise<void>;

export function createReportReconciled<T extends Conditioned>({ client, kind, clock, fieldManager, verb, emptyStatus }: ReconciledParts<T>): ReportReconciled<T> {
  /** undefined: says so already. Another message for the same reason is no news: the write wakes the controller, which may fail in other words each time. */
  function changed(object: T, trouble: Trouble | undefined): readonly Condition[] | undefined {
    const before = (object.status?.conditions ?? []) as readonly Condition[];
    const old = findCondition(before, RECONCILED);
    if (trouble === undefined) return old === undefined ? undefined : before.filter((condition) => condition !== old);
    const { generation } = object.metadata;
    if (old?.status === 'False' && old.reason === trouble.reason && old.observedGeneration === generation) return undefined;
    return setCondition(before, { type: RECONCILED, status: 'False', ...trouble, ...(generation === undefined ? {} : { observedGeneration: generation }) }, clock.now());
  }

  async function write(object: T, conditions: readonly Condition[], signal: CancelSignal): Promise<void> {
    const { namespace, name, resourceVersion } = object.metadata;
    if (verb === 'update') await client.update(kind, { ...object, status: { ...(object.status ?? emptyStatus), conditions } }, { fieldManager, subresource: 'status' }, signal);
    else await client.patch(kind, namespace === undefined ? { name } : { namespace, name }, { metadata: { resourceVersion }, status: { conditions } }, { fieldManager, type: 'merge', subresource: 'status' }, signal);
  }

  return async (object, trouble, signal) => {
    const { namespace, name, uid } = object.metadata;
    let current: T | undefined = object;
    for (let attempt = 1; current !== undefined && current.metadata.uid === uid; attempt += 1) {
      const conditions = changed(current, trouble);
      if (conditions === undefined) return;
      try {
        await write(current, conditions, signal);
        return;
      } catch (error) {
        if (!(error instanceof KubernetesError)) throw error;
        if (error.code === 404) return;
        if (error.reason !== 'Conflict' || attempt === ATTEMPTS) throw error;
        current = await client.get<T>(kind, namespace === undefined ? { name } : { namespace, name }, signal);
      }
    }
  };
}
