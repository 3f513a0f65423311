/** Clusters that are away when everything else has ended: they are waited for, for as long as a cluster may take to get healthy. */
import { type Instant, seconds, toRfc3339 } from '../model/instant.ts';
import type { Desk } from './desk.ts';
import { awayMessage } from './skipped.ts';
import { deadlineSecondsOf } from './stage.ts';

const AWAY = 'away: ';

/** When the next of them is given up; null: none is waited for. `onlyAway`: nothing else is left, and nobody holds the run. */
export function awaitAway(desk: Desk, onlyAway: boolean): Instant | null {
  const { onlyAwaySince, ...others } = desk.state;
  if (!onlyAway) {
    if (onlyAwaySince === undefined) return null;
    desk.state = others;
    for (const [index, target] of desk.targets.entries()) if (target.phase === 'Pending' && target.message.startsWith(AWAY)) desk.move(index, { ...target, message: '' });
    return null;
  }
  const since = onlyAwaySince ?? desk.now;
  if (onlyAwaySince === undefined) desk.state = { ...others, onlyAwaySince: since };
  let next: Instant | null = null;
  for (let index = 0; index < desk.targets.length; index++) {
    const target = desk.targets[index]!;
    if (target.phase !== 'Pending') continue;
    const deadline = deadlineSecondsOf(desk.run.strategy, desk.stages[desk.stageOf(target)]!);
    const until = Math.max(since, desk.run.watchedSince ?? 0) + seconds(deadline);
    if (desk.now >= until) desk.move(index, { ...target, phase: 'Skipped', finishedAt: desk.now, message: awayMessage(deadline) });
    else {
      next = next === null ? until : Math.min(next, until);
      const message = `${AWAY}its agent ${desk.observed(index)?.connected === true ? 'is back and has not said what it found' : 'is not connected'}; left out at ${toRfc3339(until)} unless it is back`;
      if (message !== target.message) desk.move(index, { ...target, message });
    }
  }
  return next;
}
