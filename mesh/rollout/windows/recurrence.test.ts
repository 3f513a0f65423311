import { describe, expect, test } from 'vitest';
import type { ChangeWindowValue } from '../../model/change-window.ts';
import { toRfc3339 } from '../../model/instant.ts';
import { compileWindow } from './compile.ts';
import { HORIZON_MILLISECONDS } from './timeline.ts';
import { changeWindow } from './testing/values.ts';

/** The first intervals from a time on, as `from/to`. */
function intervals(over: Partial<ChangeWindowValue>, after: string, count: number): string[] {
  const compiled = compileWindow(changeWindow({ name: 'one', ...over }));
  if ('problem' in compiled) throw new Error(compiled.problem);
  const found: string[] = [];
  const horizon = Date.parse(after) + HORIZON_MILLISECONDS;
  for (let at = Date.parse(after); found.length < count;) {
    const interval = compiled.timeline.next(at, horizon);
    if (interval === undefined) return found;
    const text = (instant: number): string => toRfc3339(instant).replace(':00.000Z', 'Z');
    found.push(`${text(interval.from)}/${interval.to === null ? '' : text(interval.to)}`);
    if (interval.to === null) return found;
    at = interval.to;
  }
  return found;
}

describe('where clocks change', () => {
  const nightly = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' };

  test('a local time that they leave out begins no window (RFC 5545, 3.3.10)', () => {
    expect(intervals(nightly, '2027-03-27T00:00:00Z', 2)).toEqual(['2027-03-27T01:30Z/2027-03-27T02:30Z', '2027-03-29T00:30Z/2027-03-29T01:30Z']);
  });

  test('of one that comes twice the first does (RFC 5545, 3.3.5)', () => {
    expect(intervals(nightly, '2026-10-24T00:00:00Z', 3)).toEqual(['2026-10-24T00:30Z/2026-10-24T01:30Z', '2026-10-25T00:30Z/2026-10-25T01:30Z', '2026-10-26T01:30Z/2026-10-26T02:30Z']);
  });

  test('a window lasts as long as it says, whatever they show meanwhile', () => {
    const long = { cron: '0 22 * * *', timeZone: 'Europe/Berlin', durationSeconds: 8 * 3600 };
    expect(intervals(long, '2027-03-27T20:00:00Z', 1)).toEqual(['2027-03-27T21:00Z/2027-03-28T05:00Z']);
    expect(intervals(long, '2026-10-24T19:00:00Z', 1)).toEqual(['2026-10-24T20:00Z/2026-10-25T04:00Z']);
  });

  test('by half an hour (Lord Howe), and in zones that are half an hour and a quarter off', () => {
    expect(intervals({ cron: '15 2 * * *', timeZone: 'Australia/Lord_Howe' }, '2026-10-03T00:00:00Z', 2)).toEqual(['2026-10-04T15:15Z/2026-10-04T16:15Z', '2026-10-05T15:15Z/2026-10-05T16:15Z']);
    expect(intervals({ cron: '45 1 * * *', timeZone: 'Australia/Lord_Howe' }, '2027-04-02T16:00:00Z', 3)).toEqual(['2027-04-03T14:45Z/2027-04-03T15:45Z', '2027-04-04T15:15Z/2027-04-04T16:15Z', '2027-04-05T15:15Z/2027-04-05T16:15Z']);
    expect(intervals({ cron: '0 0 * * *', timeZone: 'Asia/Kathmandu' }, '2027-01-01T00:00:00Z', 1)).toEqual(['2027-01-01T18:15Z/2027-01-01T19:15Z']);
    expect(intervals({ cron: '0 0 * * *', timeZone: 'America/St_Johns' }, '2027-01-01T00:00:00Z', 1)).toEqual(['2027-01-01T03:30Z/2027-01-01T04:30Z']);
  });
});

