/** The text of a recurrence rule (RFC 5545, section 3.3.10), read strictly: what the RFC forbids or leaves undefined is refused. */
import { fromRfc3339 } from '../../model/instant.ts';
import { FREQUENCIES, type Frequency, MOST_STARTS_A_DAY, type Rule, type RuleProblem, tooOften, WEEKDAYS, type Weekday } from './rule.ts';

/** Part → its field in `Rule`, and what its numbers may be. `signed`: also counted from the end, never 0. */
const LISTS: Readonly<Record<string, { readonly field: keyof Rule; readonly least: number; readonly most: number; readonly signed?: true }>> = {
  BYSECOND: { field: 'bySecond', least: 0, most: 59 },
  BYMINUTE: { field: 'byMinute', least: 0, most: 59 },
  BYHOUR: { field: 'byHour', least: 0, most: 23 },
  BYMONTHDAY: { field: 'byMonthDay', least: 1, most: 31, signed: true },
  BYYEARDAY: { field: 'byYearDay', least: 1, most: 366, signed: true },
  BYWEEKNO: { field: 'byWeekNo', least: 1, most: 53, signed: true },
  BYMONTH: { field: 'byMonth', least: 1, most: 12 },
  BYSETPOS: { field: 'bySetPos', least: 1, most: 366, signed: true },
};
const NUMBERS: Readonly<Record<string, { readonly field: 'interval' | 'count'; readonly most: number }>> = { INTERVAL: { field: 'interval', most: 1000 }, COUNT: { field: 'count', most: 10_000 } };
const PARTS = ['FREQ', 'UNTIL', 'WKST', 'BYDAY', ...Object.keys(NUMBERS), ...Object.keys(LISTS)];

interface Part { readonly name: string; readonly value: string; readonly column: number; readonly valueColumn: number }

export function parseRule(text: string): { readonly rule: Rule } | RuleProblem {
  const prefix = /^RRULE:/i.exec(text)?.[0].length ?? 0;
  const parts: Part[] = [];
  for (let at = prefix; at <= text.length;) {
    const end = text.indexOf(';', at) < 0 ? text.length : text.indexOf(';', at);
    const part = text.slice(at, end);
    const equals = part.indexOf('=');
    if (equals <= 0) return { problem: `${part === '' ? 'a part is missing' : JSON.stringify(part.slice(0, 40))}: write NAME=VALUE, with semicolons between, as FREQ=WEEKLY;BYDAY=SA`, column: at + 1 };
    parts.push({ name: part.slice(0, equals).toUpperCase(), value: part.slice(equals + 1).toUpperCase(), column: at + 1, valueColumn: at + equals + 2 });
    at = end + 1;
  }
  let rule: Partial<Rule> = {};
  for (const [index, part] of parts.entries()) {
    if (parts.findIndex(({ name }) => name === part.name) < index) return { problem: `${part.name} is given twice`, column: part.column };
    const read = readPart(part);
    if ('problem' in read) return read;
    rule = { ...rule, ...read.rule };
  }
  const { freq } = rule;
  if (freq === undefined) return { problem: `FREQ is missing: one of ${FREQUENCIES.join(', ')}`, column: prefix + 1 };
  const whole = { ...rule, freq };
  const columnOf = (name: string): number => parts.find((part) => part.name === name)?.column ?? prefix + 1;
  const forbidden = forbiddenPart(whole);
  if (forbidden !== undefined) return { problem: forbidden.problem, column: columnOf(forbidden.part) };
  const starts = startsADay(whole);
  return starts > MOST_STARTS_A_DAY ? { problem: tooOften(starts), column: columnOf('FREQ') } : { rule: whole };
}

