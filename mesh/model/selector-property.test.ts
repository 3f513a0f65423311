/** Selectors against a deliberately dumb twin over generated fleets. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClusterSelector, matchesSelector, selectorProblem, type SelectorSubject, subjectProblem } from './selector.ts';
import type { SelectorFact } from './selector-lookup.ts';
import { selectorReach } from './selector-reach.ts';

const some = <T>(...values: T[]) => fc.constantFrom(...values);
const keys = some('env', 'region', 'team', 'tier', 'joined', 'agent-version', 'nodes', 'architecture', 'ready', 'issuer', 'issuing-ca-generation');
const NONE: SelectorFact = { value: '', values: [] };
const values = some('production', 'staging', 'eu-north', 'eu-west', '', '3', '10', '1.9.0', '1.10.0', 'amd64', 'true', '2026-01-01T00:00:00Z');
const globs = fc.oneof(values, some('*', 'eu-*', '?', 'prod*n', '1.*', '*64', 'tru?'));

const subjects: fc.Arbitrary<SelectorSubject> = fc.record({
  name: some('oslo', 'berlin', 'paris', 'oslo-2', 'eu-1'),
  labels: fc.dictionary(keys, values, { maxKeys: 3 }),
  properties: fc.array(fc.record({ name: keys, value: values, source: some('declared', 'observed') }), { maxLength: 2 }),
  facts: fc.record({
    joined: some(true, false).map((value) => ({ value })), ready: some(true, false).map((value) => ({ value })), 'agent-version': some('1.9.0', '1.10.0').map((value) => ({ value })),
    nodes: some(3, 10).map((value) => ({ value })), architecture: some([], ['amd64'], ['amd64', 'arm64']).map((list) => ({ value: list.join(','), values: list })),
    issuer: some<SelectorFact>({ value: '3' }, { value: 'production' }, NONE), 'issuing-ca-generation': some<SelectorFact>({ value: 3 }, { value: 10 }, NONE),
  }, { requiredKeys: [] }),
});

const entries = fc.dictionary(keys, fc.oneof(globs, fc.array(globs, { minLength: 1, maxLength: 3 })), { minKeys: 1, maxKeys: 2 });
const expressions = fc.array(fc.oneof(
  fc.record({ key: keys, operator: some('In' as const, 'NotIn' as const), values: fc.array(globs, { minLength: 1, maxLength: 2 }) }),
  fc.record({ key: keys, operator: some('Exists' as const, 'DoesNotExist' as const) }),
  fc.record({ key: some('agent-version'), operator: some('Gt' as const, 'Ge' as const, 'Lt' as const, 'Le' as const), values: some(['1.9'], ['1.10.0']) }),
  fc.record({ key: some('nodes', 'tier', 'issuing-ca-generation'), operator: some('Gt' as const, 'Ge' as const, 'Lt' as const, 'Le' as const), values: some(['3'], ['9.5']) }),
), { minLength: 1, maxLength: 2 });
/** With what the twin thinks of each. */
const conditions: Readonly<Record<string, (subject: SelectorSubject) => boolean>> = {
  'cluster.name == "oslo"': ({ name }) => name === 'oslo',
  'labels.env == "production"': ({ labels }) => labels['env'] === 'production',
  '!("team" in labels)': ({ labels }) => !Object.hasOwn(labels, 'team'),
  'facts.nodes >= 10 || cluster.name.startsWith("eu")': ({ facts, name }) => Number(facts?.['nodes']?.value ?? 0) >= 10 || name.startsWith('eu'),
  'facts["issuing-ca-generation"] >= 10': ({ facts }) => Number(facts?.['issuing-ca-generation']?.value ?? 0) >= 10,
  'has(facts.issuer) && facts.issuer == "production"': ({ facts }) => facts?.['issuer']?.value === 'production',
  'facts.architecture.exists(one, one == "arm64")': ({ facts }) => facts?.['architecture']?.values?.includes('arm64') === true,
};
const selectors: fc.Arbitrary<ClusterSelector> = fc.record({
  labels: entries, exclude_labels: entries, names: fc.array(some('oslo*', 'berlin', '?u-1', '*'), { minLength: 1, maxLength: 2 }), match_expressions: expressions, cel: some(...Object.keys(conditions)),
}, { requiredKeys: [] });

