/** Stage after stage: gates before, clusters, soak of the stage, gates after. */
import { type Instant, seconds } from '../model/instant.ts';
import type { GateObservations } from '../model/rollout.ts';
import { roomOf } from './budget.ts';
import type { Desk } from './desk.ts';
import { fill } from './fill.ts';
import { type GateDesk, gateKey, gatesOf, gatesPassed } from './gates/gates.ts';
import { seenOf, waitMessage } from './health.ts';
import { heldForMinimum } from './minimum.ts';
import type { WantedGate } from './step.ts';
import { newWaits, type Waits, waitSentences } from './waits.ts';

export interface Walk {
  /** The stage at work; null: every stage has ended, but for clusters that are away. */
  readonly stage: number | null;
  readonly wanted: readonly WantedGate[];
  /** Why nothing more begins, for people. */
  readonly reasons: readonly string[];
  /** When time alone lets more begin. */
  readonly until: Instant | null;
  /** When deciding again may give anything else. */
  readonly wakes: readonly Instant[];
  readonly soaks: boolean;
  /** Too few clusters of the stage at work are done, and nobody holds the run otherwise. */
  readonly short: boolean;
}

interface Way extends GateDesk {
  soaks: boolean;
  short: boolean;
  /** What keeps clusters of the stages that were given their turns. */
  readonly waits: { readonly stage: number; readonly waits: Waits }[];
}

/** The last cluster of a stage to be done that is asked to soak. */
function lastDone({ targets, stageOf }: Desk, stage: number): Instant | null {
  let last: Instant | null = null;
  for (const target of targets) {
    if (target.phase === 'Done' && target.fast !== true && stageOf(target) === stage && target.finishedAt !== null && (last === null || target.finishedAt > last)) last = target.finishedAt;
  }
  return last;
}

/** Whether the soak of a stage was over once, and nothing of it was done since. */
function wasSoaked(desk: Desk, stage: number, last: Instant): boolean {
  const over = [desk.state.stageFinishedAt?.[stage], ...gatesOf(desk, stage, 'after').map(({ name }) => desk.state.gates[gateKey(desk.stages[stage]!.name, 'after', name)]?.since)];
  return over.some((at) => at !== undefined && at >= last);
}

/** `failed`: a cluster that was done did not stay healthy. */
function soakOf(desk: Desk, way: Way, stage: number): 'over' | 'soaks' | 'failed' {
  const soakSeconds = desk.stages[stage]!.stageSoakSeconds ?? 0;
  const last = soakSeconds === 0 ? null : lastDone(desk, stage);
  if (last === null || wasSoaked(desk, stage, last)) return 'over';
  let failed = false;
  for (let index = 0; index < desk.targets.length; index++) {
    const target = desk.targets[index]!;
    if (target.phase !== 'Done' || desk.stageOf(target) !== stage) continue;
    const observed = desk.observed(index);
    if (observed?.gone === true || seenOf(target.toId, observed, target.generation) !== 'unhealthy') continue;
    failed = true;
    desk.move(index, { ...target, phase: 'Failed', finishedAt: desk.now, message: `turned unhealthy while its stage soaked: ${waitMessage(target.toId, observed, target.generation)}` });
  }
  if (failed) return 'failed';
  const until = last + seconds(soakSeconds);
  if (desk.now >= until) return 'over';
  way.soaks = true;
  way.until.push(until);
  way.wakes.push(until);
  way.reasons.push(...waitSentences({ ...newWaits(), soaksUntil: until }));
  return 'soaks';
}

function give(desk: Desk, way: Way, stage: number): void {
  way.waits.push({ stage, waits: fill(desk, stage) });
}

/** Where a stage, or the run, is full by now, nobody waits for anything else. */
function tell(desk: Desk, way: Way): void {
  for (const { stage, waits } of way.waits) {
    if (roomOf(desk, stage).isFull()) continue;
    way.reasons.push(...waitSentences(waits));
    const { opensAt } = waits.closed;
    if (opensAt === null) continue;
    way.until.push(opensAt);
    way.wakes.push(opensAt);
  }
}

function finish(desk: Desk, stage: number): void {
  const { total, skipped, pending, away } = desk.byStage[stage]!;
  const since = desk.state.stageFinishedAt?.[stage];
  // One whose clusters are all away has not even begun.
  if (total - skipped - pending - away === 0 || (since !== undefined && since >= (lastDone(desk, stage) ?? since))) return;
  if (since === undefined) desk.note('', 'StageFinished', `stage ${desk.stages[stage]!.name}`);
  desk.state = { ...desk.state, stageFinishedAt: { ...desk.state.stageFinishedAt, [stage]: desk.now } };
}

/** A stage that a later one has followed holds nobody up: those of it that come back have their turn beside the others. */
function isAtWork(desk: Desk, way: Way, stage: number, mayBegin: boolean): boolean {
  const tally = desk.byStage[stage]!;
  const followed = stage < desk.begun;
  if (followed) {
    if (mayBegin && tally.pending > 0) give(desk, way, stage);
    return false;
  }
  const isLeftOut = tally.total === tally.skipped;
  if (!isLeftOut && desk.begun < stage && !gatesPassed(desk, way, stage, 'before', mayBegin)) return true;
  if (mayBegin && tally.pending > 0) give(desk, way, stage);
  if (tally.pending > 0 || tally.inFlight > 0) return true;
  const held = heldForMinimum(desk, stage, mayBegin);
  if (held !== undefined) {
    way.reasons.push(held);
    way.short = mayBegin;
    return true;
  }
  if (isLeftOut) return false;
  if (soakOf(desk, way, stage) !== 'over' || !gatesPassed(desk, way, stage, 'after', mayBegin)) return true;
  finish(desk, stage);
  return false;
}

/** `mayBegin` false (a run that is paused): nothing is given and no gate is asked, but a stage that soaks is watched. */
export function walk(desk: Desk, observations: GateObservations, mayBegin: boolean): Walk {
  const way: Way = { observations, wanted: [], reasons: [], wakes: [], until: [], soaks: false, short: false, waits: [] };
  let stage: number | null = null;
  for (let number = 0; number < desk.stages.length && stage === null; number++) {
    if (isAtWork(desk, way, number, mayBegin)) stage = number;
  }
  tell(desk, way);
  const { wanted, reasons, wakes, soaks, short } = way;
  return { stage, wanted, reasons, wakes, soaks, short, until: way.until.length === 0 ? null : Math.min(...way.until) };
}
