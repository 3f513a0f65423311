/** Whether a cluster is frozen: the one rule for runs, queries, choices and whoever explains them. Pure. */
import { fromRfc3339, type Instant } from './instant.ts';

/** `Cluster.spec.frozen`. */
export interface DeclaredFreeze {
  readonly reason: string;
  /** RFC 3339. */
  readonly until?: string | undefined;
}

/** What holds until an instant is over at that instant; without one, or with one that is no time, it is not over by itself. */
export const isOver = (until: Instant | null | undefined, now: Instant): boolean => typeof until === 'number' && now >= until;

/** The freeze that holds at `now`; undefined: none does. */
export function frozenAt<T extends DeclaredFreeze>(frozen: T | undefined, now: Instant): T | undefined {
  return frozen === undefined || isOver(fromRfc3339(frozen.until), now) ? undefined : frozen;
}

/** When the freeze that holds at `now` ends by itself; undefined: it does not, or none holds. */
export const thawsAt = (frozen: DeclaredFreeze | undefined, now: Instant): Instant | undefined => fromRfc3339(frozenAt(frozen, now)?.until);
