/** All objects as the server has them now, in the form in which a cache holds them. */
import type { KubernetesClient, KubernetesObject, ListOptions, ResourceKind } from '../../../mesh/ports/kubernetes.ts';

export async function freshList(client: KubernetesClient, kind: ResourceKind, where: Pick<ListOptions, 'namespace' | 'labelSelector'>): Promise<readonly KubernetesObject[]> {
  const never = new AbortController().signal;
  const items: KubernetesObject[] = [];
  let page = await client.list(kind, where, never);
  items.push(...page.items);
  while (page.continueToken !== undefined) {
    page = await client.list(kind, { ...where, continueToken: page.continueToken }, never);
    items.push(...page.items);
  }
  return items.map((object) => {
    const { managedFields: _, ...metadata } = object.metadata;
    return { ...object, metadata };
  });
}
