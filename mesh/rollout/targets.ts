/** Which clusters a run changes, in which stage, group and order. */
import type { ClusterView } from '../model/cluster.ts';
import { compareText } from '../model/order.ts';
import type { RunTarget, StageValue, StrategyValue } from '../model/rollout.ts';
import { matchesSelector, selectorProblem } from '../model/selector.ts';
import { inOrderOf } from './order.ts';
import { REMAINING } from './stage.ts';

export { stageNames } from './stage.ts';

export interface DesiredChange {
  readonly cluster: string;
  /** null: had nothing assigned. */
  readonly fromId: string | null;
  readonly toId: string;
  /** As in `RunTarget`; absent: `fromId`, where there is one. */
  readonly backId?: string;
  readonly failingBefore?: boolean;
  readonly fast?: boolean;
  /** Is given `toId` once more though it has it: it failed on it. */
  readonly again?: boolean;
}

/** Why clusters cannot be told apart by stage or group; `undefined`: they can. A stage whose selector means nothing would pass its clusters on to the last one. */
export function strategyProblem(strategy: StrategyValue): string | undefined {
  for (const { name, clusters, groups = [] } of strategy.stages) {
    if (name === REMAINING.name) return `stage ${name}: the name is that of the stage for clusters that no other selects; give it another`;
    const problem = selectorProblem(clusters);
    if (problem !== undefined) return `stage ${name}: clusters: ${problem}`;
    for (const group of groups) {
      const wrong = selectorProblem(group.clusters);
      if (wrong !== undefined) return `stage ${name}: group ${group.name}: clusters: ${wrong}`;
    }
  }
  return undefined;
}

/** The first stage that selects the cluster; that after the last: none does, or it is unknown by now. */
function stageNumberOf(strategy: StrategyValue, view: ClusterView | undefined): number {
  const found = view === undefined ? -1 : strategy.stages.findIndex((stage) => matchesSelector(stage.clusters, view));
  return found < 0 ? strategy.stages.length : found;
}

function groupOf(stage: StageValue | undefined, view: ClusterView | undefined): number | undefined {
  const found = view === undefined ? -1 : (stage?.groups ?? []).findIndex((group) => matchesSelector(group.clusters, view));
  return found < 0 ? undefined : found;
}

/** By cluster: its place in its stage, where the stage has an order other than that of names. */
function placesOf(strategy: StrategyValue, rows: readonly RunTarget[], views: ReadonlyMap<string, ClusterView>): ReadonlyMap<string, number> {
  return new Map(strategy.stages.flatMap(({ orderBy }, number) => {
    if (orderBy === undefined) return [];
    const names = rows.filter(({ stage }) => stage === number).map(({ cluster }) => cluster);
    return inOrderOf(orderBy, names, views).map((name, place) => [name, place] as const);
  }));
}

/** Sorted by stage, then order, then cluster. A cluster goes into the first stage that selects it, and there into the first such group. */
export function freezeTargets(strategy: StrategyValue, clusters: readonly ClusterView[], changes: readonly DesiredChange[]): RunTarget[] {
  const views = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  const rows = changes
    .filter(({ fromId, toId, again }) => fromId !== toId || again === true)
    .map(({ cluster, fromId, toId, backId = wayBack(fromId, toId), failingBefore, fast }): RunTarget => {
      const view = views.get(cluster);
      const stage = stageNumberOf(strategy, view);
      const group = groupOf(strategy.stages[stage], view);
      return {
        cluster, stage, ...(group === undefined ? {} : { group }), fromId, toId, ...(backId === undefined ? {} : { backId }), ...(failingBefore === true ? { failingBefore } : {}),
        ...(fast === true ? { fast } : {}), phase: 'Pending', assignedAt: null, healthyAt: null, finishedAt: null, message: '',
      };
    });
  const places = placesOf(strategy, rows, views);
  return rows.map((row) => { const order = places.get(row.cluster); return order === undefined ? row : { ...row, order }; })
    .sort((a, b) => a.stage - b.stage || (a.order ?? 0) - (b.order ?? 0) || compareText(a.cluster, b.cluster));
}

/** What a cluster has already is no way back. */
const wayBack = (fromId: string | null, toId: string): string | undefined => (fromId === null || fromId === toId ? undefined : fromId);
