/** An Event of `events.k8s.io` on one of the hub's own objects, which have no namespace. */
import { Event, RunEvent, type RunEventObject } from '../../../mesh/api/resources/core.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';

/** Where Kubernetes keeps events of objects without a namespace. */
const NAMESPACE = Event.namespaced ? 'default' : '';
const LONGEST_NOTE = 1000;
const LONGEST_NAME = 200;

export interface Told extends Pick<RunEventObject, 'reason' | 'note' | 'type' | 'regarding'> {
  readonly at: Instant;
  /** Tells one occasion from another: the same one is told once, also after a crash. */
  readonly occasion: string;
}

export async function tellEvent({ kubernetes, digest }: { readonly kubernetes: KubernetesClient; readonly digest: Digest }, { at, occasion, reason, note, type, regarding }: Told, signal: CancelSignal): Promise<void> {
  const event: RunEventObject = {
    apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { namespace: NAMESPACE, name: `${regarding.name.slice(0, LONGEST_NAME)}.${digest(`${regarding.uid} ${reason} ${occasion}`).slice(0, 16)}` },
    eventTime: toRfc3339(at).replace('Z', '000Z'), reportingController: HUB_FIELD_MANAGER, reportingInstance: HUB_FIELD_MANAGER, action: 'Update', reason, regarding, note: note.slice(0, LONGEST_NOTE), type,
  };
  await kubernetes.create(RunEvent, event, { fieldManager: HUB_FIELD_MANAGER }, signal).catch((error: unknown) => {
    if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
  });
}
