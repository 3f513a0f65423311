/** A controller that undoes our writes again and again: it is named, and we back off instead of fighting. Pure. */
import type { Instant } from '../model/instant.ts';

export interface ContentionLimits {
  /** That many undone writes within `withinSeconds` by one manager are a contention. */
  readonly times: number;
  readonly withinSeconds: number;
  /** Pause after the first contended undo; doubled with each further one. */
  readonly pauseSeconds: number;
  readonly longestPauseSeconds: number;
}

export const CONTENTION: ContentionLimits = { times: 3, withinSeconds: 300, pauseSeconds: 30, longestPauseSeconds: 1800 };

/** Of one object. */
export interface Contention {
  readonly manager: string;
  /** When our writes were undone, oldest first; bounded by `times`. */
  readonly undoneAt: readonly Instant[];
  /** Undone writes since it became a contention; 0: it is none. */
  readonly rounds: number;
  /** Not written before then. */
  readonly quietUntil: Instant;
}

/** Our write was undone by `manager`, as seen at `now`. Another manager than before begins anew. */
export function undone(before: Contention | undefined, manager: string, now: Instant, limits: ContentionLimits = CONTENTION): Contention {
  const same = before?.manager === manager ? before : undefined;
  const longest = limits.longestPauseSeconds * 1000;
  // Who left us alone for the longest pause after the last one is forgiven.
  const rounds = same === undefined || now > same.quietUntil + longest ? 0 : same.rounds;
  const undoneAt = [...(same?.undoneAt ?? []), now].filter((at) => at > now - limits.withinSeconds * 1000).slice(-limits.times);
  if (rounds === 0 && undoneAt.length < limits.times) return { manager, undoneAt, rounds: 0, quietUntil: now };
  const pause = Math.min(longest, limits.pauseSeconds * 1000 * 2 ** Math.min(rounds, 20));
  return { manager, undoneAt, rounds: rounds + 1, quietUntil: now + pause };
}

export const isContended = (contention: Contention | undefined): contention is Contention => (contention?.rounds ?? 0) > 0;

/** What a memory of it from before a restart is worth at `now`: undefined where it is forgiven by then; no pause reaches further than the longest, whatever the clock said. */
export function recalled(memory: Contention, now: Instant, limits: ContentionLimits = CONTENTION): Contention | undefined {
  const longest = limits.longestPauseSeconds * 1000;
  const undoneAt = memory.undoneAt.filter((at) => at > now - limits.withinSeconds * 1000 && at <= now).slice(-limits.times);
  if (memory.rounds === 0 ? undoneAt.length === 0 : now > memory.quietUntil + longest) return undefined;
  return { ...memory, undoneAt, quietUntil: Math.min(memory.quietUntil, now + longest) };
}
