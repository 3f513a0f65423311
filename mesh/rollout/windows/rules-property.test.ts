/** Recurrence rules against a twin that looks at every day, and rules of any shape, which must neither throw nor take long. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createWindowBook } from './book.ts';
import { compileWindow } from './compile.ts';
import { type Rule, type Weekday, WEEKDAYS } from './rule.ts';
import { HORIZON_MILLISECONDS } from './timeline.ts';
import { changeWindow } from './testing/values.ts';

const DAY = 86_400_000;
const START = '2027-01-30T22:15:00';
const FIRST = Date.parse(`${START}Z`);
const DAYS = 500;

interface Day { readonly at: number; readonly year: number; readonly month: number; readonly day: number; readonly weekday: Weekday; readonly lastOfMonth: number; readonly dayOfYear: number; readonly daysOfYear: number }

const dayOf = (at: number): Day => {
  const date = new Date(at);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  return { at, year, month, day, weekday: WEEKDAYS[date.getUTCDay()]!, lastOfMonth: new Date(Date.UTC(year, month, 0)).getUTCDate(), dayOfYear: Math.floor((at - Date.UTC(year, 0)) / DAY) + 1, daysOfYear: (Date.UTC(year + 1, 0) - Date.UTC(year, 0)) / DAY };
};

/** RFC 5545, section 3.3.10, read word by word: is it in the set of its period, before BYSETPOS. */
function isMeant(rule: Rule, one: Day, first: Day): boolean {
  const inMonth = one.weekday;
  const nth = (position: number, length: number): boolean[] => [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5].map((number) => (number > 0 ? Math.ceil(position / 7) === number : Math.ceil((length - position + 1) / 7) === -number));
  const byWeekday = (): boolean => (rule.byDay ?? []).some((text) => {
    const number = Number(text.slice(0, -2));
    if (!text.endsWith(inMonth)) return false;
    if (text.length === 2) return true;
    const ofYear = rule.freq === 'YEARLY' && rule.byMonth === undefined;
    const [position, length] = ofYear ? [one.dayOfYear, one.daysOfYear] : [one.day, one.lastOfMonth];
    return nth(position, length)[[-5, -4, -3, -2, -1, 1, 2, 3, 4, 5].indexOf(number)] === true;
  });
  const byMonthDay = (): boolean => (rule.byMonthDay ?? []).some((day) => (day > 0 ? one.day === day : one.day === one.lastOfMonth + day + 1));
  if (rule.byMonth !== undefined && !rule.byMonth.includes(one.month)) return false;
  if (rule.byMonthDay !== undefined && !byMonthDay()) return false;
  if (rule.byDay !== undefined && !byWeekday()) return false;
  if (rule.byDay !== undefined || rule.byMonthDay !== undefined) return true;
  switch (rule.freq) {
    case 'DAILY': return true;
    case 'WEEKLY': return one.weekday === first.weekday;
    case 'MONTHLY': return one.day === first.day;
    default: return one.day === first.day && (rule.byMonth !== undefined || one.month === first.month);
  }
}

/** Which of the frequency's periods it lies in. */
function periodOf({ freq, wkst = 'MO' }: Rule, one: Day): number {
  const epochDay = Math.floor(one.at / DAY);
  switch (freq) {
    case 'DAILY': return epochDay;
    // 1970-01-01 was a Thursday.
    case 'WEEKLY': return Math.floor((epochDay + 4 - WEEKDAYS.indexOf(wkst)) / 7);
    case 'MONTHLY': return one.year * 12 + one.month;
    default: return one.year;
  }
}

function twin(rule: Rule): number[] {
  const first = dayOf(FIRST);
  const periods = new Map<number, number[]>();
  // A period that began before the start counts its days from its own beginning.
  for (let at = FIRST - 366 * DAY; at < FIRST + (DAYS + 400) * DAY; at += DAY) {
    const one = dayOf(at);
    const period = periodOf(rule, one);
    if ((period - periodOf(rule, first)) % (rule.interval ?? 1) === 0 && isMeant(rule, one, first)) periods.set(period, [...periods.get(period) ?? [], at]);
  }
  const chosen = [...periods.values()].flatMap((days) => (rule.bySetPos === undefined ? days : [...new Set(rule.bySetPos.map((position) => days.at(position > 0 ? position - 1 : position)))].flatMap((at) => at ?? []).sort((a, b) => a - b)));
  return chosen.filter((at) => at >= FIRST).slice(0, rule.count).filter((at) => at < FIRST + DAYS * DAY);
}

