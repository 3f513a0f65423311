/** What a strategy can mean and hardly should, over the clusters that there are. */
import type { ClusterView } from '../model/cluster.ts';
import { sortedByName } from '../model/order.ts';
import { matchesSelector } from '../model/selector.ts';
import type { Amount, StageValue, StrategyValue } from '../model/strategy.ts';
import { amountOf } from './amount.ts';
import { leastOf } from './minimum.ts';
import { namesOf } from './waits.ts';

const clustersText = (count: number): string => `${count} ${count === 1 ? 'cluster' : 'clusters'}`;
const isPercentage = (amount: Amount | undefined): amount is string => typeof amount === 'string' && amount.endsWith('%');

/** By cluster, in the order of names: the stages that select it. */
function selections(strategy: StrategyValue, clusters: readonly ClusterView[]): { readonly name: string; readonly stages: readonly number[] }[] {
  return sortedByName(clusters).map((view) => ({ name: view.name, stages: [...strategy.stages.keys()].filter((number) => matchesSelector(strategy.stages[number]!.clusters, view)) }));
}

/** All that are left, and meant so. */
const isRest = ({ clusters }: StageValue): boolean => Object.keys(clusters).length === 0;

function overlaps({ stages }: StrategyValue, selected: ReturnType<typeof selections>): string[] {
  const both = new Map<string, string[]>();
  for (const { name, stages: numbers } of selected) {
    for (const later of numbers.filter((number) => !isRest(stages[number]!))) for (const earlier of numbers.filter((number) => number < later)) {
      const pair = `${stages[earlier]!.name} and ${stages[later]!.name}`;
      const names = both.get(pair) ?? [];
      both.set(pair, names);
      names.push(name);
    }
  }
  return [...both].map(([pair, names]) => `stages ${pair} both select ${namesOf(names)}; a cluster goes into the first stage that selects it`);
}

/** `where`: the stage, group or run that the bounds are of. */
function bounds(where: string, count: number, { maxConcurrency, maxFailures, maxUnavailable, minDone }: Pick<StageValue, 'maxFailures' | 'maxUnavailable' | 'minDone'> & { readonly maxConcurrency?: Amount }): string[] {
  const warnings: string[] = [];
  if (count > 1 && maxConcurrency !== undefined && amountOf(maxConcurrency, count, 1) >= count) warnings.push(`${where}: maxConcurrency ${maxConcurrency} is all of its ${clustersText(count)}: they change at once`);
  if (maxFailures !== undefined && count > 0 && amountOf(maxFailures, count, 0) >= count) warnings.push(`${where}: maxFailures ${maxFailures} is not less than its ${clustersText(count)}: no failure stops the run`);
  if (count > 1 && maxUnavailable !== undefined && amountOf(maxUnavailable, count, 1) >= count) warnings.push(`${where}: maxUnavailable ${maxUnavailable} is all of its ${clustersText(count)}: nothing need be left that works`);
  if (count > 0 && maxUnavailable !== undefined && amountOf(maxUnavailable, count, 1) <= amountOf(maxFailures ?? 0, count, 0)) warnings.push(`${where}: maxUnavailable ${maxUnavailable} is not more than maxFailures ${maxFailures}: after so many failures nothing goes on until clusters recover`);
  if (typeof minDone === 'number' && count > 0 && minDone > count) warnings.push(`${where}: minDone ${minDone} is more than its ${clustersText(count)}, and counts as ${count}`);
  if (minDone !== undefined && maxFailures !== undefined && count > 0 && count - amountOf(maxFailures, count, 0) < leastOf(minDone, count)) warnings.push(`${where}: minDone ${minDone} leaves no room for maxFailures ${maxFailures}: after so many failures nothing follows until a person resumes`);
  for (const [name, amount] of [['maxConcurrency', maxConcurrency], ['maxUnavailable', maxUnavailable]] as const) {
    if (isPercentage(amount) && count > 0 && amountOf(amount, count, 0) === 0) warnings.push(`${where}: ${name} ${amount} of ${clustersText(count)} is less than one, and counts as 1`);
  }
  return warnings;
}

/** Sentences, in the order of the stages; empty: none. `clusters`: those that a run would change, or the fleet. */
export function strategyWarnings(strategy: StrategyValue, clusters: readonly ClusterView[]): string[] {
  const selected = selections(strategy, clusters);
  const views = new Map(clusters.map((view) => [view.name, view]));
  const inStage = (number: number): ClusterView[] => selected.filter(({ stages: [first = strategy.stages.length] }) => first === number).map(({ name }) => views.get(name)!);
  const perStage = strategy.stages.flatMap((stage, number) => {
    const members = inStage(number);
    if (members.length === 0) {
      const gates = (stage.before ?? []).length + (stage.after ?? []).length;
      const taken = selected.some(({ stages }) => stages.includes(number)) ? 'has no cluster that no earlier stage selects' : 'selects no cluster';
      return [`stage ${stage.name} ${taken}${gates === 0 ? '' : ': its gates are not asked'}`];
    }
    const groups = (stage.groups ?? []).map((group, index) => ({ group, count: members.filter((view) => stage.groups!.findIndex(({ clusters: selector }) => matchesSelector(selector, view)) === index).length }));
    return [
      ...bounds(`stage ${stage.name}`, members.length, stage),
      ...groups.flatMap(({ group, count }) => (count === 0 ? [`group ${group.name} of stage ${stage.name} selects no cluster`] : bounds(`group ${group.name} of stage ${stage.name}`, count, group))),
    ];
  });
  const rest = inStage(strategy.stages.length);
  const names = namesOf(rest.map(({ name }) => name));
  const remaining = rest.length === 0 ? [] : [strategy.remaining === 'Skip' ? `no stage selects ${names}: left out` : `no stage selects ${names}: one at a time at the end`];
  return [...overlaps(strategy, selected), ...perStage, ...bounds('the run', clusters.length, strategy), ...remaining];
}
