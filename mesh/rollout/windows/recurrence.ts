/**
 * When rules begin. By RFC 5545, section 3.3.10 and 3.3.5: a local time that clocks leave out is no occurrence, of one that comes twice the first is.
 * Time zones are those of the runtime (ICU); the library is given every time and looks at no clock.
 */
import { RRuleTemporal } from 'rrule-temporal';
import type { Instant } from '../../model/instant.ts';
import { nearest } from '../../model/near.ts';
import type { Rule } from './rule.ts';

/** Sorted, without repetitions. Throws where a rule takes more steps than the library is allowed. */
export type Occurrences = (from: Instant, before: Instant) => readonly Instant[];

/** Of rules that have no start of their own (cron): no window needs an earlier occurrence. */
const EARLIEST_START = '2000-01-01T00:00:00';
const MOST_STEPS = 100_000;

export function timeZoneProblem(timeZone: string): string | undefined {
  try {
    if (!/^[A-Za-z]/.test(timeZone)) throw new RangeError('an offset is no time zone');
    new Temporal.ZonedDateTime(0n, timeZone);
    return undefined;
  } catch {
    const near = nearest(timeZone, Intl.supportedValuesOf('timeZone'));
    return `${JSON.stringify(timeZone)} is no time zone; ${near === undefined ? 'give an IANA name, as Europe/Berlin or UTC' : `did you mean ${near}?`}`;
  }
}

/** Of a local date and time (`2027-01-04T22:00:00`) in a zone that is one. */
export function startProblem(start: string, timeZone: string): string | undefined {
  try {
    const local = Temporal.PlainDateTime.from(start);
    const found = local.toZonedDateTime(timeZone).toPlainDateTime();
    return found.equals(local) ? undefined : `${start} is left out by the clocks of ${timeZone}, which go on to ${found.toString({ smallestUnit: 'minute' })}; give a time that there is`;
  } catch {
    return `${JSON.stringify(start)} is no date and time; give a local one, as 2027-01-04T22:00:00`;
  }
}

/** Throws a RangeError or Error where the library refuses a rule. */
export function occurrencesOf(rules: readonly Rule[], timeZone: string, start: string = EARLIEST_START): Occurrences {
  const dtstart = Temporal.PlainDateTime.from(start).toZonedDateTime(timeZone);
  const counted = rules.map((rule) => new RRuleTemporal<Temporal.ZonedDateTime>({ ...optionsOf(rule), dtstart, tzid: timeZone, strict: true, cache: false, maxIterations: MOST_STEPS }));
  const zoned = (instant: Instant): Temporal.ZonedDateTime => Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timeZone);
  return (from, before) => {
    const found = counted.flatMap((rule) => rule.between(zoned(from), zoned(before - 1), true).map(({ epochMilliseconds }) => epochMilliseconds));
    return rules.length === 1 ? found : [...new Set(found)].sort((a, b) => a - b);
  };
}

type Options = Omit<Extract<ConstructorParameters<typeof RRuleTemporal<Temporal.ZonedDateTime>>[0], { readonly freq: unknown }>, 'dtstart'>;

function optionsOf({ freq, interval, count, wkst, until, ...lists }: Rule): Options {
  return {
    freq, ...(interval === undefined ? {} : { interval }), ...(count === undefined ? {} : { count }), ...(wkst === undefined ? {} : { wkst }),
    ...(until === undefined ? {} : { until: Temporal.Instant.fromEpochMilliseconds(until).toZonedDateTimeISO('UTC') }),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== undefined).map(([name, list]) => [name, [...list]])),
  };
}
