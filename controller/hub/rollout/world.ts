/** The world as runs find it: what begins them, freezes them, and is observed of their clusters. Real runs and those that are only looked at ahead see the same one. */
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { RunTarget, TargetObservation } from '../../../mesh/model/rollout.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import { clusterViews, currentPlan } from '../mesh/current-plan.ts';
import { createPlannedIds, heldChanges, lastRuns } from '../mesh/last-runs.ts';
import { changesOf } from '../mesh/next-run.ts';
import { freeze, type Frozen } from './freeze.ts';
import type { Contents, Intent, IntentWorld } from './intent-world.ts';
import type { RolloutParts } from './parts.ts';

const MOST_ENDED = 8;

export interface RolloutWorld {
  /** Of one moment: plan and views are made when first asked for. */
  now(): IntentWorld;
  /** Of a cluster, but for windows. */
  observe(cluster: string): TargetObservation;
  /** The targets that a run gets which begins now. */
  freeze(intent: Intent, contents: Contents, world: IntentWorld, now: Instant): Promise<Frozen>;
}

export type RolloutWorldParts = Pick<RolloutParts, 'sources' | 'fleet' | 'runs' | 'strategies' | 'drift' | 'bundles' | 'editors'> & { readonly ports: Pick<RolloutParts['ports'], 'records'> };

export function createRolloutWorld({ ports: { records }, sources, fleet, runs, strategies, drift, bundles, editors }: RolloutWorldParts): RolloutWorld {
  const { assignments, clusters } = sources;
  const digest: Digest = sources.digest;
  const plannedIds = createPlannedIds(records, digest);
  const assignedId = (cluster: string): string | null => assignments.get(cluster)?.desiredId ?? null;

  /** One that waits for its turn is asked with each report of an agent what it wants. */
  const ended = new Map<string, Promise<readonly RunTarget[]>>();
  function endedTargets(run: string): Promise<readonly RunTarget[]> {
    const known = ended.get(run);
    if (known !== undefined) return known;
    if (ended.size >= MOST_ENDED) ended.clear();
    const rows = records.listTargets(run);
    ended.set(run, rows);
    void rows.catch(() => ended.delete(run));
    return rows;
  }

  async function heldOf(plan: Plan): ReturnType<IntentWorld['held']> {
    const changes = changesOf(plan, assignedId);
    return heldChanges(plan, changes, await lastRuns(changes.map(({ cluster }) => cluster), runs.list(), records), plannedIds);
  }

  /** One that was cut off is waited for no more than one that was deleted. */
  function hasLeft(cluster: string): boolean {
    const object = clusters.get({ name: cluster });
    return object === undefined || object.status?.revocation !== undefined;
  }

  function isFailing(cluster: string): boolean {
    const applied = drift.applied(cluster);
    const told = assignments.get(cluster)?.desiredId;
    if (applied === undefined || fleet.connection(cluster)?.connected !== true) return false;
    return !applied.healthy || (told !== undefined && applied.id !== told);
  }

  /** What it has was said before it came back: a person may have changed it meanwhile. */
  function isReturning(cluster: string, connection: ReturnType<typeof fleet.connection>): boolean {
    const saidAt = fleet.value(cluster, 'AppliedReport', cluster)?.receivedAt;
    return connection?.connected === true && (saidAt === undefined || saidAt < connection.since);
  }

  return {
    now() {
      const then = editors?.now();
      let plan: Plan | undefined;
      let views: ReturnType<typeof clusterViews> | undefined;
      return {
        plan: () => (plan ??= currentPlan(sources)), views: () => (views ??= clusterViews(sources)), assigned: (cluster) => assignments.get(cluster),
        held: (present) => heldOf(present), records, endedTargets, runs, strategies, bundles, digest, ...(then === undefined ? {} : { editors: then }),
      };
    },
    observe(cluster) {
      const applied = drift.applied(cluster);
      const connection = fleet.connection(cluster);
      const hindered = drift.hinders(cluster);
      return {
        cluster, connected: connection?.connected ?? false, ...(isReturning(cluster, connection) ? { returning: true as const } : {}), appliedId: applied?.id ?? null, healthy: applied?.healthy ?? false, message: applied?.message ?? '',
        ...(applied?.generation === undefined ? {} : { generation: applied.generation }), ...(applied?.refused === undefined ? {} : { refused: applied.refused }), ...(hindered === null ? {} : { hindered }), gone: hasLeft(cluster), held: drift.held(cluster),
      };
    },
    freeze: (intent, contents, world, now) => freeze(intent, contents, {
      views: world.views(), baseline: contents.changes.some(({ to }) => assignments.get(to.cluster) === undefined) ? world.plan().baseline : [],
      assignedId, failing: isFailing, records, now,
    }),
  };
}
