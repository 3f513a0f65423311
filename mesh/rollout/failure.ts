/** What follows from failures: the run's policy, once, and for good or until a person resumes. */
import type { RunState, RunTarget, RunValue } from '../model/rollout.ts';
import { exceededBy } from './budget.ts';
import type { Desk } from './desk.ts';
import { passedByPerson } from './minimum.ts';

interface Cause {
  readonly by: 'Failures' | 'Gate';
  /** Where it happened: what goes back under RollBackStage. */
  readonly stage: number;
  readonly reason: string;
}

/** A person's stop stands above every policy: what is in flight finishes, and nothing else happens. */
const isOver = ({ state, run }: Desk): boolean => state.stopped !== null || run.stopRequested;

/** As if a bound of failures were exceeded. */
export function applyPolicy(desk: Desk, { by, stage, reason }: Cause): void {
  if (isOver(desk)) return;
  const policy = desk.run.strategy.onFailure ?? 'Stop';
  const at = desk.now;
  if (policy === 'Pause') {
    desk.state = { ...desk.state, paused: { at, reason } };
    desk.note('', 'Paused', reason);
    return;
  }
  const scope = policy === 'RollBackStage' ? 'Stage' as const : policy === 'RollBackRun' ? 'Run' as const : undefined;
  desk.state = {
    ...desk.state, paused: null, stopped: { at, by, reason },
    ...(scope === undefined ? {} : { rollback: { scope, at, reason, ...(scope === 'Stage' ? { stage } : {}) } }),
  };
  desk.note('', scope === undefined ? 'Stopping' : 'RollingBack', reason);
}

/** Failures of this step against the bounds; bounds that shrink later, for clusters went away, condemn nothing that was allowed. True: something follows. */
export function judgeFailures(desk: Desk): boolean {
  const indices = desk.fresh.splice(0);
  for (const index of indices) {
    const target = desk.targets[index]!;
    const exceeded = isOver(desk) ? undefined : exceededBy(desk, index);
    if (exceeded !== undefined) applyPolicy(desk, { by: 'Failures', stage: desk.stageOf(target), reason: `${exceeded}; cluster ${target.cluster} failed: ${target.message}` });
  }
  return indices.length > 0;
}

/**
 * A person's word that a held run may go on: any other `resumedAt` than the one heeded last, whatever a clock elsewhere says; one that is there before the pause lifts nothing.
 * Where nothing pauses the run, it lets a stage pass of which too few are done.
 * The failures that were known then, and those that the run was held for, count no more, and gates that did not pass are asked anew. The same state where there is none.
 */
export function resumed(run: RunValue, state: RunState, now: number): RunState {
  const { resumedAt } = run;
  if (resumedAt === undefined || resumedAt === state.resumedAt) return state;
  if (state.paused === null) return { ...passedByPerson(state), resumedAt };
  const until = Math.max(state.paused.at, Math.min(resumedAt, now));
  const known = ({ phase, finishedAt }: RunTarget): boolean => (phase === 'Failed' || phase === 'RollbackFailed' || phase === 'RolledBack') && finishedAt !== null && finishedAt <= until;
  const accepted = new Set([...state.acceptedFailures, ...run.targets.filter(known).map(({ cluster }) => cluster)]);
  const gates = Object.fromEntries(Object.entries(state.gates).map(([key, gate]) =>
    [key, gate.phase === 'Failed' || gate.phase === 'Inconclusive' ? { phase: 'Waiting' as const, since: now, finishedAt: null, message: 'asked anew after a person resumed the run' } : gate]));
  return { ...state, paused: null, resumedAt, acceptedFailures: [...accepted].sort(), gates };
}
