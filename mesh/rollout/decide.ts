/** A run's next step, from its rows, its state and what is known of its clusters and gates. */
import type { Instant } from '../model/instant.ts';
import { type GateObservations, NEW_RUN_STATE, type RunState, type RunValue, type TargetObservation } from '../model/rollout.ts';
import { awaitAway } from './away.ts';
import type { Counted } from './counted.ts';
import { createDesk, type Desk } from './desk.ts';
import { judgeFailures, resumed } from './failure.ts';
import { endHold } from './minimum.ts';
import { countsOf, finalPhase, isFinished, messageOf, openPhase, type Situation } from './phase.ts';
import { goBack } from './rollback.ts';
import { isInFlight } from './stage.ts';
import type { RunStep } from './step.ts';
import { skipPending, skipUnselected, stopFor } from './stop.ts';
import { walk, type Walk } from './walk.ts';

export type Decide = (run: RunValue, observed: readonly TargetObservation[], now: Instant, gates?: GateObservations) => RunStep;

/**
 * Stage after stage; one begins when every cluster of the earlier ones is finished or away, their soak is over and the gates between have passed. Within a stage clusters go
 * in its order as far as budgets, windows and other runs let them. What follows from failures says the strategy's policy; a person's stop or pause stands above it, and what is
 * in flight finishes always. Health counts for the run's id and, where it is known, the generation of its assignment.
 *
 * Everything follows from rows and state, not from `run.phase`: deciding again on those of a step, with the same observations and time, changes
 * and journals nothing, so a restart between saving a step and writing the run's status repeats nothing. A shell gives each assignment its generation and writes it into the
 * row in the transaction that saves the step.
 */
export const decide: Decide = (run, observed, now, gates = {}) => createDecider()(run, observed, now, gates);

/** The same of one run again and again: what it counted once is not counted anew as long as rows and observations are the same objects. */
export function createDecider(): Decide {
  let counted: Counted | undefined;
  return (run, observed, now, gates = {}) => {
    const before = run.state ?? NEW_RUN_STATE;
    const state = before.finished === undefined ? resumed(run, before, now) : before;
    const desk = createDesk(state === before ? run : { ...run, state }, observed, now, state, counted);
    counted = desk.counted;
    return decideAt(desk, gates, before);
  };
}

function decideAt(desk: Desk, gates: GateObservations, before: RunState): RunStep {
  const { run, state } = desk;
  if (state.finished !== undefined) return stepOf({ desk, walk: undefined, goesBack: false }, null);
  if (before.paused !== null && state.paused === null) desk.note('', 'Resumed', `resumed by ${run.resumedBy ?? 'a person'}; it was paused for: ${before.paused?.reason ?? ''}`);
  const passed = before.tooFewDone?.stage;
  if (passed !== undefined && state.passedWithFewer !== before.passedWithFewer) desk.note('', 'Resumed', `${run.resumedBy ?? 'a person'} lets stage ${desk.stages[passed]!.name} pass with ${desk.byStage[passed]!.done} of ${desk.byStage[passed]!.total} clusters done`);
  skipUnselected(desk);

  let way: Walk | undefined;
  let goesBack: boolean;
  for (;;) {
    judgeFailures(desk);
    stopFor(desk);
    skipPending(desk);
    goesBack = goBack(desk);
    const { paused } = desk.state;
    way = desk.state.stopped === null && !run.stopRequested ? walk(desk, gates, run.pauseRequested !== true && paused === null) : undefined;
    // A gate has stopped or held the run, or a cluster failed in the soak of its stage: what follows from it is decided at once.
    if (desk.fresh.length === 0 && (way === undefined || (desk.state.stopped === null && desk.state.paused === paused))) break;
  }
  endHold(desk, way?.short === true);
  const isHeld = run.pauseRequested === true || desk.state.paused !== null;
  const { whole } = desk;
  const awayUntil = awaitAway(desk, way !== undefined && way.stage === null && !isHeld && whole.away > 0 && whole.pending === 0 && whole.inFlight === 0);
  return stepOf({ desk, walk: way, goesBack }, awayUntil);
}

function stepOf(situation: Situation, awayUntil: Instant | null): RunStep {
  const { desk, walk: way } = situation;
  const { run, now, targets } = desk;
  const finished = desk.state.finished ?? (isFinished(situation) ? { at: now, phase: finalPhase(desk) } : undefined);
  const phase = finished?.phase ?? openPhase(situation);
  const message = messageOf(situation, phase);
  if (finished !== undefined && desk.state.finished === undefined) {
    desk.note('', phase, message);
    desk.state = { ...desk.state, finished };
  }
  const waits = phase === 'Pending' || phase === 'Waiting' || phase === 'Soaking';
  return {
    targets: desk.moved.size === 0 ? run.targets : [...targets], phase, message, state: desk.state, reasons: finished === undefined ? way?.reasons ?? [] : [],
    stage: finished === undefined ? stageNameOf(desk, way) : null,
    changed: [...desk.moved].sort((a, b) => a - b).map((index) => targets[index]!),
    assign: [...desk.assign.values()], counts: countsOf(desk), journal: desk.journal,
    gatesWanted: finished === undefined ? way?.wanted ?? [] : [],
    waitingUntil: waits ? earliest([way?.until ?? null, awayUntil]) : null,
    wakeAt: finished === undefined ? earliest([...desk.wakes(), ...(way?.wakes ?? []), awayUntil], now) : null,
  };
}

/** Of the stage at work; while a run stops, the first that is not finished. */
function stageNameOf({ stages, targets, stageOf }: Desk, way: Walk | undefined): string | null {
  if (way !== undefined && way.stage !== null) return stages[way.stage]!.name;
  const open = targets.find((target) => target.phase === 'Pending' || isInFlight(target));
  return open === undefined ? null : stages[stageOf(open)]!.name;
}

function earliest(instants: Iterable<Instant | null>, after = Number.NEGATIVE_INFINITY): Instant | null {
  let found = Number.POSITIVE_INFINITY;
  for (const instant of instants) if (instant !== null && instant > after && instant < found) found = instant;
  return found === Number.POSITIVE_INFINITY ? null : found;
}
