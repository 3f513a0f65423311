/** What Flux, Argo CD, Cluster API and the Job controller would say of their objects in one cluster, said by a hand: of each generation, as soon as it is there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Job } from '../../../controller/agent/bundles/hook.ts';
import { CAPI_CLUSTERS, HELM_RELEASES } from '../../../mesh/api/resources/other-inventories.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';

export const HelmRelease = HELM_RELEASES[0];
export const CapiCluster = CAPI_CLUSTERS[0];
export const Application: ResourceKind = { group: 'argoproj.io', version: 'v1alpha1', kind: 'Application', plural: 'applications', namespaced: true };

const LOOK_MILLISECONDS = 100;

interface Observed extends KubernetesObject {
  readonly spec?: { readonly source?: unknown; readonly destination?: unknown };
  readonly status?: { readonly observedGeneration?: number; readonly completionTime?: string; readonly sync?: { readonly comparedTo?: { readonly source?: unknown } } };
}

const condition = (type: string, observedGeneration?: number) =>
  ({ type, status: 'True', reason: 'Played', message: '', lastTransitionTime: new Date().toISOString(), ...(observedGeneration === undefined ? {} : { observedGeneration }) });

interface Part {
  readonly kind: ResourceKind;
  /** undefined: what stands there is said of it as it is. */
  readonly says: (object: Observed) => object | undefined;
  /** Argo CD's status is no subresource. */
  readonly whole?: boolean;
}

const reconciled = (...types: readonly string[]) => ({ metadata: { generation }, status }: Observed): object | undefined =>
  (status?.observedGeneration === generation ? undefined : { observedGeneration: generation, conditions: types.map((type) => condition(type, generation)) });

const PARTS: readonly Part[] = [
  { kind: HelmRelease, says: reconciled('Ready') },
  { kind: CapiCluster, says: reconciled('TopologyReconciled', 'Available') },
  {
    kind: Application, whole: true,
    says: ({ spec, status }) => (JSON.stringify(status?.sync?.comparedTo?.source) === JSON.stringify(spec?.source) ? undefined
      : { sync: { status: 'Synced', comparedTo: { source: spec?.source, destination: spec?.destination } }, health: { status: 'Healthy' } }),
  },
  {
    kind: Job,
    says: ({ status }) => (status?.completionTime === undefined ? { startTime: new Date().toISOString(), completionTime: new Date().toISOString(), succeeded: 1, conditions: [condition('SuccessCriteriaMet'), condition('Complete')] } : undefined),
  },
];

/** Until the signal; `rests` names kinds whose controllers do nothing for now. */
export async function playControllers(client: KubernetesClient, rests: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const { kind, says, whole = false } of PARTS) {
      if (rests.has(kind.kind)) continue;
      const items = await client.list<Observed>(kind, {}, signal).then((list) => list.items, () => []);
      for (const object of items) {
        const status = says(object);
        const { namespace = '', name } = object.metadata;
        // Gone or changed meanwhile: looked at again in a moment.
        if (status !== undefined) await client.patch(kind, { namespace, name }, whole ? { status, metadata: { resourceVersion: object.metadata.resourceVersion } } : { status }, { type: 'merge', fieldManager: 'played', ...(whole ? {} : { subresource: 'status' }) }, signal).catch(() => undefined);
      }
    }
    await sleep(LOOK_MILLISECONDS, undefined, { signal }).catch(() => undefined);
  }
}
