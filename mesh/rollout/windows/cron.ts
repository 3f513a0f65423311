/** Five fields of cron as recurrence rules. As robfig/cron has it, which Kubernetes' CronJob uses: where both days are restricted, a day that either names is enough. */
import { MOST_STARTS_A_DAY, type Rule, type RuleProblem, tooOften, WEEKDAYS } from './rule.ts';

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** For values from `namedFrom` on. */
  readonly names?: readonly string[];
  readonly namedFrom?: number;
}

const FIELDS: readonly Field[] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12, names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'], namedFrom: 1 },
  { name: 'day of week', least: 0, most: 7, names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'], namedFrom: 0 },
];
const EXAMPLE = 'write minute, hour, day of month, month and day of week, as "0 22 * * MON-FRI"';

interface Values {
  readonly values: readonly number[];
  readonly restricted: boolean;
}

/** One rule; two where both days are restricted: their occurrences together are the cron's. */
export function parseCron(text: string): { readonly rules: readonly Rule[] } | RuleProblem {
  if (text.trim().startsWith('@')) return { problem: `${text.trim()} is a shorthand; ${EXAMPLE}`, column: text.indexOf('@') + 1 };
  const words = [...text.matchAll(/\S+/g)].map((match) => ({ word: match[0], column: match.index + 1 }));
  const surplus = words[FIELDS.length];
  if (surplus !== undefined) return { problem: `${JSON.stringify(surplus.word)} is one field too many: there are five; ${EXAMPLE}`, column: surplus.column };
  if (words.length < FIELDS.length) return { problem: `there are ${words.length} fields of five; ${EXAMPLE}`, column: text.trimEnd().length + 1 };
  const read: Values[] = [];
  for (const [index, { word, column }] of words.entries()) {
    const values = parseField(FIELDS[index]!, word, column);
    if ('problem' in values) return values;
    read.push(values);
  }
  const [minutes, hours, monthDays, months, weekDays] = read as [Values, Values, Values, Values, Values];
  const starts = minutes.values.length * hours.values.length;
  if (starts > MOST_STARTS_A_DAY) return { problem: tooOften(starts), column: words[0]!.column };
  const common: Rule = {
    freq: 'DAILY', bySecond: [0], byMinute: minutes.values, byHour: hours.values, ...(months.restricted ? { byMonth: months.values } : {}),
  };
  const byMonthDay: Rule = { ...common, byMonthDay: monthDays.values };
  const byDay: Rule = { ...common, byDay: [...new Set(weekDays.values.map((day) => WEEKDAYS[day % 7]!))] };
  if (monthDays.restricted && weekDays.restricted) return { rules: [byMonthDay, byDay] };
  return { rules: [monthDays.restricted ? byMonthDay : weekDays.restricted ? byDay : common] };
}

function parseField(field: Field, word: string, column: number): Values | RuleProblem {
  const values = new Set<number>();
  let at = column;
  for (const item of word.split(',')) {
    const found = parseItem(field, item, at);
    if ('problem' in found) return found;
    for (let value = found.from; value <= found.to; value += found.step) values.add(value);
    at += item.length + 1;
  }
  return { values: [...values].sort((a, b) => a - b), restricted: !word.split(',').some((item) => item === '*' || item === '*/1') };
}

function parseItem(field: Field, item: string, column: number): { readonly from: number; readonly to: number; readonly step: number } | RuleProblem {
  const special = /[LW#?]/i.exec(item.replaceAll(/[a-z]{3}/gi, '   '));
  if (special !== null) return { problem: special[0] === '?' ? '"?" is not known here: write *' : `${JSON.stringify(special[0])} is not known here: use rrule instead, as FREQ=MONTHLY;BYDAY=-1FR for the last Friday`, column: column + special.index };
  const last = field.most === 7 ? 6 : field.most;
  const [range = '', stepText, ...moreSteps] = item.split('/');
  const step = stepText === undefined ? 1 : wholeNumber(stepText);
  if (moreSteps.length > 0 || step === undefined || step < 1) return { problem: `${field.name}: ${JSON.stringify(item)} has no step that is a whole number of 1 or more`, column: column + range.length + 1 };
  if (range === '*') return { from: field.least, to: last, step };
  const [fromText = '', toText, ...moreEnds] = range.split('-');
  if (moreEnds.length > 0) return { problem: `${field.name}: ${JSON.stringify(range)} is no range: write FIRST-LAST`, column };
  const from = valueOf(field, fromText);
  if (from === undefined) return { problem: wrongValue(field, fromText), column };
  if (toText === undefined) return { from, to: stepText === undefined ? from : Math.max(from, last), step };
  const end = valueOf(field, toText);
  // FRI-SUN: Sunday ends a week as it begins one.
  const to = end === 0 && field.most === 7 && from > 0 ? 7 : end;
  const toColumn = column + fromText.length + 1;
  if (to === undefined) return { problem: wrongValue(field, toText), column: toColumn };
  if (to < from) return { problem: `${field.name}: ${range} ends before it begins: write two ranges, with a comma between them`, column: toColumn };
  return { from, to, step };
}

function valueOf(field: Field, text: string): number | undefined {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1;
  if (named >= 0) return named + (field.namedFrom ?? 0);
  const value = wholeNumber(text);
  return value === undefined || value < field.least || value > field.most ? undefined : value;
}

const wholeNumber = (text: string): number | undefined => (/^\d{1,4}$/.test(text) ? Number(text) : undefined);

const wrongValue = (field: Field, text: string): string =>
  `${field.name}: ${text === '' ? 'a value is missing' : `${JSON.stringify(text)} is none`}; give ${field.least} to ${field.most}${field.names === undefined ? '' : ` or ${field.names[0]} to ${field.names.at(-1)}`}`;
