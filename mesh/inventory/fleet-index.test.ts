/** The index against a deliberately dumb twin that knows nothing of indexes, scalars or the parser's values: it reads the text of the query. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFleetIndex } from './fleet-index.ts';
import { lookUp } from '../model/selector-lookup.ts';
import { parseQuery } from './query.ts';
import type { FleetFact, FleetRow } from './row.ts';

const NOW = Date.UTC(2026, 0, 31, 12);
const DAY = 86_400_000;
const at = (days: number): string => new Date(NOW + days * DAY).toISOString();

type Value = string | number | boolean | readonly string[];
const fact = (value: Value, until?: number): FleetFact => ({
  ...(typeof value === 'object' ? { value: value.join(','), values: value } : { value }), source: 'observed', observedAt: NOW, ...(until === undefined ? {} : { until }),
});

/** Known to have none. */
const NONE: readonly string[] = [];
const some = <T>(...values: T[]) => fc.constantFrom(...values);
const versions = some('1.9.0', '1.10.0', '1.10.0-rc.1', '1.10.0-rc.2', '1.10.1', 'v1.11.0', '2.0.0');
const rowOf = fc.record({
  name: some('oslo', 'berlin', 'paris', 'rome', '9', '10', 'ottawa', 'oslo-2', 'quito', '1.10.0'),
  labels: fc.record({ region: some('eu-north', 'eu-west', 'us-east', ''), tier: some('1', '2', '10', 'many'), nodes: some('7', 'x') }, { requiredKeys: [] }),
  properties: fc.array(fc.record({ name: some('rack', 'tier', 'ready', 'agent-version'), value: some('1.9', '1.10', '4Gi', '500m', at(-3), at(-10), 'false', 'v1.10.0'), source: some<'declared' | 'observed'>('declared', 'observed'), observedAt: fc.constant(NOW) }), { maxLength: 2 }),
  facts: fc.record({
    ready: some(true, false).map((value) => fact(value)),
    frozen: some(fact(true), fact(false), fact(true, NOW - DAY), fact(true, NOW), fact(true, NOW + DAY)),
    'agent-version': versions.map((value) => fact(value)),
    nodes: some(0, 3, 10, 200).map((value) => fact(value)),
    'cpu-capacity': some(0.5, 4, 4096).map((value) => fact(value)),
    'last-change': some(-30, -7, -1, 0, 1).map((days) => fact(at(days))),
    'certificate-not-after': some(-1, 1, 20, 40).map((days) => fact(at(days))),
    architecture: some([], ['amd64'], ['amd64', 'arm64']).map((value) => fact(value)),
    issuer: some<Value>('CA 2', 'CA 3', NONE).map((value) => fact(value)),
    'issuing-ca-generation': some<Value>(2, 3, 10, NONE).map((value) => fact(value)),
    current: some<Value>('abc', 'def', NONE).map((value) => fact(value)),
  }, { requiredKeys: [] }),
});

const BOOLEANS = ['ready', 'frozen'];
const OF_THE_HUB = [...BOOLEANS, 'issuer', 'issuing-ca-generation', 'last-change', 'certificate-not-after'];
const FACTS = ['ready', 'frozen', 'agent-version', 'nodes', 'cpu-capacity', 'last-change', 'certificate-not-after', 'architecture', 'issuer', 'issuing-ca-generation', 'current'];
const KINDS: Readonly<Record<string, string>> = { ready: 'boolean', frozen: 'boolean', 'agent-version': 'version', nodes: 'number', 'cpu-capacity': 'number', 'last-change': 'time', 'certificate-not-after': 'deadline', architecture: 'list', issuer: 'text', 'issuing-ca-generation': 'number', current: 'text' };

/** What the twin sees of a key: texts and kind, `unknown`, or nothing. */
function see(row: FleetRow, key: string): { texts: readonly string[]; kind: string } | 'unknown' | undefined {
  if (key === 'name') return { texts: [row.name], kind: 'text' };
  if (key in row.labels) return { texts: [row.labels[key]!], kind: 'any' };
  for (const { name, value, source } of row.properties) {
    if (name === key && !(OF_THE_HUB.includes(key) && source === 'observed')) return { texts: [value], kind: source === 'observed' ? KINDS[key] ?? 'any' : 'any' };
  }
  if (!FACTS.includes(key)) return undefined;
  const known = row.facts[key];
  if (known === undefined) return 'unknown';
  if (known.values === NONE) return undefined;
  const value = known.until !== undefined && known.until <= NOW ? false : known.value;
  return { texts: known.values ?? [String(value)], kind: KINDS[key]! };
}

const glob = (pattern: string, text: string): boolean => new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
const UNITS: Readonly<Record<string, number>> = { m: 0.001, Gi: 1024 ** 3, '': 1 };
const quantity = (text: string): number | undefined => { const match = /^(\d+(?:\.\d+)?)(m|Gi|)$/.exec(text); return match === null ? undefined : Number(match[1]) * UNITS[match[2]!]!; };
const age = (text: string): number | undefined => (/^\d+[dm]$/.test(text) ? Number.parseInt(text, 10) * (text.endsWith('d') ? DAY : 60_000) : undefined);
const time = (text: string): number | undefined => (/^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : undefined);
/** As one number: the twin's versions are small. */
function version(text: string): number | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-rc\.(\d+))?$/.exec(text) ?? /^(\d+)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * 1e9 + Number(match[2] ?? 0) * 1e6 + Number(match[3] ?? 0) * 1e3 + (match[4] === undefined ? 999 : Number(match[4]));
}

