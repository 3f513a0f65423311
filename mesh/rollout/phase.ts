/** A run's phase and what is said of it: what is so, never more. */
import type { RunPhase } from '../model/rollout.ts';
import type { Desk } from './desk.ts';
import { wasAway, wasStopped } from './skipped.ts';
import type { RunCounts } from './step.ts';
import { stopText } from './stop.ts';
import { isAway, type Tally } from './tally.ts';
import { namesOf } from './waits.ts';
import type { Walk } from './walk.ts';

export interface Situation {
  readonly desk: Desk;
  /** Absent: the run is stopping, and walks no more. */
  readonly walk: Walk | undefined;
  /** Clusters wait for their way back. */
  readonly goesBack: boolean;
}

export const countsOf = ({ whole }: Desk): RunCounts => ({
  total: whole.total, done: whole.done, inFlight: whole.inFlight, failed: whole.failed, skipped: whole.skipped, rolledBack: whole.rolledBack, away: whole.away, gone: whole.gone,
});

const isStopping = ({ run, state }: Desk): boolean => run.stopRequested || state.stopped !== null;

/** Nothing is left to do, and nothing can change any more. */
export const isFinished = ({ desk: { whole }, walk, goesBack }: Situation): boolean =>
  whole.inFlight === 0 && whole.pending === 0 && whole.away === 0 && !goesBack && (walk === undefined || walk.stage === null);

export function finalPhase({ state, whole, targets, run }: Desk): RunPhase {
  const { stopped, rollback } = state;
  if (stopped?.by === 'Person') return 'Stopped';
  if (rollback !== null && rollback.scope !== 'Cluster') return whole.rolledBack > 0 && !targets.some(({ phase }) => phase === 'RollbackFailed') ? 'RolledBack' : 'Failed';
  if (stopped?.by === 'Gate' || (stopped !== null && targets.some(wasStopped))) return 'Failed';
  // Rows that a stop had skipped before there was a state.
  if (stopped === null && run.state === undefined && targets.some(wasStopped)) return 'Stopped';
  return whole.failed + whole.rolledBack > 0 || targets.some(wasAway) ? 'CompletedWithFailures' : 'Completed';
}

export function openPhase({ desk, walk, goesBack }: Situation): RunPhase {
  const { run, state, whole, targets, counted } = desk;
  if (!isStopping(desk) && run.pauseRequested === true) return 'Paused';
  if (isStopping(desk)) return goesBack || whole.rollingBack > 0 ? (run.pauseRequested === true && whole.inFlight === 0 ? 'Paused' : 'RollingBack') : 'Stopping';
  if (state.paused !== null) return 'Paused';
  if (whole.inFlight > 0) {
    if (whole.inFlight === whole.rollingBack) return 'RollingBack';
    for (const index of counted.live.keys()) if (targets[index]!.phase === 'Assigned') return 'Running';
    return 'Soaking';
  }
  if (walk?.soaks === true) return 'Soaking';
  return desk.begun < 0 && walk?.short !== true ? 'Pending' : 'Waiting';
}

const countText = ({ done, total, skipped, rolledBack }: Tally): string =>
  `${done} of ${total} clusters done${skipped > 0 ? `, ${skipped} skipped` : ''}${rolledBack > 0 ? `, ${rolledBack} rolled back` : ''}`;
const tallyText = ({ whole }: Desk): string => countText(whole);
const inFlightText = ({ inFlight }: Tally): string => (inFlight === 0 ? '' : `, ${inFlight} in flight`);

/** Of the stage at work, and then of the run, where that is more. */
function progressText({ whole, byStage, stages }: Desk, stage: number | null | undefined): string {
  const all = `${countText(whole)}${inFlightText(whole)}`;
  if (stage === null || stage === undefined) return all;
  const of = byStage[stage]!;
  return `stage ${stages[stage]!.name}: ${countText(of)}${inFlightText(of)}${of.total === whole.total ? '' : `; in all ${all}`}`;
}

function awayText({ targets, observed, whole }: Desk): string {
  const names: string[] = [];
  for (let index = 0; index < targets.length && names.length < 3 && names.length < whole.away; index++) if (isAway(targets[index]!, observed(index))) names.push(targets[index]!.cluster);
  return `away: ${namesOf(names, whole.away)}`;
}

/** Of the first that failed; a failure that a person accepted is not told again. */
function failureText({ targets, state, whole }: Desk): string {
  if (whole.failed + whole.rolledBack === 0) return '';
  const accepted = new Set(state.acceptedFailures);
  const failed = targets.find(({ phase, cluster }) => (phase === 'Failed' || phase === 'RollbackFailed') && !accepted.has(cluster));
  return failed === undefined ? '' : `cluster ${failed.cluster} failed: ${failed.message}`;
}

export function messageOf({ desk, walk, goesBack }: Situation, phase: RunPhase): string {
  const { run, state, whole } = desk;
  const said = (...parts: string[]): string => parts.filter((part) => part !== '').join('; ');
  const stopReason = state.stopped === null ? '' : state.stopped.reason;
  const failure = failureText(desk);
  const why = state.stopped?.by === 'Failures' ? (failure === '' || stopReason.endsWith(failure) ? stopReason : said(stopReason, failure)) : said(stopReason, failure);
  if (isFinal(phase)) return said(tallyText(desk), why);
  if (phase === 'Stopping') return said(`stopping, ${whole.inFlight} in flight finish`, tallyText(desk), why === '' && run.stopRequested ? stopText(run) : why);
  if (phase === 'RollingBack') return said(`rolling back: ${whole.rollingBack} in flight${goesBack ? ', others wait for their turn' : ''}`, tallyText(desk), why);
  const inFlight = inFlightText(whole);
  if (phase === 'Paused') return said(`paused${run.pauseRequested === true ? ` by ${run.pausedBy ?? 'a person'}` : ''}${inFlight === '' ? '' : `${inFlight} finish`}`, state.paused?.reason ?? stopReason, tallyText(desk));
  return said(progressText(desk, walk?.stage), ...(walk?.reasons ?? []), whole.away > 0 && !(walk?.short === true && whole.away === desk.byStage[walk.stage ?? 0]!.away) ? awayText(desk) : '');
}

const isFinal = (phase: RunPhase): boolean => phase === 'Stopped' || phase === 'Failed' || phase === 'RolledBack' || phase === 'Completed' || phase === 'CompletedWithFailures';