const weekday = fc.constantFrom(...WEEKDAYS);
const subset = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.uniqueArray(of, { minLength: 1, maxLength: 3 });
const anyRule: fc.Arbitrary<Rule> = fc.record({
  freq: fc.constantFrom('YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY'), interval: fc.integer({ min: 1, max: 4 }), count: fc.integer({ min: 1, max: 40 }), wkst: weekday,
  byMonth: subset(fc.integer({ min: 1, max: 12 })), byMonthDay: subset(fc.constantFrom(1, 13, 28, 30, 31, -1, -3)), bySetPos: subset(fc.constantFrom(1, 2, -1)),
  byDay: fc.oneof(subset(weekday), subset(fc.tuple(fc.constantFrom('1', '2', '5', '-1', '-2'), weekday).map(([number, day]) => `${number}${day}`))),
}, { requiredKeys: ['freq'] }).map(({ byDay, byMonthDay, bySetPos, ...rule }): Rule => {
  const days = byDay === undefined ? undefined : rule.freq === 'MONTHLY' || rule.freq === 'YEARLY' ? byDay : [...new Set(byDay.map((day) => day.slice(-2)))];
  const monthDays = rule.freq === 'WEEKLY' || days?.some((day) => day.length > 2) === true ? undefined : byMonthDay;
  const hasPart = days !== undefined || monthDays !== undefined || rule.byMonth !== undefined;
  return { ...rule, ...(days === undefined ? {} : { byDay: days }), ...(monthDays === undefined ? {} : { byMonthDay: monthDays }), ...(bySetPos === undefined || !hasPart ? {} : { bySetPos }) };
});
const PARTS: readonly (readonly [keyof Rule, string])[] = [['interval', 'INTERVAL'], ['count', 'COUNT'], ['wkst', 'WKST'], ['byMonth', 'BYMONTH'], ['byMonthDay', 'BYMONTHDAY'], ['byDay', 'BYDAY'], ['bySetPos', 'BYSETPOS']];
const textOf = (rule: Rule): string => [`FREQ=${rule.freq}`, ...PARTS.flatMap(([key, name]) => (rule[key] === undefined ? [] : [`${name}=${String(rule[key])}`]))].join(';');

test('a rule begins on the days that looking at every day finds', () => {
  fc.assert(fc.property(anyRule, (rule) => {
    const compiled = compileWindow(changeWindow({ name: 'one', rrule: textOf(rule), start: START, durationSeconds: 60 }));
    if ('problem' in compiled) throw new Error(compiled.problem);
    const found: number[] = [];
    for (let at = FIRST - DAY; found.length < 1000;) {
      const interval = compiled.timeline.next(at, FIRST + DAYS * DAY);
      if (interval === undefined) break;
      found.push(interval.from);
      at = interval.to ?? Number.POSITIVE_INFINITY;
      if (interval.to === null) break;
    }
    expect(found).toEqual(twin(rule));
  }), { numRuns: 300 });
});

test('no text of a rule, cron, start or zone throws, and none takes long', () => {
  const words = fc.array(fc.constantFrom('FREQ=', 'YEARLY', 'MONTHLY', 'HOURLY', ';', 'BYDAY=', '5MO', ',', 'BYMONTHDAY=', '-31', 'BYSETPOS=', 'INTERVAL=', 'COUNT=', '10000', '7', '*', '*/', '-', ' ', '0 ', 'BYWEEKNO=', '53', 'BYYEARDAY=366', 'BYMONTH=2', 'UNTIL=20270230T000000Z', 'RRULE:', 'ü'), { maxLength: 14 }).map((parts) => parts.join(''));
  const start = fc.constantFrom(START, '0001-01-01T00:00', '9999-12-31T23:59:59', '2027-02-30T00:00', 'x');
  const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia', 'Nowhere/At_All', '');
  fc.assert(fc.property(words, start, zone, fc.boolean(), fc.constantFrom(60, 3600, 31_622_400), (text, from, timeZone, isCron, durationSeconds) => {
    const began = performance.now();
    const window = changeWindow({ name: 'one', timeZone, durationSeconds, ...(isCron ? { cron: text } : { rrule: text, start: from }) });
    const [state] = createWindowBook([window], [], FIRST).states;
    expect(state?.problem === undefined || /^spec(\.\w+)?(, column \d+)?: ./.test(state.problem)).toBe(true);
    expect(performance.now() - began).toBeLessThan(5000);
  }), { numRuns: 300 });
  expect(HORIZON_MILLISECONDS).toBe(400 * DAY);
});
