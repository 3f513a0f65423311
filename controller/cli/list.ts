/** Whole lists, page by page. */
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';

const PAGE = 500;

/** Sorted by name. */
export async function listAll<T extends KubernetesObject>(client: KubernetesClient, kind: ResourceKind, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let continueToken: string | undefined;
  do {
    const page = await client.list<T>(kind, { limit: PAGE, ...(continueToken === undefined ? {} : { continueToken }) }, signal);
    items.push(...page.items);
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
  return items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}