function sign(value: string, operand: string, kind: string): number | undefined {
  const can = (...kinds: string[]): boolean => kind === 'any' || kinds.includes(kind);
  if (can('time', 'deadline') && time(value) !== undefined) {
    if (time(operand) !== undefined) return time(value)! - time(operand)!;
    if (age(operand) !== undefined) return (kind === 'deadline' ? time(value)! - NOW : NOW - time(value)!) - age(operand)!;
  }
  if (can('number') && quantity(value) !== undefined && quantity(operand) !== undefined) return quantity(value)! - quantity(operand)!;
  if (can('version') && version(value) !== undefined && version(operand) !== undefined) return version(value)! - version(operand)!;
  return undefined;
}

function term(text: string, row: FleetRow): boolean | 'unknown' {
  const [, bang, key, operator = '', rest = ''] = /^(!?)([\w-]+) ?(==|!=|<=|>=|=|<|>|notin|in)? ?(.*)$/.exec(text)!;
  const seen = see(row, key!);
  const listed = rest.replace(/^\(|\)$/g, '').split(',');
  if (operator === '') {
    if (seen === 'unknown') return 'unknown';
    const there = seen !== undefined && (seen.kind === 'boolean' ? seen.texts[0] === 'true' : seen.kind !== 'list' || seen.texts.length > 0);
    return there !== (bang === '!');
  }
  if (seen === 'unknown') return 'unknown';
  if (['=', '==', '!=', 'in', 'notin'].includes(operator)) {
    const among = seen !== undefined && seen.texts.some((one) => listed.some((pattern) => glob(pattern, one) || (seen.kind === 'number' && quantity(one) === quantity(pattern))));
    return among === !['!=', 'notin'].includes(operator);
  }
  const first = seen?.texts[0];
  const found = seen === undefined || first === undefined || seen.kind === 'list' ? undefined : sign(first, rest, seen.kind);
  return found !== undefined && { '<': found < 0, '<=': found <= 0, '>': found > 0, '>=': found >= 0 }[operator as '<']!;
}

const globs = some('oslo*', '*o*', 'eu-*', 'eu-north', '', '1', '10', '4Gi', '4', '*', '?', 'v1.1*', 'amd64', 'arm*', 'CA ?', '1.10.0', '0.5', '500m');
const operands = some('1.9', '1.10.0', '1.10.0-rc.1', 'v1.10', '3', '4', '500m', '0', '4Gi');
const spans = some('7d', '1d', '30d', at(-3), at(2));
const key = some('name', 'region', 'tier', 'rack', 'nodes', 'agent-version', 'issuer', 'issuing-ca-generation', 'current', 'cpu-capacity', 'last-change', 'certificate-not-after', 'architecture');
const negation = some('', '!');
const terms = fc.oneof(
  fc.tuple(key, some('=', '==', '!='), globs).map((parts) => parts.join('')),
  fc.tuple(key, some(' in ', ' notin '), fc.array(globs, { minLength: 1, maxLength: 3 })).map(([one, operator, list]) => `${one}${operator}(${list.join(',')})`),
  fc.tuple(some('ready', 'frozen'), some('=true', '=false', '!=true', ' notin (true,false)', ' in (tru*)')).map((parts) => parts.join('')),
  fc.tuple(negation, fc.oneof(key, some('ready', 'frozen'))).map((parts) => parts.join('')),
  fc.tuple(some('tier', 'rack'), some('<', '<=', '>', '>='), fc.oneof(operands, spans)).map((parts) => parts.join('')),
  fc.tuple(some('agent-version'), some('<', '<=', '>', '>='), some('1.9', '1.10.0', '1.10.0-rc.1', 'v1.10', '2')).map((parts) => parts.join('')),
  fc.tuple(some('nodes', 'cpu-capacity', 'issuing-ca-generation'), some('<', '<=', '>', '>='), some('3', '4', '500m', '0', '4Gi')).map((parts) => parts.join('')),
  fc.tuple(some('last-change', 'certificate-not-after'), some('<', '<=', '>', '>='), spans).map((parts) => parts.join('')),
);
const order = fc.option(fc.tuple(fc.oneof(key, some('ready', 'frozen')), some('', ' desc', ' asc')), { nil: undefined });
const limit = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });

