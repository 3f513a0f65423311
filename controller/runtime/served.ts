/** Whether the server has a kind that need not be installed, and lets us read it: neither is an error. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, type ListOptions, type ResourceKind } from '../../mesh/ports/kubernetes.ts';

/** `absent`: the server does not have the kind; `forbidden`: it does not let us list it. */
export type NotServed = 'absent' | 'forbidden';

/** What the failure of a list says of the kind; undefined: nothing. */
export function notServed(error: unknown): NotServed | undefined {
  if (!(error instanceof KubernetesError)) return undefined;
  return error.code === 404 ? 'absent' : error.code === 403 ? 'forbidden' : undefined;
}

/** The first of `versions` that the server has and lets us list, by a list of one object. Throws where the server gives no such answer. */
export async function servedVersion(client: KubernetesClient, versions: readonly ResourceKind[], options: Pick<ListOptions, 'namespace' | 'fieldSelector'>, signal: CancelSignal): Promise<ResourceKind | NotServed> {
  for (const kind of versions) {
    try {
      await client.list(kind, { ...options, limit: 1 }, signal);
      return kind;
    } catch (error) {
      const state = notServed(error);
      if (state === undefined) throw error;
      if (state === 'forbidden') return state;
    }
  }
  return 'absent';
}
