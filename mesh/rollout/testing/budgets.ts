/** The bounds of a strategy, counted anew from the rows of one step. */
import { expect } from 'vitest';
import type { Amount, RunTarget, RunValue, StageValue, StrategyValue, TargetObservation } from '../../model/rollout.ts';
import type { RunStep } from '../step.ts';
import { away, isBack } from './twin-words.ts';

const most = (amount: Amount | undefined, of: number, least: number): number => (amount === undefined ? Number.POSITIVE_INFINITY : Math.max(least, typeof amount === 'number' ? amount : Math.floor((parseInt(amount, 10) * of) / 100)));
const flies = ({ phase }: RunTarget): boolean => phase === 'Assigned' || phase === 'Soaking' || phase === 'RollingBack';

/** In flight never more than a bound, but where the bound shrank under what was in flight, or clusters go back at a pace of their own. */
export function expectBudgets(strategy: StrategyValue, stages: readonly StageValue[], before: RunValue, { targets, state, assign }: RunStep, observed: readonly TargetObservation[]): void {
  const seen = ({ cluster }: RunTarget): TargetObservation => observed.find((one) => one.cluster === cluster)!;
  const isThere = (target: RunTarget): boolean => !(target.phase === 'Pending' && away(seen(target))) && target.message !== 'left the fleet before its turn';
  const isUnavailable = (target: RunTarget): boolean => flies(target) || (target.phase === 'Pending' && target.failingBefore === true && !away(seen(target)) && !seen(target).healthy)
    || ((target.phase === 'Failed' || target.phase === 'RollbackFailed') && seen(target).gone !== true
      && !isBack(target.rolledBackAt === undefined ? target.toId : target.backId!, seen(target), target.generation ?? 0));
  const within = (amount: Amount | undefined, scope: (target: RunTarget) => boolean): void => {
    const members = targets.filter(scope);
    const earlier = before.targets.filter((target) => scope(target) && flies(target)).length;
    expect(members.filter(flies).length).toBeLessThanOrEqual(Math.max(most(amount, members.filter(isThere).length, 1), earlier));
  };
  const ownPace = strategy.rollback !== undefined && state.rollback !== null && state.rollback.scope !== 'Cluster';
  if (!ownPace) within(strategy.maxConcurrency, () => true);
  for (const [number, stage] of stages.entries()) {
    const inStage = (target: RunTarget): boolean => target.stage === number;
    if (!ownPace) {
      within(stage.maxConcurrency, inStage);
      for (const [index, group] of (stage.groups ?? []).entries()) within(group.maxConcurrency, (target) => inStage(target) && target.group === index);
    }
    const turned = assign.filter(({ cluster, back }) => !back && targets.some((target) => inStage(target) && target.cluster === cluster && flies(target) && target.failingBefore !== true));
    if (turned.length === 0) continue;
    const members = targets.filter(inStage);
    const of = members.filter(isThere).length;
    const accepted = members.filter(({ cluster, phase }) => state.acceptedFailures.includes(cluster) && phase !== 'Done').length;
    const bound = stage.maxUnavailable === undefined ? most(stage.maxConcurrency, of, 1) + most(stage.maxFailures ?? 0, of, 0) + accepted : most(stage.maxUnavailable, of, 1);
    expect(members.filter(isUnavailable).length).toBeLessThanOrEqual(bound);
  }
  if (strategy.maxUnavailable !== undefined && assign.some(({ cluster, back }) => !back && targets.some((target) => target.cluster === cluster && flies(target) && target.failingBefore !== true))) {
    expect(targets.filter(isUnavailable).length).toBeLessThanOrEqual(most(strategy.maxUnavailable, targets.filter(isThere).length, 1));
  }
  // Nothing sets out once a policy, or a person, has ended it.
  if (before.state?.stopped != null) expect(assign.filter(({ back }) => !back)).toEqual([]);
}