function readPart({ name, value, column, valueColumn }: Part): { readonly rule: Partial<Rule> } | RuleProblem {
  const wrong = (problem: string, at = valueColumn): RuleProblem => ({ problem: `${name}: ${problem}`, column: at });
  const list = LISTS[name];
  if (list !== undefined) {
    const numbers: number[] = [];
    let at = valueColumn;
    for (const text of value.split(',')) {
      const number = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
      const size = list.signed === true ? Math.abs(number) : number;
      if (!(size >= list.least && size <= list.most)) return wrong(`${JSON.stringify(text)} is none; give ${list.least} to ${list.most}${list.signed === true ? ', or counted from the end with a minus' : ''}`, at);
      numbers.push(number);
      at += text.length + 1;
    }
    return { rule: { [list.field]: [...new Set(numbers)].sort((a, b) => a - b) } };
  }
  const number = NUMBERS[name];
  if (number !== undefined) {
    const given = /^\d{1,6}$/.test(value) ? Number(value) : 0;
    return given < 1 || given > number.most ? wrong(`${JSON.stringify(value)} is none; give 1 to ${number.most}`) : { rule: { [number.field]: given } };
  }
  switch (name) {
    case 'FREQ': return (FREQUENCIES as readonly string[]).includes(value) ? { rule: { freq: value as Frequency } } : wrong(`${JSON.stringify(value)} is none for a window; give one of ${FREQUENCIES.join(', ')}`);
    case 'WKST': return (WEEKDAYS as readonly string[]).includes(value) ? { rule: { wkst: value as Weekday } } : wrong(`${JSON.stringify(value)} is no day; give one of ${WEEKDAYS.join(', ')}`);
    case 'UNTIL': {
      const at = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(value);
      const until = at === null ? undefined : fromRfc3339(`${at[1]}-${at[2]}-${at[3]}T${at[4]}:${at[5]}:${at[6]}Z`);
      return until === undefined ? wrong(`${JSON.stringify(value)} is none; give a time in UTC, as 20271231T235959Z`) : { rule: { until } };
    }
    case 'BYDAY': {
      let at = valueColumn;
      for (const text of value.split(',')) {
        if (!/^([+-]?([1-9]|[1-4]\d|5[0-3]))?(SU|MO|TU|WE|TH|FR|SA)$/.test(text)) return wrong(`${JSON.stringify(text)} is no day; give SA, or 1SA for the first and -1SA for the last`, at);
        at += text.length + 1;
      }
      return { rule: { byDay: [...new Set(value.split(',').map((day) => day.replace('+', '')))] } };
    }
    default: return { problem: `${JSON.stringify(name)} is no part of a rule; the parts are ${PARTS.join(', ')}${['DTSTART', 'TZID', 'EXDATE', 'RDATE'].includes(name.split(/[;:]/)[0] ?? '') ? '; give start and timeZone beside the rule, and exceptions as a Deny window' : ''}`, column };
  }
}

/** The RFC's table of which parts go with which frequency. */
function forbiddenPart(rule: Rule): { readonly part: string; readonly problem: string } | undefined {
  const { freq } = rule;
  if (rule.count !== undefined && rule.until !== undefined) return { part: 'UNTIL', problem: 'UNTIL and COUNT exclude each other' };
  const ordinal = rule.byDay?.find((day) => /\d/.test(day));
  if (ordinal !== undefined && (!['MONTHLY', 'YEARLY'].includes(freq) || rule.byWeekNo !== undefined)) return { part: 'BYDAY', problem: `BYDAY: ${ordinal} has a number, which goes with FREQ=MONTHLY, or with FREQ=YEARLY without BYWEEKNO` };
  // The RFC allows these two, and programs read them each in their own way.
  if (ordinal !== undefined && rule.byMonthDay !== undefined) return { part: 'BYDAY', problem: `BYDAY: ${ordinal} has a number, and BYMONTHDAY is given as well: give one of them` };
  if (ordinal !== undefined && rule.byDay?.some((day) => !/\d/.test(day)) === true) return { part: 'BYDAY', problem: `BYDAY: ${ordinal} has a number and others have none: write two windows` };
  if (rule.byMonthDay !== undefined && freq === 'WEEKLY') return { part: 'BYMONTHDAY', problem: 'BYMONTHDAY does not go with FREQ=WEEKLY' };
  if (rule.byYearDay !== undefined && ['DAILY', 'WEEKLY', 'MONTHLY'].includes(freq)) return { part: 'BYYEARDAY', problem: `BYYEARDAY does not go with FREQ=${freq}` };
  if (rule.byWeekNo !== undefined && freq !== 'YEARLY') return { part: 'BYWEEKNO', problem: 'BYWEEKNO goes with FREQ=YEARLY alone' };
  const others = [rule.bySecond, rule.byMinute, rule.byHour, rule.byDay, rule.byMonthDay, rule.byYearDay, rule.byWeekNo, rule.byMonth];
  if (rule.bySetPos !== undefined && others.every((other) => other === undefined)) return { part: 'BYSETPOS', problem: 'BYSETPOS chooses among what another BY… part gives, and there is none' };
  return undefined;
}

function startsADay({ freq, interval = 1, byHour, byMinute, bySecond }: Rule): number {
  const hours = byHour?.length ?? (freq === 'HOURLY' ? Math.ceil(24 / interval) : 1);
  return hours * (byMinute?.length ?? 1) * (bySecond?.length ?? 1);
}