const FACTS: Readonly<Record<string, string>> = { joined: 'boolean', ready: 'boolean', 'agent-version': 'version', nodes: 'number', architecture: 'list', issuer: 'text', 'issuing-ca-generation': 'number' };
const OF_THE_HUB = ['joined', 'ready', 'issuer', 'issuing-ca-generation'];

function see(subject: SelectorSubject, key: string): readonly string[] | 'unknown' | undefined {
  if (Object.hasOwn(subject.labels, key)) return [subject.labels[key]!];
  const property = subject.properties.find(({ name, source }) => name === key && !(source === 'observed' && OF_THE_HUB.includes(key)));
  if (property !== undefined) return [property.value];
  if (!Object.hasOwn(FACTS, key)) return undefined;
  const fact = key === 'ready' ? undefined : subject.facts?.[key];
  if (fact === undefined) return 'unknown';
  return fact === NONE ? undefined : fact.values ?? [String(fact.value)];
}

const glob = (pattern: string, text: string): boolean => new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
const listed = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value);
const among = (subject: SelectorSubject, key: string, patterns: readonly string[]): boolean | 'unknown' => {
  const seen = see(subject, key);
  return seen === 'unknown' ? seen : seen !== undefined && seen.some((text) => patterns.some((pattern) => glob(pattern, text)));
};
/** Small versions and numbers; a number and a version of one dot are told apart by the key. */
const measure = (key: string, text: string): number => {
  if (key !== 'agent-version') return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const [major, minor, patch] = /^\d+(\.\d+){0,2}$/.test(text) ? text.split('.').map(Number) : [];
  return major === undefined ? Number.NaN : major * 1e6 + (minor ?? 0) * 1e3 + (patch ?? 0);
};

/** A key that some label or declared property stands in for is left to the tests of the index: what it may be compared as depends on the text. */
const isPlain = (subject: SelectorSubject, key: string): boolean => !Object.hasOwn(subject.labels, key) && !subject.properties.some(({ name }) => name === key);

function twin({ labels = {}, exclude_labels = {}, names, match_expressions = [], cel }: ClusterSelector, subject: SelectorSubject): boolean {
  if (names !== undefined && !names.some((pattern) => glob(pattern, subject.name))) return false;
  for (const [key, value] of Object.entries(labels)) if (among(subject, key, listed(value)) !== true) return false;
  for (const [key, value] of Object.entries(exclude_labels)) if (among(subject, key, listed(value)) !== false) return false;
  for (const { key, operator, values: wanted = [] } of match_expressions) {
    const seen = see(subject, key);
    if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (seen === 'unknown' || (seen !== undefined) !== (operator === 'Exists')) return false;
    } else if (operator === 'In' || operator === 'NotIn') {
      if (among(subject, key, wanted) !== (operator === 'In')) return false;
    } else {
      const [value, operand] = [seen === undefined || seen === 'unknown' ? Number.NaN : measure(key, seen[0]!), measure(key, wanted[0]!)];
      if (!{ Gt: value > operand, Ge: value >= operand, Lt: value < operand, Le: value <= operand }[operator]) return false;
    }
  }
  return cel === undefined || conditions[cel]!(subject);
}

test('selector and twin agree', () => {
  fc.assert(fc.property(selectors, subjects, (selector, subject) => {
    fc.pre((selector.match_expressions ?? []).every(({ key, operator }) => !['Gt', 'Ge', 'Lt', 'Le'].includes(operator) || isPlain(subject, key)));
    expect(selectorProblem(selector)).toBeUndefined();
    expect(matchesSelector(selector, subject)).toBe(twin(selector, subject));
    if (matchesSelector(selector, subject)) expect(subjectProblem(selector, subject)).toBeUndefined();
  }), { numRuns: 3000 });
});

test('whatever a selector is made of, it is judged without an exception, and matches nothing where it has a problem', () => {
  const anything = fc.record({ labels: fc.anything(), exclude_labels: fc.anything(), names: fc.anything(), match_expressions: fc.anything(), cel: fc.anything() }, { requiredKeys: [] });
  fc.assert(fc.property(anything, subjects, (selector, subject) => {
    const problem = selectorProblem(selector as ClusterSelector);
    if (problem !== undefined) expect([matchesSelector(selector as ClusterSelector, subject), selectorReach(selector as ClusterSelector, [subject]).kind]).toEqual([false, 'invalid']);
    else matchesSelector(selector as ClusterSelector, subject);
  }), { numRuns: 2000 });
});

