/** What a strategy can mean and hardly should, over the clusters that there are. */
import type { ClusterView } from '../model/cluster.ts';
import { matchesSelector } from '../model/selector.ts';
import type { Amount, StageValue, StrategyValue } from '../model/strategy.ts';
import { amountOf } from './amount.ts';
import { stageNumberOf } from './targets.ts';
import { namesOf } from './waits.ts';

const clustersText = (count: number): string => `${count} ${count === 1 ? 'cluster' : 'clusters'}`;
const isPercentage = (amount: Amount | undefined): amount is string => typeof amount === 'string' && amount.endsWith('%');

function overlaps(strategy: StrategyValue, clusters: readonly ClusterView[]): string[] {
  return strategy.stages.flatMap((stage, number) => strategy.stages.slice(0, number).flatMap((earlier) => {
    const both = clusters.filter((view) => matchesSelector(earlier.clusters, view) && matchesSelector(stage.clusters, view)).map(({ name }) => name).sort();
    return both.length === 0 ? [] : [`stages ${earlier.name} and ${stage.name} both select ${namesOf(both)}; a cluster goes into the first stage that selects it`];
  }));
}

/** `where`: the stage, group or run that the bounds are of. */
function bounds(where: string, count: number, { maxConcurrency, maxFailures, maxUnavailable }: Pick<StageValue, 'maxFailures' | 'maxUnavailable'> & { readonly maxConcurrency?: Amount }): string[] {
  const warnings: string[] = [];
  if (count > 1 && maxConcurrency !== undefined && amountOf(maxConcurrency, count, 1) >= count) warnings.push(`${where}: maxConcurrency ${maxConcurrency} is all of its ${clustersText(count)}: they change at once`);
  if (maxFailures !== undefined && count > 0 && amountOf(maxFailures, count, 0) >= count) warnings.push(`${where}: maxFailures ${maxFailures} is not less than its ${clustersText(count)}: no failure stops the run`);
  if (count > 1 && maxUnavailable !== undefined && amountOf(maxUnavailable, count, 1) >= count) warnings.push(`${where}: maxUnavailable ${maxUnavailable} is all of its ${clustersText(count)}: nothing need be left that works`);
  if (count > 0 && maxUnavailable !== undefined && amountOf(maxUnavailable, count, 1) <= amountOf(maxFailures ?? 0, count, 0)) warnings.push(`${where}: maxUnavailable ${maxUnavailable} is not more than maxFailures ${maxFailures}: after so many failures nothing goes on until clusters recover`);
  for (const [name, amount] of [['maxConcurrency', maxConcurrency], ['maxUnavailable', maxUnavailable]] as const) {
    if (isPercentage(amount) && count > 0 && amountOf(amount, count, 0) === 0) warnings.push(`${where}: ${name} ${amount} of ${clustersText(count)} is less than one, and counts as 1`);
  }
  return warnings;
}

/** Sentences, in the order of the stages; empty: none. `clusters`: those that a run would change, or the fleet. */
export function strategyWarnings(strategy: StrategyValue, clusters: readonly ClusterView[]): string[] {
  const numbers = new Map(clusters.map((view) => [view, stageNumberOf(strategy, view)]));
  const inStage = (number: number): ClusterView[] => clusters.filter((view) => numbers.get(view) === number);
  const perStage = strategy.stages.flatMap((stage, number) => {
    const members = inStage(number);
    if (members.length === 0) {
      const gates = (stage.before ?? []).length + (stage.after ?? []).length;
      const taken = clusters.some((view) => matchesSelector(stage.clusters, view)) ? 'has no cluster that no earlier stage selects' : 'selects no cluster';
      return [`stage ${stage.name} ${taken}${gates === 0 ? '' : ': its gates are not asked'}`];
    }
    const groups = (stage.groups ?? []).map((group, index) => ({ group, count: members.filter((view) => stage.groups!.findIndex(({ clusters: selector }) => matchesSelector(selector, view)) === index).length }));
    return [
      ...bounds(`stage ${stage.name}`, members.length, stage),
      ...groups.flatMap(({ group, count }) => (count === 0 ? [`group ${group.name} of stage ${stage.name} selects no cluster`] : bounds(`group ${group.name} of stage ${stage.name}`, count, group))),
    ];
  });
  const rest = inStage(strategy.stages.length);
  const names = namesOf(rest.map(({ name }) => name).sort());
  const remaining = rest.length === 0 ? [] : [strategy.remaining === 'Skip' ? `no stage selects ${names}: left out` : `no stage selects ${names}: one at a time at the end`];
  return [...overlaps(strategy, clusters), ...perStage, ...bounds('the run', clusters.length, strategy), ...remaining];
}
