/** A recurrence rule as a value (RFC 5545, section 3.3.10), and where in its text one is wrong. */
import type { Instant } from '../../model/instant.ts';

export const FREQUENCIES = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY'] as const;
export type Frequency = (typeof FREQUENCIES)[number];
export const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export interface Rule {
  readonly freq: Frequency;
  readonly interval?: number;
  readonly count?: number;
  readonly until?: Instant;
  readonly bySecond?: readonly number[];
  readonly byMinute?: readonly number[];
  readonly byHour?: readonly number[];
  /** `MO`, `1SA`, `-1FR`. */
  readonly byDay?: readonly string[];
  readonly byMonthDay?: readonly number[];
  readonly byYearDay?: readonly number[];
  readonly byWeekNo?: readonly number[];
  readonly byMonth?: readonly number[];
  readonly bySetPos?: readonly number[];
  readonly wkst?: Weekday;
}

/** `column` counts from 1. */
export interface RuleProblem {
  readonly problem: string;
  readonly column: number;
}

/** What begins oftener is no window but a schedule, and to count its days ahead would cost too much. */
export const MOST_STARTS_A_DAY = 24;

export const tooOften = (startsADay: number): string =>
  `it begins ${startsADay} times a day, and a window may at most ${MOST_STARTS_A_DAY} times: let it begin less often, with a longer durationSeconds`;
