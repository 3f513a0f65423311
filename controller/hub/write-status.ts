/** Writes the status of an object of which this hub is the only status writer. */
import { canonicalJson } from '../../mesh/model/canonical.ts';
import { HUB_FIELD_MANAGER } from '../../mesh/model/managed.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';


/** Others may edit the spec at any moment; three conflicts in a row are left to the loop's pauses. */
const ATTEMPTS = 3;

/** No request when the status is what the object has. An object that is gone is left alone. */
export async function writeStatus<T extends KubernetesObject & { readonly status?: unknown }>(
  client: KubernetesClient, kind: ResourceKind, object: T, status: NonNullable<T['status']>, signal: CancelSignal,
): Promise<void> {
  let current: T | undefined = object;
  for (let attempt = 1; current !== undefined; attempt += 1) {
    if (canonicalJson(current.status ?? null) === canonicalJson(status)) return;
    try {
      await client.update(kind, { ...current, status }, { fieldManager: HUB_FIELD_MANAGER, subresource: 'status' }, signal);
      return;
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      if (error.code === 404) return;
      if (error.reason !== 'Conflict' || attempt === ATTEMPTS) throw error;
      current = await client.get<T>(kind, { name: object.metadata.name }, signal);
      if (current?.metadata.uid !== object.metadata.uid) return;
    }
  }
}
