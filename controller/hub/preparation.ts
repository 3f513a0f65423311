/** What a hub finds or makes before it works: its namespace, and the strategy of those who chose none. */
import { Namespace } from '../../mesh/api/resources/core.ts';
import { CHANGED_BY } from '../../mesh/api/resources/guard-changes.ts';
import { apiVersionOf, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { UpdateStrategyObject } from '../../mesh/api/resources/updates.ts';
import { HUB_FIELD_MANAGER } from '../../mesh/model/managed.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { askWhoAmI } from '../runtime/who.ts';
import { DEFAULT_STRATEGY } from './mesh/mesh.ts';

async function ensure<T extends KubernetesObject>(client: KubernetesClient, kind: ResourceKind, object: T, signal: CancelSignal): Promise<void> {
  if (await client.get(kind, { name: object.metadata.name }, signal) !== undefined) return;
  try {
    await client.create(kind, object, { fieldManager: HUB_FIELD_MANAGER }, signal);
  } catch (error) {
    if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
  }
}

export const ensureNamespace = (client: KubernetesClient, name: string, signal: CancelSignal): Promise<void> =>
  ensure(client, Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, signal);

/** An API server that does not say whom it takes the hub for takes no name from it either. */
async function ownName(client: KubernetesClient, signal: CancelSignal): Promise<{ readonly annotations?: Record<string, string> }> {
  try {
    return { annotations: { [CHANGED_BY]: (await askWhoAmI(client, HUB_FIELD_MANAGER, signal)).name } };
  } catch (error) {
    if (error instanceof KubernetesError) return {};
    throw error;
  }
}

/** Clusters labelled `isthmus.dev/canary=true` go first; the rest follow one at a time, so that a failure never takes two. Yours to edit: it is made only where it is missing. */
export const ensureDefaultStrategy = async (client: KubernetesClient, signal: CancelSignal): Promise<void> =>
  ensure<UpdateStrategyObject>(client, UpdateStrategy, {
    apiVersion: apiVersionOf(UpdateStrategy), kind: 'UpdateStrategy', metadata: { name: DEFAULT_STRATEGY, ...await ownName(client, signal) },
    spec: {
      stages: [
        { name: 'canary', clusters: { labels: { 'isthmus.dev/canary': 'true' } }, maxConcurrency: 1, soakSeconds: 10 },
        { name: 'rest', clusters: {}, maxConcurrency: 1, soakSeconds: 10 },
      ],
      progressDeadlineSeconds: 600,
    },
  }, signal);