describe('the calendar', () => {
  test('29 February is in leap years alone, and then beyond the horizon', () => {
    expect(intervals({ cron: '0 0 29 2 *' }, '2027-06-01T00:00:00Z', 2)).toEqual(['2028-02-29T00:00Z/2028-02-29T01:00Z']);
    expect(intervals({ cron: '0 0 29 2 *' }, '2026-06-01T00:00:00Z', 1)).toEqual([]);
    expect(intervals({ cron: '0 0 30 2 *' }, '2026-06-01T00:00:00Z', 1)).toEqual([]);
  });

  test('a window may go over the end of a year, and of months of any length', () => {
    expect(intervals({ cron: '0 20 31 12 *', timeZone: 'America/New_York', durationSeconds: 8 * 3600 }, '2026-12-01T00:00:00Z', 1)).toEqual(['2027-01-01T01:00Z/2027-01-01T09:00Z']);
    expect(intervals({ cron: '0 0 31 * *' }, '2027-01-01T00:00:00Z', 3)).toEqual(['2027-01-31T00:00Z/2027-01-31T01:00Z', '2027-03-31T00:00Z/2027-03-31T01:00Z', '2027-05-31T00:00Z/2027-05-31T01:00Z']);
    expect(intervals({ rrule: 'FREQ=MONTHLY;BYMONTHDAY=-1', start: '2027-01-01T23:30:00' }, '2027-01-01T00:00:00Z', 2)).toEqual(['2027-01-31T23:30Z/2027-02-01T00:30Z', '2027-02-28T23:30Z/2027-03-01T00:30Z']);
  });

  test('rules: days and weeks of the year, and every sixth hour also where clocks change', () => {
    expect(intervals({ rrule: 'FREQ=YEARLY;BYYEARDAY=1,-1', start: '2027-01-01T06:00' }, '2027-01-02T00:00:00Z', 2)).toEqual(['2027-12-31T06:00Z/2027-12-31T07:00Z', '2028-01-01T06:00Z/2028-01-01T07:00Z']);
    expect(intervals({ rrule: 'FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO', start: '2020-01-01T06:00' }, '2027-01-01T00:00:00Z', 2)).toEqual(['2027-01-04T06:00Z/2027-01-04T07:00Z', '2028-01-03T06:00Z/2028-01-03T07:00Z']);
    expect(intervals({ rrule: 'FREQ=HOURLY;INTERVAL=6', start: '2027-03-27T18:00', timeZone: 'Europe/Berlin' }, '2027-03-27T00:00:00Z', 3)).toEqual(['2027-03-27T17:00Z/2027-03-27T18:00Z', '2027-03-27T23:00Z/2027-03-28T00:00Z', '2027-03-28T05:00Z/2027-03-28T06:00Z']);
  });

  test('rules: first Saturdays, every second week from its start, a count, an end', () => {
    expect(intervals({ rrule: 'FREQ=MONTHLY;BYDAY=1SA', start: '2027-01-02T22:00' }, '2027-01-03T00:00:00Z', 2)).toEqual(['2027-02-06T22:00Z/2027-02-06T23:00Z', '2027-03-06T22:00Z/2027-03-06T23:00Z']);
    expect(intervals({ rrule: 'FREQ=WEEKLY;INTERVAL=2', start: '2020-01-06T22:00' }, '2027-01-01T00:00:00Z', 2)).toEqual(['2027-01-11T22:00Z/2027-01-11T23:00Z', '2027-01-25T22:00Z/2027-01-25T23:00Z']);
    expect(intervals({ rrule: 'FREQ=DAILY;COUNT=2', start: '2027-01-10T22:00' }, '2027-01-01T00:00:00Z', 9)).toEqual(['2027-01-10T22:00Z/2027-01-10T23:00Z', '2027-01-11T22:00Z/2027-01-11T23:00Z']);
    expect(intervals({ rrule: 'FREQ=DAILY;UNTIL=20270111T220000Z', start: '2027-01-10T22:00' }, '2027-01-01T00:00:00Z', 9)).toHaveLength(2);
    expect(intervals({ rrule: 'FREQ=DAILY;COUNT=2', start: '2027-01-10T22:00' }, '2027-01-12T00:00:00Z', 9)).toEqual([]);
  });
});

