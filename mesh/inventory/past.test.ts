import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClusterFields } from '../model/cluster-fields.ts';
import { createFleetIndex } from './fleet-index.ts';
import { indexOf, keysOf } from './past.ts';
import { parseQuery } from './query.ts';
import { rowOf } from './row.ts';

const NOW = Date.UTC(2030, 0, 1);
const value = fc.constantFrom('europe', 'eu-1', '3', '1.4.0', 'true', '');
const fieldsArbitrary: fc.Arbitrary<ClusterFields> = fc.record({
  'labels.region': value.map((text) => JSON.stringify(text)), 'labels.ready': value.map((text) => JSON.stringify(text)), 'labels.broken': fc.constantFrom('{', '7', '"x"'),
  'properties.region': value.map((text) => JSON.stringify({ value: text, source: 'observed', observedAt: '2029-12-31T00:00:00.000Z' })),
  agentVersion: value.map((text) => JSON.stringify(text)), 'conditions.Ready': fc.constantFrom('True', 'False').map((status) => JSON.stringify({ status, reason: 'R', lastTransitionTime: '2029-12-31T00:00:00.000Z' })),
}, { requiredKeys: [] });
const term = fc.constantFrom('region=eu*', 'region!=europe', '!region', 'region', 'ready', '!ready', 'ready=true', 'region>2', 'region in (3,eu-1)', 'agent-version<1.5', 'name=c-1', 'name!=c-*', 'broken=x', 'broken', '!broken');
const tail = fc.constantFrom('', ' order by region desc', ' order by agent-version limit 2');

test('what labels exclude would not have matched, and nothing else is excluded', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fieldsArbitrary, { maxLength: 8 }), fc.array(term, { maxLength: 4 }), tail, async (all, terms, end) => {
    const states = new Map(all.map((fields, at) => [`c-${at}`, fields]));
    const whole = createFleetIndex();
    for (const [name, fields] of states) whole.put(rowOf(name, fields));
    const parsed = parseQuery(`${terms.join(',')}${end}`);
    if ('problem' in parsed) throw new Error(parsed.problem);
    const [mine, theirs] = [(await indexOf(states, parsed.query, NOW, () => Promise.resolve())).run(parsed.query, NOW), whole.run(parsed.query, NOW)];
    expect([mine.rows, mine.matched, mine.undecided]).toEqual([theirs.rows, theirs.matched, theirs.undecided]);
  }), { numRuns: 500 });
});

test('others have the thread now and then', async () => {
  const states = new Map(Array.from({ length: 1000 }, (_, at): [string, ClusterFields] => [`c-${at}`, { 'labels.region': at < 600 ? '"europe"' : '"us"' }]));
  let pauses = 0;
  const parsed = parseQuery('region=europe');
  if ('problem' in parsed) throw new Error(parsed.problem);
  expect((await indexOf(states, parsed.query, NOW, () => { pauses += 1; return Promise.resolve(); })).size).toBe(600);
  expect(pauses).toBe(2);
});

test('keys are those of labels and properties, then and today, once each', () => {
  const states = new Map<string, ClusterFields>([['a', { 'labels.region': '"x"', 'properties.team': '{}', nodes: '{}' }], ['b', { 'labels.region': '"y"', 'labels.stage': '"z"' }]]);
  const keys = keysOf(states, new Set(['tier', 'team']));
  expect([...keys]).toEqual(['tier', 'team', 'region', 'stage']);
  expect(['region', 'team', 'tier', 'nodes', 'labels.region'].map((key) => keys.has(key))).toEqual([true, true, true, false, false]);
});
