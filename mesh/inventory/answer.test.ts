import { describe, expect, test } from 'vitest';
import { answerHead, shownRow, toldAt } from './answer.ts';
import { createFleetIndex } from './fleet-index.ts';
import { isKey, readQuery } from './reading.ts';
import { type FleetRow, rowOf } from './row.ts';

const NOW = Date.UTC(2030, 0, 1, 12);
const condition = (status: string, at: string): string => JSON.stringify({ status, reason: 'R', lastTransitionTime: at });

const heard: FleetRow = rowOf('berlin', {
  'labels.region': '"europe"', 'labels.nodes': '"many"', agentVersion: '"1.3.2"', nodes: '{"total":3,"ready":2}', 'capabilities.zone': '["a","b"]', 'spec.frozen': '{"reason":"r","until":"2030-01-01T11:00:00Z"}',
  'conditions.Connected': condition('False', '2030-01-01T11:58:00.000Z'), 'properties.tier': JSON.stringify({ value: '1', source: 'declared', observedAt: '2029-01-01T00:00:00.000Z' }),
});
const never: FleetRow = rowOf('oslo', { 'labels.region': '"europe"', 'conditions.Connected': condition('False', '2030-01-01T11:58:00.000Z') });

async function asked(text: string, columns: readonly string[], rows: readonly FleetRow[] = [heard, never]): Promise<Awaited<ReturnType<typeof answerHead>> & { readonly shown: ReturnType<typeof shownRow>[] }> {
  const index = createFleetIndex();
  for (const row of rows) index.put(row);
  const read = readQuery(text, undefined, index.keys);
  if ('problem' in read) throw new Error(read.problem);
  const answered = await answerHead({ keys: index.keys, index: () => Promise.resolve(index), total: index.size, from: 'memory', at: NOW, heardAt: toldAt(NOW), notes: [] }, text, read, columns);
  return { ...answered, shown: answered.rows.map((row) => shownRow(row, answered.head)) };
}

describe('rows', () => {
  test('have values of their kind: lists, numbers, truth at that moment, and labels as text', async () => {
    expect((await asked('name=berlin', ['zone', 'nodes', 'nodes-ready', 'frozen', 'agent-version', 'tier'])).shown[0]).toEqual({
      name: 'berlin', columns: { zone: ['a', 'b'], nodes: 'many', 'nodes-ready': 2, frozen: false, 'agent-version': '1.3.2', tier: '1' }, unknown: [], ageSeconds: 120,
    });
  });
  test('tell what is unknown from what is not there', async () => {
    const [berlin, oslo] = (await asked('region=europe', ['team', 'cilium-version', 'region'])).shown;
    expect([berlin?.unknown, oslo?.unknown]).toEqual([['cilium-version'], ['team', 'cilium-version']]);
    expect([berlin?.ageSeconds, oslo?.ageSeconds]).toEqual([120, null]);
  });
  test('name unknown keys of the query, too', async () => {
    expect((await asked('!team,region=europe', [])).shown[1]?.unknown).toEqual(['team']);
  });
});

describe('sources', () => {
  test('tell the newest and the oldest word, and of whom there is none', async () => {
    expect((await asked('', [])).head.answer.sources).toEqual([
      { source: 'declared', clusters: 2, newestAt: '2030-01-01T12:00:00.000Z', oldestAt: '2030-01-01T12:00:00.000Z', oldest: null, never: 0 },
      { source: 'observed', clusters: 1, newestAt: '2030-01-01T11:58:00.000Z', oldestAt: '2030-01-01T11:58:00.000Z', oldest: 'berlin', never: 1 },
      { source: 'hub', clusters: 2, newestAt: '2030-01-01T12:00:00.000Z', oldestAt: '2030-01-01T12:00:00.000Z', oldest: null, never: 0 },
    ]);
    expect((await asked('name=nobody', [])).head.answer.sources.map(({ clusters, newestAt }) => [clusters, newestAt])).toEqual([[0, null], [0, null], [0, null]]);
  });
});

test('an order that is asked for replaces the query\'s own, its limit stays', () => {
  const read = readQuery('region order by name limit 3', 'nodes desc, region', new Set(['region']));
  expect(read).toMatchObject({ query: { orderBy: [{ key: 'nodes', descending: true }, { key: 'region', descending: false }], limit: 3 }, keys: ['region', 'nodes'], notes: [] });
  expect(readQuery('region', 'name limit 3', new Set(['region']))).toEqual({ problem: 'an order has no limit; give the query one', column: 15, text: 'order by name limit 3' });
  expect(readQuery('region', 'name limit', new Set(['region']))).toMatchObject({ problem: expect.any(String), text: 'order by name limit' });
});

test.each([['region', true], ['example.com/team', true], ['a,b', false], ['a desc', false], ['', false], ['a limit 1', false], ['-a', false]])('%j is a key: %s', (text, expected) => {
  expect(isKey(text)).toBe(expected);
});
