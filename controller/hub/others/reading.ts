/** Lists of kinds that may not be served, or not be ours to read: neither is an error. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ListOptions, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';

/** A HelmRelease may hold a megabyte of values, of which nothing is kept. */
const PAGE_SIZE = 50;
/** Of one kind; what is beyond is counted as not read. */
const MOST_OBJECTS = 5000;

/** The version that the server has; `absent`: none of them, `forbidden`: this hub may not list them. Throws where the server gives no such answer. */
export async function servedVersion(client: KubernetesClient, versions: readonly ResourceKind[], namespace: string | undefined, signal: CancelSignal): Promise<ResourceKind | 'absent' | 'forbidden'> {
  for (const kind of versions) {
    const outcome = await client.list(kind, { limit: 1, ...(namespace === undefined ? {} : { namespace }) }, signal).then(() => kind, refusal);
    if (outcome !== 'absent') return outcome;
  }
  return 'absent';
}

function refusal(error: unknown): 'absent' | 'forbidden' {
  if (error instanceof KubernetesError && error.code === 404) return 'absent';
  if (error instanceof KubernetesError && error.code === 403) return 'forbidden';
  throw error;
}

/** Page by page; of each object only what `keep` makes of it is held. `complete` false: there are more than the bound. */
export async function readAll<T extends KubernetesObject, R>(
  client: KubernetesClient, kind: ResourceKind, options: Omit<ListOptions, 'limit' | 'continueToken'>, keep: (object: T) => R | undefined, signal: CancelSignal,
): Promise<{ readonly kept: readonly R[]; readonly complete: boolean }> {
  const kept: R[] = [];
  let read = 0;
  for (let continueToken = ''; ;) {
    const page = await client.list<T>(kind, { ...options, limit: PAGE_SIZE, ...(continueToken === '' ? {} : { continueToken }) }, signal);
    for (const object of page.items) {
      const one = keep(object);
      if (one !== undefined) kept.push(one);
    }
    read += page.items.length;
    continueToken = page.continueToken ?? '';
    if (continueToken === '' || signal.aborted) return { kept, complete: true };
    if (read >= MOST_OBJECTS) return { kept, complete: false };
  }
}
