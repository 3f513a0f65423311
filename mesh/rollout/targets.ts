/** Which clusters a run changes, in which stage, and what taking it back means. */
import type { ClusterView } from '../model/cluster.ts';
import { compareText } from '../model/order.ts';
import type { RunTarget, StageValue, StrategyValue } from '../model/rollout.ts';
import { matchesSelector, selectorProblem } from '../model/selector.ts';

export interface DesiredChange {
  readonly cluster: string;
  /** null: had nothing assigned. */
  readonly fromId: string | null;
  readonly toId: string;
}

/** The stage of clusters that no other stage selects: one at a time, no soak. */
const REMAINING: StageValue = { name: 'remaining', clusters: {}, maxConcurrency: 1, soakSeconds: 0 };

export const stagesOf = (strategy: StrategyValue): readonly StageValue[] => [...strategy.stages, REMAINING];

/** By stage number. `remaining` is last, whether or not any cluster is left for it. */
export const stageNames = (strategy: StrategyValue): string[] => stagesOf(strategy).map((stage) => stage.name);

/** Why clusters cannot be told apart by stage; `undefined`: they can. A stage whose selector means nothing would pass its clusters on to the last one. */
export function strategyProblem(strategy: StrategyValue): string | undefined {
  for (const { name, clusters } of strategy.stages) {
    const problem = selectorProblem(clusters);
    if (problem !== undefined) return `stage ${name}: clusters: ${problem}`;
  }
  return undefined;
}

/** Sorted by stage, then cluster. A cluster goes into the first stage that selects it; one unknown by now goes into `remaining`. */
export function freezeTargets(strategy: StrategyValue, clusters: readonly ClusterView[], changes: readonly DesiredChange[]): RunTarget[] {
  const views = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  return changes
    .filter((change) => change.fromId !== change.toId)
    .map(({ cluster, fromId, toId }): RunTarget => {
      const view = views.get(cluster);
      const found = view === undefined ? -1 : strategy.stages.findIndex((stage) => matchesSelector(stage.clusters, view));
      return { cluster, stage: found < 0 ? strategy.stages.length : found, fromId, toId, phase: 'Pending', assignedAt: null, healthyAt: null, finishedAt: null, message: '' };
    })
    .sort((a, b) => a.stage - b.stage || compareText(a.cluster, b.cluster));
}

/** Everything the run touched, back to what it had before, or to `baseline` (by cluster) where it had nothing. Sorted by cluster. */
export function undoTargets(targets: readonly RunTarget[], baseline: Readonly<Record<string, string>>): DesiredChange[] {
  return targets
    .filter((target) => target.assignedAt !== null)
    .flatMap(({ cluster, fromId, toId }): DesiredChange[] => {
      const earlier = fromId ?? (Object.hasOwn(baseline, cluster) ? baseline[cluster] : undefined);
      return earlier === undefined || earlier === toId ? [] : [{ cluster, fromId: toId, toId: earlier }];
    })
    .sort((a, b) => compareText(a.cluster, b.cluster));
}
