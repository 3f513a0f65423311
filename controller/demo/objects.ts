/** Objects as a person would apply them. */
import type { UpdateStrategyObject } from '../../mesh/api/resources/updates.ts';
import { apiVersionOf } from '../../mesh/api/resources/index.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';

const FIELD_MANAGER = 'demo';

/** Server-side apply of a cluster-scoped object with this spec. */
export function apply(client: KubernetesClient, kind: ResourceKind, name: string, spec: unknown, signal: AbortSignal): Promise<KubernetesObject> {
  return applyObject(client, kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as KubernetesObject, signal);
}

export function applyObject(client: KubernetesClient, kind: ResourceKind, object: KubernetesObject, signal: AbortSignal): Promise<KubernetesObject> {
  const { name, namespace } = object.metadata;
  return client.patch(kind, namespace === undefined ? { name } : { name, namespace }, object, { type: 'apply', fieldManager: FIELD_MANAGER, force: true }, signal);
}

/** First the cluster labelled as canary, then the rest, one at a time. */
export const strategy = (soakSeconds: number): UpdateStrategyObject['spec'] => ({
  stages: [
    { name: 'canary', clusters: { labels: { stage: 'canary' } }, maxConcurrency: 1, soakSeconds },
    { name: 'rest', clusters: {}, maxConcurrency: 1, soakSeconds },
  ],
  progressDeadlineSeconds: 8,
});
