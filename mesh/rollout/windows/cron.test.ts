import { describe, expect, test } from 'vitest';
import { parseCron } from './cron.ts';

const rules = (text: string) => {
  const read = parseCron(text);
  if ('problem' in read) throw new Error(`${read.column}: ${read.problem}`);
  return read.rules;
};
const daily = { freq: 'DAILY', bySecond: [0] };

describe('fields', () => {
  test.each([
    ['0 22 * * *', [{ ...daily, byMinute: [0], byHour: [22] }]],
    ['  30\t2  * * SUN ', [{ ...daily, byMinute: [30], byHour: [2], byDay: ['SU'] }]],
    ['0 22 * * 1-5', [{ ...daily, byMinute: [0], byHour: [22], byDay: ['MO', 'TU', 'WE', 'TH', 'FR'] }]],
    ['0 22 * * fri-sun', [{ ...daily, byMinute: [0], byHour: [22], byDay: ['FR', 'SA', 'SU'] }]],
    ['0 22 * * 5-7', [{ ...daily, byMinute: [0], byHour: [22], byDay: ['FR', 'SA', 'SU'] }]],
    ['0 22 * * 0,7', [{ ...daily, byMinute: [0], byHour: [22], byDay: ['SU'] }]],
    ['0 */6 * * *', [{ ...daily, byMinute: [0], byHour: [0, 6, 12, 18] }]],
    ['15,45 8-17/4 * JAN-MAR,12 *', [{ ...daily, byMinute: [15, 45], byHour: [8, 12, 16], byMonth: [1, 2, 3, 12] }]],
    ['0 5/6 * * *', [{ ...daily, byMinute: [0], byHour: [5, 11, 17, 23] }]],
    ['0 1 1-7 * *', [{ ...daily, byMinute: [0], byHour: [1], byMonthDay: [1, 2, 3, 4, 5, 6, 7] }]],
  ])('%s', (text, expected) => expect(rules(text)).toEqual(expected));

  test('where both days are restricted, either is enough', () => {
    const common = { ...daily, byMinute: [0], byHour: [1] };
    expect(rules('0 1 13 * FRI')).toEqual([{ ...common, byMonthDay: [13] }, { ...common, byDay: ['FR'] }]);
    expect(rules('0 1 */1 * FRI')).toEqual([{ ...common, byDay: ['FR'] }]);
    expect(rules('0 1 */10 * FRI')).toHaveLength(2);
  });
});

test.each([
  ['0 22 * *', 9, 'there are 4 fields of five'],
  ['', 1, 'there are 0 fields of five'],
  ['0 0 22 * * *', 12, '"*" is one field too many'],
  ['@daily', 1, '@daily is a shorthand; write minute, hour'],
  ['60 22 * * *', 1, 'minute: "60" is none; give 0 to 59'],
  ['0 22 * * MON-FRIDAY', 14, 'day of week: "FRIDAY" is none; give 0 to 7 or SUN to SAT'],
  ['0 22 0 * *', 6, 'day of month: "0" is none; give 1 to 31'],
  ['0 22 * 13 *', 8, 'month: "13" is none; give 1 to 12 or JAN to DEC'],
  ['0 22 L * *', 6, '"L" is not known here: use rrule instead'],
  ['0 22 1,15W * *', 10, '"W" is not known here'],
  ['0 22 * * FRI#2', 13, '"#" is not known here'],
  ['0 22 ? * *', 6, '"?" is not known here: write *'],
  ['0 22 10-5 * *', 9, 'day of month: 10-5 ends before it begins'],
  ['0 22-23-24 * * *', 3, 'hour: "22-23-24" is no range'],
  ['0 */0 * * *', 5, 'hour: "*/0" has no step that is a whole number of 1 or more'],
  ['0 22, * * *', 6, 'hour: a value is missing'],
  ['0 -1 * * *', 3, 'hour: a value is missing'],
  ['* * * * *', 1, 'it begins 1440 times a day, and a window may at most 24 times'],
  ['*/30 * * * *', 1, 'it begins 48 times a day'],
])('%j is refused at column %i', (text, column, words) => {
  expect(parseCron(text)).toEqual({ column, problem: expect.stringContaining(words) });
});
