/** When one window is open, as intervals that are found only as far as somebody asks. */
import type { WindowInterval } from '../../model/change-window.ts';
import type { Instant } from '../../model/instant.ts';
import type { Occurrences } from './recurrence.ts';

const DAY = 86_400_000;
/** How far is looked ahead. A window that opens later does not open, for all that is asked. */
export const HORIZON_DAYS = 400;
export const HORIZON_MILLISECONDS = HORIZON_DAYS * DAY;
/** What lies further back than this is looked up again rather than kept. */
const KEPT_MILLISECONDS = 30 * DAY;
const FIRST_STRETCH = 8 * DAY;
const LONGEST_STRETCH = 128 * DAY;

export interface Timeline {
  /**
   * The earliest interval that ends after `at` and begins before `horizon`; `from` is not before `at`, `to` null where it ends at the horizon or later.
   * undefined: there is none. What follows from the rule alone: asking twice, in any order, gives the same.
   */
  next(at: Instant, horizon: Instant): WindowInterval | undefined;
}

/** `to` undefined: without an end. */
export function periodTimeline(from: Instant, to: Instant | undefined): Timeline {
  return {
    next(at, horizon) {
      if (from >= horizon || (to !== undefined && to <= at)) return undefined;
      return { from: Math.max(from, at), to: to === undefined || to >= horizon ? null : to };
    },
  };
}

/** Occurrences that overlap or touch are one interval. */
export function recurringTimeline(occurrences: Occurrences, durationMilliseconds: number): Timeline {
  let begin = 0;
  /** All that begins before is in `found`. */
  let end = 0;
  let found: { from: Instant; to: Instant }[] = [];
  let stretch = FIRST_STRETCH;

  function startAnew(at: Instant): void {
    begin = at;
    end = at - durationMilliseconds;
    found = [];
    stretch = FIRST_STRETCH;
  }

  function extend(): void {
    const until = end + stretch;
    for (const from of occurrences(end, until)) {
      const last = found.at(-1);
      if (last !== undefined && from <= last.to) last.to = Math.max(last.to, from + durationMilliseconds);
      else found.push({ from, to: from + durationMilliseconds });
    }
    end = until;
    stretch = Math.min(stretch * 2, LONGEST_STRETCH);
  }

  return {
    next(at, horizon) {
      if (at < begin || at > begin + KEPT_MILLISECONDS + HORIZON_MILLISECONDS || end === 0) startAnew(at);
      for (;;) {
        const interval = found[firstEndingAfter(found, at)];
        const isWhole = interval !== undefined && interval.to < end;
        if (isWhole || end >= horizon) {
          if (interval === undefined || interval.from >= horizon) return undefined;
          return { from: Math.max(interval.from, at), to: interval.to >= horizon ? null : interval.to };
        }
        extend();
      }
    },
  };
}

function firstEndingAfter(intervals: readonly { readonly to: Instant }[], at: Instant): number {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (intervals[middle]!.to > at) high = middle;
    else low = middle + 1;
  }
  return low;
}
