/** Points in time on the command line. */
import { parseDuration, parseTime } from '../../../mesh/model/compare.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { UsageProblem } from '../environment.ts';

/** RFC 3339, a date for its first moment in UTC, or how long ago. */
export function pastInstant(option: string, text: string, now: Instant): Instant {
  const duration = parseDuration(text);
  const at = parseTime(text) ?? (duration === undefined ? undefined : now - duration);
  if (at === undefined) throw new UsageProblem(`${option} ${JSON.stringify(text)}: give a time (2026-01-31T12:00:00Z), a date (2026-01-31) or how long ago (7d, 12h)`);
  if (at > now) throw new UsageProblem(`${option} ${JSON.stringify(text)}: is in the future, it is ${toRfc3339(now)} now`);
  return at;
}
