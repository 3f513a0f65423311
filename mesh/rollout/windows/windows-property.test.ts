/** Windows against a twin that walks minute by minute with a calendar of its own, and knows neither rules nor intervals. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChangeWindowValue } from '../../model/change-window.ts';
import { toRfc3339 } from '../../model/instant.ts';
import { windowVerdict } from './book.ts';
import { changeWindow, cluster, override, RUN } from './testing/values.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Around changes of clocks by an hour and by half an hour, the end of a year, a leap day, and nothing. */
const DAYS = ['2026-10-25', '2027-03-28', '2026-10-04', '2027-04-04', '2027-01-01', '2028-02-29', '2027-06-15'].map((day) => Date.parse(`${day}T00:00:00Z`));
const ZONES = ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns'];
/** Walked before and after the middle. */
const [BEFORE, AFTER] = [3 * DAY, 4 * DAY];

interface Local { readonly text: string; readonly minute: number; readonly hour: number; readonly day: number; readonly month: number; readonly weekday: number; readonly again: boolean }

const walks = new Map<string, readonly Local[]>();
/** What the clocks of a zone show, minute by minute. `again`: they have shown it before. */
function walk(zone: string, middle: number): readonly Local[] {
  const key = `${zone} ${middle}`;
  const known = walks.get(key);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', weekday: 'short' });
  const shown = new Set<string>();
  const locals: Local[] = [];
  for (let at = middle - BEFORE; at < middle + AFTER; at += MINUTE) {
    const text = format.format(at);
    const [, weekday = '', day, month, , hour, minute] = /^(\w+), (\d+)\/(\d+)\/(\d+), (\d+):(\d+)$/.exec(text) ?? [];
    locals.push({ text, minute: Number(minute), hour: Number(hour), day: Number(day), month: Number(month), weekday: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(weekday), again: shown.has(text) });
    shown.add(text);
  }
  walks.set(key, locals);
  return locals;
}

interface Weekly { readonly minutes: number[]; readonly hours: number[]; readonly days: number[]; readonly weekdays: number[]; readonly durationMinutes: number; readonly zone: string; readonly kind: 'Allow' | 'Deny' }
const list = (values: readonly number[], most: number) => fc.subarray([...values], { minLength: 1, maxLength: most });
const anyWindow: fc.Arbitrary<Weekly> = fc.record({
  minutes: list([0, 15, 30, 45, 59], 2), hours: list([0, 1, 2, 3, 12, 23], 3), days: fc.oneof(fc.constant<number[]>([]), list([1, 4, 25, 28, 29, 31], 3)), weekdays: fc.oneof(fc.constant<number[]>([]), list([0, 1, 2, 3, 4, 5, 6], 3)),
  durationMinutes: fc.constantFrom(1, 30, 60, 90, 600, 1440, 2000), zone: fc.constantFrom(...ZONES), kind: fc.constantFrom('Allow', 'Deny'),
});
const field = (values: readonly number[]): string => (values.length === 0 ? '*' : values.join(','));
const asWindow = (one: Weekly, index: number): ChangeWindowValue => changeWindow({
  name: `w${index}`, kind: one.kind, timeZone: one.zone, durationSeconds: one.durationMinutes * 60, cron: `${field(one.minutes)} ${field(one.hours)} ${field(one.days)} * ${field(one.weekdays)}`,
});

/** Minute by minute: is it inside. */
function twinOf(one: Weekly, middle: number): boolean[] {
  const locals = walk(one.zone, middle);
  const inside = locals.map(() => false);
  locals.forEach((local, index) => {
    const [byDay, byWeekday] = [one.days.includes(local.day), one.weekdays.includes(local.weekday)];
    const onThisDay = one.days.length > 0 && one.weekdays.length > 0 ? byDay || byWeekday : one.days.length > 0 ? byDay : one.weekdays.length === 0 || byWeekday;
    if (!onThisDay || local.again || !one.minutes.includes(local.minute) || !one.hours.includes(local.hour)) return;
    for (let minute = index; minute < Math.min(index + one.durationMinutes, inside.length); minute += 1) inside[minute] = true;
  });
  return inside;
}

test('open, the next opening and the next closing are what walking through the minutes finds', () => {
  fc.assert(fc.property(
    fc.array(anyWindow, { minLength: 1, maxLength: 4 }), fc.constantFrom(...DAYS), fc.integer({ min: 0, max: 2 * 1440 - 1 }), fc.option(fc.integer({ min: -60, max: 600 }), { nil: undefined }),
    (given, middle, minute, overrideMinutes) => {
      const now = middle - DAY + minute * MINUTE;
      const index = (now - (middle - BEFORE)) / MINUTE;
      const windows = given.map(asWindow);
      const insides = given.map((one) => twinOf(one, middle));
      const openAt = (at: number): boolean => !given.some(({ kind }, one) => kind === 'Deny' && insides[one]![at]) && (!given.some(({ kind }) => kind === 'Allow') || given.some(({ kind }, one) => kind === 'Allow' && insides[one]![at]));
      const end = insides[0]!.length;
      const nextWith = (wanted: boolean, from: number): number | undefined => { for (let at = from; at < end; at += 1) if (openAt(at) === wanted) return middle - BEFORE + at * MINUTE; return undefined; };
      const overrides = overrideMinutes === undefined ? [] : [override({ expiresAt: now + overrideMinutes * MINUTE })];
      const verdict = windowVerdict(windows, overrides, cluster('berlin'), RUN, now);
      const natural = openAt(index);
      const isOverridden = !natural && (overrideMinutes ?? 0) > 0;
      expect(verdict.open).toBe(natural || isOverridden);
      expect(verdict.overriddenBy !== undefined).toBe(isOverridden);
      const change = natural ? nextWith(false, index) : isOverridden ? nextWith(false, index + overrideMinutes!) : nextWith(true, index);
      const told = verdict.open ? verdict.closesAt : verdict.opensAt;
      // Beyond what was walked, the twin knows nothing.
      const text = (at: number | null | undefined): string => (at === null || at === undefined || at >= middle + AFTER ? 'later' : toRfc3339(at));
      expect(text(told)).toBe(text(change));
      expect(verdict.open ? verdict.opensAt : verdict.closesAt).toBeNull();
    },
  ), { numRuns: 400 });
});
