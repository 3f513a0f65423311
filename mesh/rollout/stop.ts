/** The end of a run before its end: nothing that is pending has its turn any more. */
import type { RunValue } from '../model/rollout.ts';
import type { Desk } from './desk.ts';
import { gateKey, gatesOf } from './gates/gates.ts';
import { isGoingBack } from './rollback.ts';
import { STOPPED, UNSELECTED } from './skipped.ts';

export const stopText = ({ stoppedBy }: RunValue): string => `stop was requested${stoppedBy === undefined ? '' : ` by ${stoppedBy}`}`;

/** Soak or gates that the stages begun still have before them. */
function isOpen(desk: Desk): boolean {
  return desk.stages.some((stage, number) => {
    if (number > desk.begun || desk.byStage[number]!.total === 0 || desk.state.stageFinishedAt?.[number] !== undefined) return false;
    return (stage.stageSoakSeconds ?? 0) > 0 || gatesOf(desk, number, 'after').some(({ name }) => desk.state.gates[gateKey(stage.name, 'after', name)]?.phase !== 'Passed');
  });
}

/** A person's stop: stands above the failure policy, and ends a rollback too. One that comes when all is done but what is in flight changes nothing. */
export function stopFor(desk: Desk): void {
  const { run, state, whole } = desk;
  if (!run.stopRequested || state.stopped?.by === 'Person') return;
  if (whole.pending + whole.away === 0 && !isGoingBack(desk) && !(state.stopped === null && isOpen(desk))) return;
  const reason = stopText(run);
  desk.state = { ...state, paused: null, stopped: { at: desk.now, by: 'Person', reason } };
  desk.note('', 'Stopping', reason);
}

export function skipPending(desk: Desk): void {
  const { stopped } = desk.state;
  if (stopped === null) return;
  skip(desk, desk.pending.flat(), `${STOPPED}: ${stopped.reason}`);
}

/** Clusters that no stage selects, where the strategy leaves them out. */
export function skipUnselected(desk: Desk): void {
  if (desk.run.strategy.remaining === 'Skip') skip(desk, desk.pending.at(-1) ?? [], UNSELECTED);
}

function skip(desk: Desk, indices: readonly number[], message: string): void {
  for (const index of indices) {
    const target = desk.targets[index]!;
    if (target.phase === 'Pending') desk.move(index, { ...target, phase: 'Skipped', finishedAt: desk.now, message });
  }
}