describe('lengths', () => {
  test('longer than the period: windows that overlap or touch are one', () => {
    expect(intervals({ cron: '0 0 * * *', durationSeconds: 86_400 }, '2027-01-01T00:00:00Z', 1)).toEqual(['2027-01-01T00:00Z/']);
    expect(intervals({ cron: '0 0 * * *', durationSeconds: 86_340 }, '2027-01-01T12:00:00Z', 1)).toEqual(['2027-01-01T12:00Z/2027-01-01T23:59Z']);
    expect(intervals({ cron: '0 12 * * 1,2,3', durationSeconds: 2 * 86_400 }, '2027-01-02T00:00:00Z', 2)).toEqual(['2027-01-04T12:00Z/2027-01-08T12:00Z', '2027-01-11T12:00Z/2027-01-15T12:00Z']);
  });

  test('one that began long before is still open', () => {
    expect(intervals({ cron: '0 0 1 1 *', durationSeconds: 300 * 86_400 }, '2027-06-01T00:00:00Z', 1)).toEqual(['2027-06-01T00:00Z/2027-10-28T00:00Z']);
  });

  test('what is asked of a window does not depend on what was asked before, also where a clock is set back', () => {
    const compiled = compileWindow(changeWindow({ name: 'one', cron: '0 */2 * * *' }));
    if ('problem' in compiled) throw new Error(compiled.problem);
    const ask = (at: number) => compiled.timeline.next(at, at + HORIZON_MILLISECONDS);
    const instants = [0, 500, 3, 47, 200, 100, 900].map((days) => Date.UTC(2027, 0, 1, 13) + days * 86_400_000);
    for (const at of instants) expect(ask(at)).toEqual({ from: at + 3_600_000, to: at + 7_200_000 });
  });
});

test.each<[Partial<ChangeWindowValue>, string]>([
  [{ cron: '0 25 * * *' }, 'spec.cron, column 3: hour: "25" is none'],
  [{ rrule: 'FREQ=DAILY;BYHOUR=24', start: '2027-01-01T00:00' }, 'spec.rrule, column 19: BYHOUR'],
  [{ cron: '0 2 * * *', timeZone: 'Europe/Brelin' }, 'spec.timeZone: "Europe/Brelin" is no time zone; did you mean Europe/Berlin?'],
  [{ cron: '0 2 * * *', timeZone: '+02:00' }, 'spec.timeZone: "+02:00" is no time zone'],
  [{ rrule: 'FREQ=DAILY', start: '2027-03-28T02:30', timeZone: 'Europe/Berlin' }, 'spec.start: 2027-03-28T02:30 is left out by the clocks of Europe/Berlin, which go on to 2027-03-28T03:30'],
  [{ rrule: 'FREQ=DAILY', start: '2027-02-30T02:30' }, 'spec.start: "2027-02-30T02:30" is no date and time'],
  [{ rrule: 'FREQ=DAILY' }, 'spec.start: is missing'],
  [{ period: { from: '2027-01-02T00:00:00Z', to: '2027-01-01T00:00:00Z' } }, 'spec.period.to: must be later'],
  [{ period: { from: 'tomorrow' } }, 'spec.period.from: "tomorrow" is no RFC 3339 time'],
  [{}, 'spec: give exactly one of cron, rrule and period'],
  [{ cron: '0 2 * * *', clusters: { names: [] } }, 'spec.clusters: names'],
])('%j is refused with the field and the way out', (over, words) => {
  expect(compileWindow(changeWindow({ name: 'one', ...over }))).toEqual({ problem: expect.stringContaining(words) });
});
