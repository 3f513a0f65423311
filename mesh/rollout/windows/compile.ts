/** A ChangeWindow as what can be asked: read once, however often it is looked at. */
import type { ChangeWindowValue } from '../../model/change-window.ts';
import { fromRfc3339, seconds } from '../../model/instant.ts';
import { selectorProblem } from '../../model/selector.ts';
import { parseCron } from './cron.ts';
import { occurrencesOf, startProblem, timeZoneProblem } from './recurrence.ts';
import type { Rule, RuleProblem } from './rule.ts';
import { parseRule } from './rule-text.ts';
import { periodTimeline, recurringTimeline, type Timeline } from './timeline.ts';

/** A sentence that begins with the field, and says the way out. */
export type Compiled = { readonly timeline: Timeline } | { readonly problem: string };

const compiled = new WeakMap<ChangeWindowValue, Compiled>();

export function compileWindow(window: ChangeWindowValue): Compiled {
  let known = compiled.get(window);
  if (known === undefined) {
    known = compileParts(window);
    compiled.set(window, known);
  }
  return known;
}

function compileParts(window: ChangeWindowValue): Compiled {
  if (window.unreadable !== undefined) return { problem: window.unreadable };
  const wrongClusters = selectorProblem(window.clusters);
  if (wrongClusters !== undefined) return { problem: `spec.clusters: ${wrongClusters}` };
  const { cron, rrule, start, period, durationSeconds, timeZone } = window;
  if ([cron, rrule, period].filter((given) => given !== undefined).length !== 1) return { problem: 'spec: give exactly one of cron, rrule and period' };
  if (period !== undefined) return compilePeriod(period);
  const wrongZone = timeZoneProblem(timeZone);
  if (wrongZone !== undefined) return { problem: `spec.timeZone: ${wrongZone}` };
  if (durationSeconds === undefined) return { problem: 'spec.durationSeconds: is missing: say how long the window stays open' };
  if (cron !== undefined) {
    const read = parseCron(cron);
    return 'problem' in read ? { problem: `spec.cron, ${atColumn(read)}` } : recurring(read.rules, timeZone, undefined, durationSeconds);
  }
  const read = parseRule(rrule ?? '');
  if ('problem' in read) return { problem: `spec.rrule, ${atColumn(read)}` };
  if (start === undefined) return { problem: 'spec.start: is missing: give the first local date and time of the rule' };
  const wrongStart = startProblem(start, timeZone);
  return wrongStart === undefined ? recurring([read.rule], timeZone, start, durationSeconds) : { problem: `spec.start: ${wrongStart}` };
}

function compilePeriod({ from, to }: NonNullable<ChangeWindowValue['period']>): Compiled {
  const [begin, end] = [fromRfc3339(from), fromRfc3339(to)];
  if (begin === undefined) return { problem: `spec.period.from: ${JSON.stringify(from)} is no RFC 3339 time, as 2027-01-04T22:00:00Z` };
  if (to !== undefined && end === undefined) return { problem: `spec.period.to: ${JSON.stringify(to)} is no RFC 3339 time, as 2027-01-04T22:00:00Z` };
  return end !== undefined && end <= begin ? { problem: 'spec.period.to: must be later than period.from' } : { timeline: periodTimeline(begin, end) };
}

function recurring(rules: readonly Rule[], timeZone: string, start: string | undefined, durationSeconds: number): Compiled {
  try {
    return { timeline: recurringTimeline(occurrencesOf(rules, timeZone, start), seconds(durationSeconds)) };
  } catch (error) {
    return { problem: `spec.rrule: ${refusal(error)}` };
  }
}

/** Of the library of recurrence rules. */
export const refusal = (error: unknown): string => `${error instanceof Error ? error.message : String(error)}; write a simpler rule`;

const atColumn = ({ column, problem }: RuleProblem): string => `column ${column}: ${problem}`;
