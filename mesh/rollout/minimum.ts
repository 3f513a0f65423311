/** How many clusters of a stage must be done before anything follows it: a canary that is away is no canary. */
import { toRfc3339 } from '../model/instant.ts';
import type { Amount, RunState, RunTarget, StrategyValue } from '../model/rollout.ts';
import type { Desk } from './desk.ts';
import { stagesOf } from './stage.ts';
import { isAway, newTally, type Tally } from './tally.ts';
import { namesOf } from './waits.ts';

const DEFAULT_MINIMUM = 1;

/** Unlike bounds of what may be disturbed, percentages are rounded up. */
export function leastOf(amount: Amount, clusters: number): number {
  const percent = typeof amount === 'string' && amount.endsWith('%') ? Number.parseInt(amount, 10) : undefined;
  return Math.min(clusters, percent === undefined ? Number(amount) || 0 : Math.ceil((percent * clusters) / 100));
}

/** Those that left the fleet will never be done, and of a failure that a person accepted nobody asks any more. */
const minimumOf = (amount: Amount, { total, gone, accepted }: Tally): number => Math.min(leastOf(amount, total - gone), Math.max(0, total - gone - accepted));

/** Words on what is missing; undefined: nothing is. */
function missing(where: string, amount: Amount, tally: Tally): string | undefined {
  const least = minimumOf(amount, tally);
  return tally.done >= least ? undefined : `${where} passes with ${least} of ${tally.total} ${tally.total === 1 ? 'cluster' : 'clusters'} done (minDone ${amount}), and ${tally.done === 0 ? 'none is' : `${tally.done} ${tally.done === 1 ? 'is' : 'are'}`}`;
}

/** Whether anything can come after the stage that must not come without it. */
const isFollowed = ({ byStage }: Desk, stage: number): boolean => byStage.some(({ total, skipped }, number) => number > stage && total > skipped);

/** What keeps a stage whose clusters are all finished or away from passing, for people; undefined: it passes. */
function shortfall(desk: Desk, stage: number): string | undefined {
  if (desk.state.passedWithFewer?.includes(stage) === true || !isFollowed(desk, stage)) return undefined;
  const { name, minDone = DEFAULT_MINIMUM, groups = [] } = desk.stages[stage]!;
  return missing(`stage ${name}`, minDone, desk.byStage[stage]!)
    ?? groups.map((group, index) => missing(`group ${group.name} of stage ${name}`, group.minDone ?? 0, desk.byGroup[stage]![index]!)).find((text) => text !== undefined);
}

/** Those that are not done: the ones that may come back first. */
function whoIsMissing(desk: Desk, stage: number): string {
  const [away, others]: [string[], string[]] = [[], []];
  for (const [index, target] of desk.targets.entries()) {
    if (desk.stageOf(target) !== stage || target.phase === 'Done') continue;
    if (isAway(target, desk.observed(index))) away.push(target.cluster);
    else others.push(`${target.cluster} (${target.phase})`);
  }
  return [...away.length === 0 ? [] : [`away: ${namesOf(away)}`], ...others.length === 0 ? [] : [`not done: ${namesOf(others)}`]].join('; ');
}

/** Why the stage does not pass, for people, with too few done; undefined: it passes. `mayBegin` false: the run is paused, and its resume will be no word on the stage. */
export function heldForMinimum(desk: Desk, stage: number, mayBegin: boolean): string | undefined {
  const short = shortfall(desk, stage);
  if (short === undefined || !mayBegin) return short;
  const known = desk.state.tooFewDone;
  const since = known?.stage === stage ? known.since : desk.now;
  const whom = whoIsMissing(desk, stage);
  for (const index of desk.pending[stage]!) {
    const target = desk.targets[index]!;
    if (target.phase === 'Pending' && target.message === '') desk.move(index, { ...target, message: desk.observed(index)?.connected === true ? 'its agent is back and has not said what it found' : 'its agent is not connected' });
  }
  if (known?.stage !== stage) {
    desk.state = { ...desk.state, tooFewDone: { stage, since } };
    desk.note('', 'TooFewDone', `${short}; ${whom}`);
  }
  return `${short}; ${whom}; waits since ${toRfc3339(since)}; it goes on when enough are done, or without them after ${desk.run.name === '' ? 'a person resumes it' : `"isthmus run resume ${desk.run.name}"`}`;
}

/** The stage waits no more, or not for this. */
export function endHold(desk: Desk, held: boolean): void {
  if (held || desk.state.tooFewDone === undefined) return;
  const { tooFewDone: _ended, ...state } = desk.state;
  desk.state = state;
}

/** A person's word that a stage may pass as it is. */
export function passedByPerson({ tooFewDone, ...state }: RunState): RunState {
  return tooFewDone === undefined ? state : { ...state, passedWithFewer: [...new Set([...state.passedWithFewer ?? [], tooFewDone.stage])].sort((a, b) => a - b) };
}

/** Sentences on stages that cannot pass as long as those are away that are: for who looks ahead. */
export function absences(strategy: StrategyValue, targets: readonly RunTarget[], isAbsent: (cluster: string) => boolean): string[] {
  const stages = stagesOf(strategy);
  return stages.flatMap(({ name, minDone = DEFAULT_MINIMUM, groups = [] }, number) => {
    if (!targets.some(({ stage, phase }) => stage > number && phase !== 'Skipped')) return [];
    const told = (where: string, amount: Amount, members: readonly RunTarget[]): string[] => {
      const away = members.filter(({ phase, cluster }) => phase === 'Pending' && isAbsent(cluster)).map(({ cluster }) => cluster);
      const least = minimumOf(amount, { ...newTally(), total: members.length });
      return away.length === 0 || members.length - away.length >= least ? [] : [`${where}: away: ${namesOf(away)} (${away.length} of ${members.length}), and ${least} must be done before anything follows (minDone ${amount}): the run waits there, for them or for a person who resumes it`];
    };
    const members = targets.filter(({ stage }) => stage === number);
    const ofStage = told(`stage ${name}`, minDone, members);
    return ofStage.length > 0 ? ofStage : groups.flatMap((group, index) => told(`group ${group.name} of stage ${name}`, group.minDone ?? 0, members.filter((row) => row.group === index)));
  });
}
