/** One ClusterProfile for each Cluster, in the hub's namespace, as long as the server has that kind. Profiles of other managers, and what people changed in ours, are left alone. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Cluster } from '../../../mesh/api/resources/index.ts';
import { CLUSTER_MANAGER_LABEL, CLUSTER_PROFILES, type ClusterProfileObject } from '../../../mesh/api/resources/other-inventories.ts';
import { isToolMark } from '../../../mesh/drift/managed-by.ts';
import { PROFILE_MANAGER, profileOf } from '../../../mesh/inventory/profile.ts';
import type { ClusterStatusValue } from '../../../mesh/model/cluster-status.ts';
import type { PublishedProfiles } from '../../../mesh/model/discovered.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import { sortedByName } from '../../../mesh/model/order.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError, type ResourceKind, type StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { applyObject } from '../../runtime/apply.ts';
import { type Cache, createCache } from '../../runtime/cache.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { ASK_AGAIN_SECONDS, whileServed } from './while-served.ts';

/** What others hold is looked at again, for its end brings no event where their object does not carry our label. */
const HELD_AGAIN_SECONDS = 300;
const MOST_HELD = 100;
const WORKERS = 4;

export interface ProfilesParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes'>;
  readonly clusters: Cache<ClusterObject>;
  readonly namespace: string;
  readonly trustDomain: string;
  /** false: none are published, and the server is not asked for the kind. */
  readonly on: boolean;
}

export interface Profiles {
  start(signal: CancelSignal): Promise<void>;
  state(): PublishedProfiles;
}

const isOurs = (profile: ClusterProfileObject): boolean => profile.spec?.clusterManager?.name === PROFILE_MANAGER;
const wroteByApply = ({ metadata }: ClusterProfileObject): boolean => (metadata.managedFields ?? []).some(({ manager, operation }) => manager === HUB_FIELD_MANAGER && operation === 'Apply');

function describeConflict([first]: readonly StatusCause[]): string {
  const manager = /"([^"]+)"/.exec(first?.message ?? '')?.[1] ?? 'somebody else';
  return `${first?.field ?? 'a field'} was written by ${manager}: take that back, or delete the ClusterProfile, and it is written anew`;
}

export function createProfiles({ ports, clusters, namespace, trustDomain, on }: ProfilesParts): Profiles {
  const { clock, kubernetes, log } = ports;
  const held = new Map<string, string>();
  let state: PublishedProfiles['state'] = on ? 'unknown' : 'off';
  let count = (): number => 0;

  function hold(cluster: string, problem: string): { requeueAt: number } {
    if (held.get(cluster) !== problem && held.size < MOST_HELD) {
      held.set(cluster, problem);
      log.warn({ cluster, problem }, 'its ClusterProfile is left alone');
    }
    return { requeueAt: clock.now() + HELD_AGAIN_SECONDS * 1000 };
  }

  async function remove(kind: ResourceKind, name: string, profile: ClusterProfileObject, signal: CancelSignal): Promise<void> {
    if (!isOurs(profile) || !wroteByApply(profile) || await kubernetes.get(Cluster, { name }, signal) !== undefined) return;
    await kubernetes.delete(kind, { namespace, name }, profile.metadata.uid === undefined ? {} : { uid: profile.metadata.uid }, signal);
  }

  async function publish(kind: ResourceKind, cluster: ClusterObject, known: ClusterProfileObject | undefined, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    const { name, uid, labels = {} } = cluster.metadata;
    const current = known ?? await kubernetes.get<ClusterProfileObject>(kind, { namespace, name }, signal);
    if (current !== undefined && !isOurs(current)) return hold(name, `ClusterProfile ${namespace}/${name} is of manager "${current.spec?.clusterManager?.name ?? ''}": rename it, or have it published elsewhere`);
    const content = profileOf({ name, status: cluster.status as ClusterStatusValue | undefined, trustDomain, previous: current?.status?.conditions ?? [] }, clock.now());
    const base = { apiVersion: apiVersionOf(kind), kind: kind.kind };
    const own = Object.fromEntries(Object.entries(labels).filter(([key]) => !isToolMark(key)));
    const spec = await applyObject<ClusterProfileObject>(kubernetes, kind, {
      ...base, spec: content.spec,
      metadata: {
        namespace, name, labels: { ...own, [CLUSTER_MANAGER_LABEL]: PROFILE_MANAGER },
        ...(uid === undefined ? {} : { ownerReferences: [{ apiVersion: apiVersionOf(Cluster), kind: Cluster.kind, name, uid }] }),
      },
    }, { fieldManager: HUB_FIELD_MANAGER, current: current ?? null, onConflict: 'return' }, signal);
    if (spec.outcome === 'conflict') return hold(name, describeConflict(spec.conflicts));
    const status = await applyObject<ClusterProfileObject>(kubernetes, kind, { ...base, metadata: { namespace, name }, status: content.status },
      { fieldManager: HUB_FIELD_MANAGER, subresource: 'status', current: spec.object, onConflict: 'return' }, signal);
    if (status.outcome === 'conflict') return hold(name, describeConflict(status.conflicts));
    held.delete(name);
    return {};
  }

  /** The kind has gone, or is about to (kube-apiserver: 405 for a create, 403 for an apply that creates): that is for `whileServed` to find out. */
  const isEnding = (error: unknown): boolean => error instanceof KubernetesError && (error.code === 404 || error.code === 405 || error.message.includes('custom resource definition is terminating'));

  /** For good, as far as this hub goes: no right, an admission policy, a definition with other rules. */
  const isRefused = (error: unknown): error is KubernetesError => error instanceof KubernetesError && [400, 403, 422].includes(error.code);

  async function serve(kind: ResourceKind, doubt: () => void, signal: CancelSignal): Promise<void> {
    const profiles = createCache<ClusterProfileObject>(kubernetes, kind, { namespace, labelSelector: `${CLUSTER_MANAGER_LABEL}=${PROFILE_MANAGER}`, keepManagedFields: true }, ports);
    const loop = createLoop({
      ...ports, name: 'cluster-profiles', workers: WORKERS,
      async reconcile(name, within) {
        const [cluster, profile] = [clusters.get({ name }), profiles.get({ namespace, name })];
        try {
          if (cluster !== undefined) return await publish(kind, cluster, profile, within);
          held.delete(name);
          if (profile !== undefined) await remove(kind, name, profile, within);
          return {};
        } catch (error) {
          if (!isEnding(error)) {
            if (isRefused(error)) return hold(name, error.message);
            throw error;
          }
          doubt();
          return { requeueAt: clock.now() + 2 * ASK_AGAIN_SECONDS * 1000 };
        }
      },
    });
    const watching = profiles.start(signal);
    await profiles.waitForSync(signal);
    const ends = [clusters, profiles].map((cache) => (cache as Cache<ClusterObject | ClusterProfileObject>).subscribe(({ object }) => loop.add(object.metadata.name)));
    count = () => profiles.list().filter(isOurs).length;
    await Promise.all([watching, loop.start(signal)]);
    for (const end of ends) end();
    held.clear();
    count = () => 0;
  }

  return {
    start: (signal) => (!on ? Promise.resolve() : whileServed({ ports, versions: CLUSTER_PROFILES, namespace, serve, onState: (now) => { state = now === 'served' ? 'published' : now; } }, signal)),
    state: () => ({ state, count: count(), held: sortedByName([...held].map(([name, problem]) => ({ name, problem }))).map(({ name, problem }) => ({ cluster: name, problem })) }),
  };
}
