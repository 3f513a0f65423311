/** Server-side apply (KEP-555) that sends nothing when nothing would change. */
import { apiVersionOf } from '../../mesh/api/resources/define.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ObjectRef, type ResourceKind, type StatusCause } from '../../mesh/ports/kubernetes.ts';
import { appliesNothingNew } from './applied-fields.ts';

export interface ApplyOptions<T extends KubernetesObject> {
  readonly fieldManager: string;
  /** Take fields that another manager owns. */
  readonly force?: boolean;
  /** The object as known, with managedFields (a cache with `keepManagedFields`); null: known not to exist. Left out: it is read first. */
  readonly current?: T | null;
  readonly subresource?: 'status';
  /** `return`: a conflict with another field manager is a value, not an error. */
  readonly onConflict?: 'throw' | 'return';
}

export type ApplyOutcome<T> =
  | { readonly outcome: 'applied' | 'unchanged'; readonly object: T }
  | { readonly outcome: 'conflict'; readonly conflicts: readonly StatusCause[] };

/** An empty map or list of metadata says nothing, but kube-apiserver 1.36 stores an object anew over `labels: {}` or `ownerReferences: []`, each time. */
function withoutEmptyMetadata<T extends KubernetesObject>(object: T): T {
  const empty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return { ...object, metadata: Object.fromEntries(Object.entries(object.metadata).filter(([, value]) => !empty(value))) };
}

/**
 * Makes `intent` the whole intent of `fieldManager`: a field that it applied earlier and that `intent` no longer holds is removed.
 * No request where the current object carries every value and the manager owns exactly these fields. Throws the port's errors.
 */
export async function applyObject<T extends KubernetesObject>(
  client: KubernetesClient, kind: ResourceKind, intent: T, options: ApplyOptions<T>, signal: CancelSignal,
): Promise<ApplyOutcome<T>> {
  const object = withoutEmptyMetadata(intent);
  const { namespace, name } = object.metadata;
  const ref: ObjectRef = namespace === undefined ? { name } : { namespace, name };
  const current = options.current === undefined ? await client.get<T>(kind, ref, signal) : options.current ?? undefined;
  const apiVersion = apiVersionOf(kind);
  if (current !== undefined && appliesNothingNew(object, current, { fieldManager: options.fieldManager, apiVersion, subresource: options.subresource })) {
    return { outcome: 'unchanged', object: current };
  }
  // The server refuses managedFields in an applied body, and a resourceVersion would turn the apply into a precondition.
  const { managedFields: _, resourceVersion: __, uid: ___, creationTimestamp: ____, generation: _____, ...metadata } = object.metadata;
  try {
    const applied = await client.patch<T>(kind, ref, { ...object, apiVersion, kind: kind.kind, metadata }, {
      type: 'apply',
      fieldManager: options.fieldManager,
      ...(options.force === undefined ? {} : { force: options.force }),
      ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
    }, signal);
    return { outcome: 'applied', object: applied };
  } catch (error) {
    if (options.onConflict === 'return' && error instanceof KubernetesError && error.reason === 'Conflict' && error.causes.length > 0) {
      return { outcome: 'conflict', conflicts: error.causes };
    }
    throw error;
  }
}
