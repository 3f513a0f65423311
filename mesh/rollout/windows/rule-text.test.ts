import { expect, test } from 'vitest';
import { parseRule } from './rule-text.ts';

test.each([
  ['FREQ=MONTHLY;BYDAY=1SA', { freq: 'MONTHLY', byDay: ['1SA'] }],
  ['RRULE:freq=yearly;interval=2;bymonth=12,1;bymonthday=-1,24', { freq: 'YEARLY', interval: 2, byMonth: [1, 12], byMonthDay: [-1, 24] }],
  ['FREQ=WEEKLY;WKST=SU;BYDAY=MO,WE,FR;BYHOUR=22;BYMINUTE=30', { freq: 'WEEKLY', wkst: 'SU', byDay: ['MO', 'WE', 'FR'], byHour: [22], byMinute: [30] }],
  ['FREQ=DAILY;UNTIL=20271231T235959Z', { freq: 'DAILY', until: Date.UTC(2027, 11, 31, 23, 59, 59) }],
  ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=12', { freq: 'MONTHLY', byDay: ['MO', 'TU', 'WE', 'TH', 'FR'], bySetPos: [-1], count: 12 }],
  ['FREQ=MONTHLY;BYDAY=+2TU', { freq: 'MONTHLY', byDay: ['2TU'] }],
])('%s', (text, rule) => expect(parseRule(text)).toEqual({ rule }));

test.each([
  ['', 1, 'a part is missing'],
  ['FREQ=DAILY;', 12, 'a part is missing'],
  ['daily', 1, '"daily": write NAME=VALUE'],
  ['BYDAY=SA', 1, 'FREQ is missing: one of YEARLY, MONTHLY'],
  ['FREQ=MINUTELY', 6, 'FREQ: "MINUTELY" is none for a window'],
  ['FREQ=DAILY;FREQ=WEEKLY', 12, 'FREQ is given twice'],
  ['FREQ=DAILY;INTERVAL=0', 21, 'INTERVAL: "0" is none; give 1 to 1000'],
  ['FREQ=DAILY;BYHOUR=22,24', 22, 'BYHOUR: "24" is none; give 0 to 23'],
  ['FREQ=MONTHLY;BYMONTHDAY=0', 25, 'BYMONTHDAY: "0" is none; give 1 to 31, or counted from the end'],
  ['FREQ=MONTHLY;BYMONTHDAY=-32', 25, 'BYMONTHDAY: "-32" is none'],
  ['FREQ=WEEKLY;BYDAY=SATURDAY', 19, 'BYDAY: "SATURDAY" is no day; give SA'],
  ['FREQ=WEEKLY;BYDAY=MO,1SA', 13, 'BYDAY: 1SA has a number, which goes with FREQ=MONTHLY'],
  ['FREQ=YEARLY;BYDAY=1SU,SA', 13, 'BYDAY: 1SU has a number and others have none: write two windows'],
  ['FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=1SU', 27, 'BYDAY: 1SU has a number, and BYMONTHDAY is given as well'],
  ['FREQ=WEEKLY;BYMONTHDAY=1', 13, 'BYMONTHDAY does not go with FREQ=WEEKLY'],
  ['FREQ=MONTHLY;BYYEARDAY=1', 14, 'BYYEARDAY does not go with FREQ=MONTHLY'],
  ['FREQ=MONTHLY;BYWEEKNO=1', 14, 'BYWEEKNO goes with FREQ=YEARLY alone'],
  ['FREQ=MONTHLY;BYSETPOS=1', 14, 'BYSETPOS chooses among what another BY… part gives'],
  ['FREQ=DAILY;COUNT=1;UNTIL=20271231T235959Z', 20, 'UNTIL and COUNT exclude each other'],
  ['FREQ=DAILY;UNTIL=20271231', 18, 'UNTIL: "20271231" is none; give a time in UTC, as 20271231T235959Z'],
  ['FREQ=DAILY;UNTIL=20271331T000000Z', 18, 'UNTIL: "20271331T000000Z" is none'],
  ['RSCALE=CHINESE;FREQ=YEARLY', 1, '"RSCALE" is no part of a rule; the parts are FREQ'],
  ['FREQ=DAILY;EXDATE=20270101', 12, 'give start and timeZone beside the rule, and exceptions as a Deny window'],
  ['FREQ=HOURLY;BYMINUTE=0,30', 1, 'it begins 48 times a day'],
])('%j is refused at column %i', (text, column, words) => {
  expect(parseRule(text)).toEqual({ column, problem: expect.stringContaining(words) });
});