describe('the reach of a selector', () => {
  const fleet: readonly SelectorSubject[] = [
    { name: 'oslo', labels: { env: 'production', region: 'eu-north', team: 'web' }, properties: [], facts: { nodes: { value: 3 } } },
    { name: 'berlin', labels: { env: 'production', region: 'eu-west', team: 'payments' }, properties: [], facts: { nodes: { value: 9 } } },
    { name: 'austin', labels: { env: 'staging', region: 'us-south' }, properties: [], facts: {} },
  ];
  test.each<[ClusterSelector, string, string[], string | RegExp]>([
    [{}, 'everything', ['austin', 'berlin', 'oslo'], 'all 3 clusters match'],
    [{ labels: { env: 'production', region: 'eu-*' }, exclude_labels: { team: ['payments', 'trading'] } }, 'some', ['oslo'], '1 of 3 clusters match'],
    [{ labels: { env: 'prod' } }, 'nothing', [], 'none of 3 clusters matches'],
    [{ names: [] }, 'invalid', [], /^the selector matches no cluster, for it cannot be read: names: is an empty list/],
    [{ match_expressions: [{ key: 'nodes', operator: 'Gt', values: ['3'] }] }, 'some', ['berlin'], '1 of 3 clusters match; left out, for it cannot be said: austin (nobody has told its nodes)'],
    [{ labels: { ready: 'true' } }, 'nothing', [], /^none of 3 clusters matches; left out, for it cannot be said: austin \(ready is how a cluster is just now, which no selector goes by\), berlin/],
    [{ cel: 'labels.team == "web"' }, 'some', ['oslo'], /; left out, for it cannot be said: austin \(cel: .*team.*\)$/],
    [{ labels: { env: 'production' }, cel: 'labels.team == "web"' }, 'some', ['oslo'], '1 of 3 clusters match'],
  ])('%j', (selector, kind, matched, message) => {
    expect(selectorReach(selector, fleet)).toMatchObject({ kind, matched, of: 3, message: typeof message === 'string' ? message : expect.stringMatching(message) as unknown });
  });

  test('over no clusters is nothing, never everything', () => { expect(selectorReach({}, [])).toMatchObject({ kind: 'nothing', message: 'there is no cluster yet' }); });
});

test.each<[object, RegExp]>([
  [{ match_expressions: [{ key: '', operator: 'Exists' }] }, /^match_expressions\[0\]: has no key/],
  [{ match_expressions: [{ key: 'a', operator: 'Equals', values: ['x'] }] }, /^match_expressions\[0\]: "Equals" is no operator; use one of In, NotIn/],
  [{ match_expressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] }, /Exists takes no values/],
  [{ match_expressions: [{ key: 'a', operator: 'In' }] }, /values: is an empty list/],
  [{ match_expressions: [{ key: 'a', operator: 'In', values: [7] }] }, /values: 7 is not a text/],
  [{ match_expressions: [{ key: 'nodes', operator: 'Gt', values: ['1', '2'] }] }, /Gt takes exactly one value, not 2/],
  [{ match_expressions: [{ key: 'agent-version', operator: 'Lt', values: ['new'] }] }, /agent-version is compared with "new", which is not a version/],
  [{ match_expressions: [{ key: 'issuer', operator: 'Lt', values: ['3'] }] }, /issuer has no order/],
  [{ match_expressions: [{ key: 'joined-at', operator: 'Lt', values: ['7d'] }] }, /"7d" is an age, and what a selector selects must not depend on the hour/],
  [{ match_expressions: {} }, /^match_expressions: \{\} is no list/],
  [{ labels: 'x' }, /^labels: "x" is no map/],
  [{ cel: 'labels.env == ' }, /^cel: is no CEL/],
])('%j is refused', (selector, problem) => {
  expect(selectorProblem(selector)).toMatch(problem);
  expect(matchesSelector(selector, { name: 'oslo', labels: {}, properties: [] })).toBe(false);
});
