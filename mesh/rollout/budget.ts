/** How many clusters may be disturbed at once, and how many may fail. */
import type { StageValue, StrategyValue } from '../model/rollout.ts';
import { amountOf } from './amount.ts';
import type { Desk } from './desk.ts';
import { basis, type Tally } from './tally.ts';

/** In flight at once. */
export const concurrencyOf = (stage: StageValue, tally: Tally): number => amountOf(stage.maxConcurrency, basis(tally), 1);

export const failuresOf = (stage: StageValue, tally: Tally): number => amountOf(stage.maxFailures ?? 0, basis(tally), 0);

/** Without a bound of its own a stage goes on past the failures that a person has accepted. */
export const unavailableOf = (stage: StageValue, tally: Tally): number =>
  (stage.maxUnavailable === undefined ? concurrencyOf(stage, tally) + failuresOf(stage, tally) + tally.accepted : amountOf(stage.maxUnavailable, basis(tally), 1));

const wholeConcurrency = (strategy: StrategyValue, whole: Tally): number =>
  (strategy.maxConcurrency === undefined ? Number.POSITIVE_INFINITY : amountOf(strategy.maxConcurrency, basis(whole), 1));

const wholeUnavailable = ({ maxUnavailable }: StrategyValue, whole: Tally): number => (maxUnavailable === undefined ? Number.POSITIVE_INFINITY : amountOf(maxUnavailable, basis(whole), 1));

/** Room in one stage: for clusters whose turn comes, and for those that go back at the stage's own pace. Nobody goes away or leaves while a stage is filled, so the bounds stand. */
export interface Room {
  /** None of the stage can begin now. */
  isFull(): boolean;
  groupIsFull(group: number | undefined): boolean;
  /** One more cluster that was healthy may be disturbed. */
  mayDisturb(): boolean;
  readonly unavailable: number;
  /** Of the run as a whole; infinity: no bound. */
  readonly unavailableInAll: number;
}

export function roomOf({ run, stages, whole, byStage, byGroup }: Desk, number: number): Room {
  const stage = stages[number]!;
  const tally = byStage[number]!;
  const [concurrency, unavailable, inAll] = [concurrencyOf(stage, tally), unavailableOf(stage, tally), wholeConcurrency(run.strategy, whole)];
  const unavailableInAll = wholeUnavailable(run.strategy, whole);
  const groups = byGroup[number]!.map((group, index) => {
    const amount = stage.groups![index]!.maxConcurrency;
    return amount === undefined ? Number.POSITIVE_INFINITY : amountOf(amount, basis(group), 1);
  });
  return {
    unavailable, unavailableInAll,
    isFull: () => tally.inFlight >= concurrency || whole.inFlight >= inAll,
    groupIsFull: (group) => group !== undefined && group < groups.length && byGroup[number]![group]!.inFlight >= groups[group]!,
    mayDisturb: () => tally.disturbed < unavailable && whole.disturbed < unavailableInAll,
  };
}

/** The bound of failures that is exceeded where this row failed, in words; undefined: none is. */
export function exceededBy(desk: Desk, index: number): string | undefined {
  const target = desk.targets[index]!;
  const number = desk.stageOf(target);
  const stage = desk.stages[number]!;
  const over = (what: string, tally: Tally, allowed: number): string | undefined =>
    (tally.counted > allowed ? `${what}: ${tally.counted} ${tally.counted === 1 ? 'cluster' : 'clusters'} failed, more than maxFailures ${allowed}` : undefined);
  const group = desk.groupOf(target);
  const ofGroup = target.group === undefined ? undefined : stage.groups?.[target.group];
  const { maxFailures } = desk.run.strategy;
  return over(`stage ${stage.name}`, desk.byStage[number]!, failuresOf(stage, desk.byStage[number]!))
    ?? (group === undefined || ofGroup?.maxFailures === undefined ? undefined : over(`group ${ofGroup.name} of stage ${stage.name}`, group, amountOf(ofGroup.maxFailures, basis(group), 0)))
    ?? (maxFailures === undefined ? undefined : over('the run', desk.whole, amountOf(maxFailures, basis(desk.whole), 0)));
}
