/** Several windows together: deny wins over allow; where one allows, changes begin inside one that allows alone. */
import type { Instant } from '../../model/instant.ts';
import type { Timeline } from './timeline.ts';

export interface Schedule {
  /** Empty: open unless denied. */
  readonly allows: readonly Timeline[];
  readonly denies: readonly Timeline[];
}

/** Windows that keep closing each other never open, for all that is asked. */
const MOST_TURNS = 10_000;

const covers = (timeline: Timeline, at: Instant, horizon: Instant): boolean => {
  const interval = timeline.next(at, horizon);
  return interval !== undefined && interval.from <= at;
};

export function isOpenAt({ allows, denies }: Schedule, at: Instant, horizon: Instant): boolean {
  return !denies.some((deny) => covers(deny, at, horizon)) && (allows.length === 0 || allows.some((allow) => covers(allow, at, horizon)));
}

/** The first instant from `at` on that is allowed and not denied; null: none before the horizon. */
export function openingAfter({ allows, denies }: Schedule, at: Instant, horizon: Instant): Instant | null {
  let now = at;
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    const denied = denies.map((deny) => deny.next(now, horizon)).filter((interval) => interval !== undefined && interval.from <= now);
    if (denied.some((interval) => interval?.to === null)) return null;
    if (denied.length > 0) {
      now = denied.reduce((latest, interval) => Math.max(latest, interval?.to ?? latest), now);
      continue;
    }
    if (allows.length === 0) return now < horizon ? now : null;
    const opening = earliest(allows.map((allow) => allow.next(now, horizon)?.from));
    if (opening === null || opening <= now) return opening;
    now = opening;
  }
  return null;
}

/** Of what is open at `at`; null: not before the horizon. */
export function closingAfter({ allows, denies }: Schedule, at: Instant, horizon: Instant): Instant | null {
  const denied = earliest(denies.map((deny) => deny.next(at, horizon)?.from));
  if (allows.length === 0) return denied;
  let end = at;
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    if (denied !== null && denied <= end) return denied;
    const covering = allows.map((allow) => allow.next(end, horizon)).filter((interval) => interval !== undefined && interval.from <= end);
    if (covering.length === 0) return end;
    if (covering.some((interval) => interval?.to === null)) return denied;
    end = covering.reduce((latest, interval) => Math.max(latest, interval?.to ?? latest), end);
  }
  return denied;
}

const earliest = (instants: readonly (Instant | undefined)[]): Instant | null =>
  instants.reduce<Instant | null>((least, instant) => (instant === undefined || (least !== null && least <= instant) ? least : instant), null);
