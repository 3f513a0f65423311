/** An answer of the fleet as a table, as csv, as text below it. */
import type { QueryAnswer, QueryRow } from '../../../mesh/api/resources/inquiry-answers.ts';
import { kindOf } from '../../../mesh/model/selector-facts.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import { age, type Cells, type Listing, shortId } from '../output/index.ts';

type Value = QueryRow['columns'][string];

/** The key itself, so that a heading says what to write in a query. */
const heading = (key: string): string => key.toUpperCase();

const BYTES = /^memory-/;
const IDS = ['current', 'desired'];

function cell(row: QueryRow, key: string, at: Instant): string {
  if (key === 'name') return row.name;
  const value = row.columns[key];
  if (value === undefined) return row.unknown.includes(key) ? '<unknown>' : '<none>';
  return short(key, value, at);
}

function short(key: string, value: Value, at: Instant): string {
  if (typeof value === 'object') return value.length === 0 ? '<none>' : value.join(',');
  if (typeof value === 'number') return BYTES.test(key) ? `${(value / 2 ** 30).toFixed(1)}Gi` : String(Math.round(value * 1000) / 1000);
  if (IDS.includes(key)) return shortId(String(value));
  const kind = kindOf(key);
  const time = kind === 'time' || kind === 'deadline' ? fromRfc3339(String(value)) : undefined;
  if (time === undefined) return value === '' ? '<none>' : String(value);
  if (kind === 'time') return age(time, at);
  return time > at ? `in ${age(at, time)}` : `${age(time, at)} ago`;
}

/** Whole values: what csv and scripts take. */
const plain = (value: Value | undefined): string => (value === undefined ? '' : typeof value === 'object' ? value.join(';') : String(value));

export function tableOf(answer: Pick<QueryAnswer, 'rows' | 'columns' | 'at'>, wide: boolean): Cells {
  const at = fromRfc3339(answer.at) ?? 0;
  const keys = answer.columns.filter((key) => key !== 'name');
  return {
    headings: ['NAME', ...keys.map(heading), ...wide ? ['AGE'] : []],
    rows: answer.rows.map((row) => [row.name, ...keys.map((key) => cell(row, key, at)), ...wide ? [row.ageSeconds === null ? '<unknown>' : age(at - row.ageSeconds * 1000, at)] : []]),
  };
}

export function csvOf(answer: Pick<QueryAnswer, 'rows' | 'columns'>): Cells {
  const keys = answer.columns.filter((key) => key !== 'name');
  return {
    headings: ['name', ...keys, 'unknown', 'ageSeconds'],
    rows: answer.rows.map((row) => [row.name, ...keys.map((key) => plain(row.columns[key])), row.unknown.join(';'), row.ageSeconds === null ? '' : String(row.ageSeconds)]),
  };
}

export function listingOf(answer: QueryAnswer): Listing {
  return {
    ...tableOf(answer, false), wide: tableOf(answer, true), csv: csvOf(answer),
    value: answer,
    names: answer.rows.map(({ name }) => `cluster.isthmus.dev/${name}`),
    empty: 'No cluster matches.',
  };
}

const FROM: Readonly<Record<QueryAnswer['from'], string>> = { memory: 'the hub\'s memory', records: 'the hub\'s records', objects: 'the Cluster objects' };

/** Lines for standard error: which index, how fresh each source. */
export function provenance(answer: QueryAnswer): string {
  const at = fromRfc3339(answer.at) ?? 0;
  const since = (text: string | null): string => (text === null ? 'never' : age(fromRfc3339(text), at));
  const lines = [
    `${answer.matched} of ${answer.total} clusters, from ${FROM[answer.from]} as of ${answer.at}; index: ${answer.usedIndex}, ${answer.examined} looked at`,
    ...answer.sources.flatMap(({ source, clusters, newestAt, oldestAt, oldest, never }) => {
      if (clusters + never === 0) return [];
      if (newestAt === null && clusters > 0) return [`${source}: as old as its last write to each object`];
      if (newestAt === oldestAt && never === 0) return [`${source}: ${since(newestAt)} old`];
      const parts = [...clusters > 0 ? [`${since(newestAt)} old at best, ${since(oldestAt)} at worst${oldest === null ? '' : ` (${oldest})`}`] : [], ...never > 0 ? [`never heard of ${never}`] : []];
      return [`${source}: ${parts.join('; ')}`];
    }),
    ...answer.undecided === 0 ? [] : [`${answer.undecided} more would match or not by what nobody has told: ${answer.undecidedNames.join(', ')}${answer.undecided > answer.undecidedNames.length ? ', …' : ''}`],
    ...answer.notes,
  ];
  return lines.map((line) => `${line}\n`).join('');
}
