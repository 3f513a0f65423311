/** The stages of a run, with what each takes from its strategy. */
import type { RunTarget, StageValue, StrategyValue } from '../model/rollout.ts';

/** The stage of clusters that no other stage selects: one at a time, no soak. */
export const REMAINING: StageValue = { name: 'remaining', clusters: {}, maxConcurrency: 1, soakSeconds: 0, minDone: 0 };

export const stagesOf = (strategy: StrategyValue): readonly StageValue[] => [...strategy.stages, REMAINING];

/** By stage number. `remaining` is last, whether or not any cluster is left for it. */
export const stageNames = (strategy: StrategyValue): string[] => stagesOf(strategy).map((stage) => stage.name);

export const soakSecondsOf = (stage: StageValue, target: RunTarget): number => (target.fast === true ? 0 : stage.soakSeconds);

export const deadlineSecondsOf = (strategy: StrategyValue, stage: StageValue): number => stage.progressDeadlineSeconds ?? strategy.progressDeadlineSeconds;

export const backDeadlineSecondsOf = (strategy: StrategyValue, stage: StageValue): number => strategy.rollback?.progressDeadlineSeconds ?? deadlineSecondsOf(strategy, stage);

export const isInFlight = ({ phase }: RunTarget): boolean => phase === 'Assigned' || phase === 'Soaking' || phase === 'RollingBack';
