/** Gives the clusters of one stage their turn, as far as budgets, windows and other runs let them. */
import type { RunTarget } from '../model/rollout.ts';
import { compareText } from '../model/order.ts';
import { blockMessage, isBlocked } from './advance.ts';
import { type Room, roomOf } from './budget.ts';
import type { Desk } from './desk.ts';
import { isFailingStill } from './health.ts';
import { isInFlight } from './stage.ts';
import { isAway } from './tally.ts';
import { addBusy, addClosed, namesOf, newWaits, type Waits } from './waits.ts';

const inOrder = (a: RunTarget, b: RunTarget): number => (a.order ?? 0) - (b.order ?? 0) || compareText(a.cluster, b.cluster);

/** Records give rows in order; only rows that come otherwise are sorted. */
function candidates({ targets, pending }: Desk, stage: number): readonly number[] {
  const rows = pending[stage]!;
  for (let place = 1; place < rows.length; place++) {
    if (inOrder(targets[rows[place - 1]!]!, targets[rows[place]!]!) > 0) return rows.sort((a, b) => inOrder(targets[a]!, targets[b]!));
  }
  return rows;
}

function begin(desk: Desk, index: number, stage: number): void {
  const target = desk.targets[index]!;
  if (desk.state.stageStartedAt[stage] === undefined) {
    const { total, skipped, pending, away } = desk.byStage[stage]!;
    if (total - skipped - pending - away === 0) desk.note('', 'StageStarted', `stage ${desk.stages[stage]!.name}`);
    desk.state = { ...desk.state, stageStartedAt: { ...desk.state.stageStartedAt, [stage]: desk.now } };
  }
  desk.begun = Math.max(desk.begun, stage);
  const overridden = desk.observed(index)?.window?.overriddenBy;
  if (overridden !== undefined) desk.note(target.cluster, 'WindowOverridden', overridden);
  desk.give(index, { ...target, phase: 'Assigned', assignedAt: desk.now, message: 'assigned' }, target.toId);
}

/** Who takes what may be unavailable, for people; looked for only where it keeps somebody waiting. */
function whoIsUnavailable(desk: Desk, stage: number, room: Room): string {
  const names: string[] = [];
  const ofStage = desk.byStage[stage]!.disturbed >= room.unavailable;
  for (const [index, target] of desk.targets.entries()) {
    if ((ofStage && desk.stageOf(target) !== stage) || isInFlight(target)) continue;
    const failing = target.phase === 'Pending' ? isFailingStill(target, desk.observed(index)) : target.phase === 'Failed' || target.phase === 'RollbackFailed';
    if (failing) names.push(`${target.cluster} (${target.phase === 'Pending' ? 'failing before the run' : 'failed'})`);
  }
  const { disturbed } = ofStage ? desk.byStage[stage]! : desk.whole;
  return `${disturbed} ${disturbed === 1 ? 'cluster is' : 'clusters are'} unavailable and maxUnavailable${ofStage ? '' : ' of the run'} is ${ofStage ? room.unavailable : room.unavailableInAll}${names.length === 0 ? '' : `: ${namesOf(names)}`}`;
}

/** One look at the candidates; `passed`: some were passed over for a budget that may be free by now; `disturbs`: for what may be unavailable. */
function look(desk: Desk, stage: number, rows: readonly number[], room: Room, waits: Waits): { readonly begun: boolean; readonly passed: boolean; readonly disturbs: boolean } {
  let [begun, passed, disturbs] = [false, false, false];
  for (const index of rows) {
    if (room.isFull()) break;
    const target = desk.targets[index]!;
    const observed = desk.observed(index);
    if (target.phase !== 'Pending' || isAway(target, observed)) continue;
    if (isBlocked(observed)) {
      // One that has a message has the present one.
      if (target.message === '') desk.move(index, { ...target, message: blockMessage(observed)! });
      if (observed?.busyWith !== undefined) addBusy(waits, target.cluster, observed.busyWith);
      else addClosed(waits, target.cluster, observed?.window?.reason ?? '', observed?.window?.opensAt ?? null);
    } else if (room.groupIsFull(target.group)) passed = true;
    else if (!isFailingStill(target, observed) && !room.mayDisturb()) {
      passed = true;
      disturbs = true;
    } else {
      begin(desk, index, stage);
      begun = true;
    }
  }
  return { begun, passed, disturbs };
}

/** Why those wait that could go by the bounds in flight. */
export function fill(desk: Desk, stage: number): Waits {
  const rows = candidates(desk, stage);
  const room = roomOf(desk, stage);
  for (;;) {
    const found = newWaits();
    const { begun, passed, disturbs } = look(desk, stage, rows, room, found);
    if (begun && passed) continue;
    return disturbs ? { ...found, unavailable: whoIsUnavailable(desk, stage, room) } : found;
  }
}