/** Negative, zero, positive; what is not known last. */
function orderOf(a: FleetRow, b: FleetRow, one: string, descending: boolean): number {
  const rank = (row: FleetRow): [number, number | string] => {
    const seen = see(row, one);
    if (seen === undefined || seen === 'unknown') return [4, 0];
    const text = seen.texts.join(',');
    const can = (...kinds: string[]): boolean => seen.kind === 'any' || kinds.includes(seen.kind);
    if (can('number') && quantity(text) !== undefined) return [0, quantity(text)!];
    if (can('time', 'deadline') && time(text) !== undefined) return [1, time(text)!];
    if (can('version') && version(text) !== undefined) return [2, version(text)!];
    return [3, text];
  };
  const [[rankOfA, valueOfA], [rankOfB, valueOfB]] = [rank(a), rank(b)];
  if (rankOfA === 4 || rankOfB === 4) return rankOfA - rankOfB;
  const difference = rankOfA - rankOfB || (valueOfA < valueOfB ? -1 : valueOfA > valueOfB ? 1 : 0);
  return descending ? -difference : difference;
}

const changes = fc.array(fc.oneof({ weight: 4, arbitrary: rowOf }, { weight: 1, arbitrary: some('oslo', 'berlin', 'paris') }), { maxLength: 25 });
const queries = fc.tuple(fc.array(terms, { maxLength: 4 }), order, limit);

test('index and twin agree after every change, whatever was asked before', () => {
  fc.assert(fc.property(changes, fc.array(queries, { minLength: 1, maxLength: 3 }), (steps, asked) => {
    const index = createFleetIndex();
    const twin = new Map<string, FleetRow>();
    for (const [number, step] of steps.entries()) {
      if (typeof step === 'string') { index.remove(step); twin.delete(step); } else { index.put(step as FleetRow); twin.set(step.name, step as FleetRow); }
      if (number % 3 !== 0 && number < steps.length - 1) continue;
      for (const [list, by, most] of asked) {
        const text = `${list.join(', ')}${by === undefined ? '' : ` order by ${by.join('')}`}${most === undefined ? '' : ` limit ${most}`}`;
        const parsed = parseQuery(text);
        if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem}`);
        const answer = index.run(parsed.query, NOW);
        const rows = [...twin.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
        const verdicts = rows.map((row) => ({ row, verdicts: list.map((one) => term(one, row)) }));
        const matching = verdicts.filter(({ verdicts: all }) => all.every((verdict) => verdict === true)).map(({ row }) => row);
        if (by !== undefined) matching.sort((a, b) => orderOf(a, b, by[0], by[1] === ' desc') || (a.name < b.name ? -1 : 1));
        expect(answer.rows.map(({ name }) => name), text).toEqual(matching.slice(0, most).map(({ name }) => name));
        expect(answer.matched, text).toBe(matching.length);
        expect(answer.undecided, text).toEqual(verdicts.filter(({ verdicts: all }) => !all.includes(false) && all.includes('unknown')).map(({ row }) => row.name));
        expect(answer.examined).toBeLessThanOrEqual(twin.size);
        if (answer.usedIndex === 'none') expect(answer.examined).toBe(twin.size);
        for (const row of rows) for (const one of FACTS) expect(lookUp(row, one, false).state === 'unknown', `${row.name} ${one}`).toBe(see(row, one) === 'unknown');
      }
    }
    expect(index.size).toBe(twin.size);
    for (const row of twin.values()) expect(index.get(row.name)).toBe(row);
    expect([...index.keys].sort()).toEqual([...new Set([...twin.values()].flatMap((row) => [...Object.keys(row.labels), ...row.properties.map(({ name }) => name)]))].sort());
  }), { numRuns: 600 });
});

const fleet = (count: number): ReturnType<typeof createFleetIndex> => {
  const index = createFleetIndex();
  for (let number = 0; number < count; number++) {
    index.put({
      name: `c${number}`, labels: { region: number % 10 === 0 ? 'eu' : 'us', serial: String(number) }, properties: [],
      facts: { 'agent-version': fact(`1.${number % 8}.0`), 'last-change': fact(new Date(NOW - number * 60_000).toISOString()), ready: fact(number % 50 !== 0) },
    });
  }
  return index;
};

test.each([
  ['region=eu', 'region (value)', 100],
  ['region=eu,serial=120', 'serial (value)', 1],
  ['serial=12*', 'serial (beginning)', 11],
  ['name in (c1,c2)', 'name (value)', 2],
  ['agent-version<1.1', 'agent-version (order)', 125],
  ['last-change<10m', 'last-change (order)', 10],
  ['!ready', 'ready (value)', 20],
  ['ready', 'none', 1000],
  ['region!=us', 'none', 1000],
  ['region=us', 'none', 1000],
  ['', 'none', 1000],
])('%j uses %s', (text, usedIndex, examined) => {
  const parsed = parseQuery(text);
  expect('query' in parsed && fleet(1000).run(parsed.query, NOW)).toMatchObject({ usedIndex, examined });
});

test('keys beyond the most that are kept are indexed again when they are asked for', () => {
  const index = fleet(20);
  for (let number = 0; number < 100; number++) {
    const parsed = parseQuery(`key${number}=x`);
    expect('query' in parsed && index.run(parsed.query, NOW).matched).toBe(0);
  }
  index.put({ name: 'c1', labels: { region: 'eu' }, properties: [], facts: {} });
  const parsed = parseQuery('region=eu');
  expect('query' in parsed && index.run(parsed.query, NOW).rows.map(({ name }) => name)).toEqual(['c0', 'c1', 'c10']);
});
