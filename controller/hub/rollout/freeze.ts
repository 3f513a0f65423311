/** A run's targets, decided once from the world as it is when the run's turn comes. */
import type { Digest } from '../../../mesh/model/canonical.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { RunTarget, StrategyValue } from '../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { type DesiredChange, freezeTargets } from '../../../mesh/rollout/targets.ts';
import { gateProblems } from '../../../mesh/rollout/gates/metric-problems.ts';
import { strategyWarnings } from '../../../mesh/rollout/warnings.ts';
import type { Contents, Intent } from './intent-world.ts';

export interface FreezeWorld {
  readonly views: readonly ClusterView[];
  /** The un-meshed state of each cluster that has joined. */
  readonly baseline: readonly DesiredRevision[];
  readonly assignedId: (cluster: string) => string | null;
  /** Whether the cluster is known not to be healthy on what it has. */
  readonly failing: (cluster: string) => boolean;
  readonly records: Pick<RecordStore, 'lastHealthyOn'>;
  readonly now: Instant;
}

export interface Frozen {
  readonly targets: readonly RunTarget[];
  /** In the records before any target is: what may be assigned must be readable after a crash. */
  readonly revisions: readonly DesiredRevision[];
  readonly message: string;
  readonly warnings: readonly string[];
}

const MOST_WARNINGS = 32;

export const strategyDigestOf = (strategy: StrategyValue, digest: Digest): string => `sha256-${digest(canonicalJson(strategy))}`;

export async function freeze({ strategy }: Pick<Intent, 'strategy'>, contents: Contents, world: FreezeWorld): Promise<Frozen> {
  const baseline = new Map(world.baseline.map((revision) => [revision.cluster, revision]));
  const recent = await recentlyHealthy(strategy, contents, world);
  const revisions: DesiredRevision[] = [];
  const changes = contents.changes.map(({ to, back }): DesiredChange => {
    const { cluster, id: toId } = to;
    const fromId = world.assignedId(cluster);
    const way = back ?? (fromId === null ? baseline.get(cluster) : undefined);
    revisions.push(to, ...(way === undefined ? [] : [way]));
    return {
      cluster, fromId, toId, ...(way === undefined ? {} : { backId: way.id }), failingBefore: world.failing(cluster), fast: recent.has(cluster),
      // A cluster that is to have once more what it failed on is told of it once more.
      again: back !== undefined,
    };
  });
  const going = new Set(changes.map(({ cluster }) => cluster));
  const warnings = [...gateProblems(strategy), ...strategyWarnings(strategy, world.views.filter(({ name }) => going.has(name)))].slice(0, MOST_WARNINGS);
  return { targets: freezeTargets(strategy, world.views, changes), revisions, message: contents.message, warnings };
}

async function recentlyHealthy({ fastRollbackSeconds = 0 }: StrategyValue, { changes }: Contents, { records, now }: FreezeWorld): Promise<ReadonlyMap<string, Instant>> {
  if (fastRollbackSeconds === 0 || changes.length === 0) return new Map();
  return records.lastHealthyOn(changes.map(({ to }) => ({ cluster: to.cluster, desiredId: to.id })), now - seconds(fastRollbackSeconds));
}
