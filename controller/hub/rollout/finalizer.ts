/** Keeps the object of an open run until what it has in flight is finished: deleted before, a run stops, and then goes. */
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { RUN_FINALIZER } from '../views.ts';

const holds = ({ metadata }: UpdateRunObject): boolean => metadata.finalizers?.includes(RUN_FINALIZER) ?? false;

async function write(kubernetes: KubernetesClient, object: UpdateRunObject, finalizers: readonly string[], signal: CancelSignal): Promise<UpdateRunObject> {
  return kubernetes.update<UpdateRunObject>(UpdateRun, { ...object, metadata: { ...object.metadata, finalizers } }, { fieldManager: HUB_FIELD_MANAGER }, signal);
}

/** Before anything of the run is durable: the object as it is then. */
export async function holdObject(kubernetes: KubernetesClient, object: UpdateRunObject, signal: CancelSignal): Promise<UpdateRunObject> {
  return holds(object) ? object : write(kubernetes, object, [...object.metadata.finalizers ?? [], RUN_FINALIZER], signal);
}

/** After the run has ended and its status says so. */
export async function releaseObject(kubernetes: KubernetesClient, object: UpdateRunObject, signal: CancelSignal): Promise<void> {
  const current = await kubernetes.get<UpdateRunObject>(UpdateRun, { name: object.metadata.name }, signal);
  if (current === undefined || current.metadata.uid !== object.metadata.uid || !holds(current)) return;
  try {
    await write(kubernetes, current, (current.metadata.finalizers ?? []).filter((name) => name !== RUN_FINALIZER), signal);
  } catch (error) {
    if (!(error instanceof KubernetesError && error.code === 404)) throw error;
  }
}
