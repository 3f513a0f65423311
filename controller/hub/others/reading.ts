/** Lists of objects that others wrote: large ones, and maybe more of them than this hub should hold. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesClient, KubernetesObject, ListOptions, ResourceKind } from '../../../mesh/ports/kubernetes.ts';

/** A HelmRelease may hold a megabyte of values, of which nothing is kept. */
const PAGE_SIZE = 50;
/** Of one kind; what is beyond is counted as not read. */
const MOST_OBJECTS = 5000;

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
