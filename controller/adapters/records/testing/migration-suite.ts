/** A database with the tables and rows of the first version becomes one of this version. */
import type { Kysely } from 'kysely';
import { expect, test } from 'vitest';
import type { RecordStore } from '../../../../mesh/ports/records.ts';
import { migrate } from '../migrations/index.ts';
import type { Dialect, Tables } from '../tables.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 4, 4, 12);
const AGENT = 'spiffe://example.org/cluster/oslo';

export function migrationSuite(dialect: Dialect, database: () => Kysely<Tables>, open: () => Promise<RecordStore>): void {
  test('rows of the first version become states of every day and keep their order', async () => {
    const old = database();
    await migrate(old, dialect, '0001-records');
    const row = (cluster: string, at: number, field: string, before: string | null, after: string | null, by: string) => ({ cluster, at, field, before, after, by_whom: by });
    const many = Array.from({ length: 2500 }, (_, index) => row('bergen', START + index * 60_000, 'nodes', index === 0 ? null : `{"ready":${index - 1}}`, `{"ready":${index}}`, AGENT));
    const rows = [
      row('oslo', START, 'properties.region', null, '"europe"', 'hub'),
      row('oslo', START, 'conditions.Ready', null, '{"reason":"Ready","status":"True"}', 'hub'),
      row('oslo', START + 1, 'properties.country', null, '"no"', AGENT),
      row('oslo', START + DAY, 'properties.country', '"no"', '"se"', AGENT),
      row('oslo', START + 3 * DAY, 'properties.region', '"europe"', null, 'hub'),
    ];
    for (let index = 0; index < many.length; index += 100) await old.insertInto('history').values([...index === 0 ? rows : [], ...many.slice(index, index + 100)] as never).execute();
    await old.destroy();

    const records = await open();
    const property = (value: string, source: string, at: number) => JSON.stringify({ observedAt: new Date(at).toISOString(), source, value });
    const ready = `{"lastTransitionTime":"${new Date(START).toISOString()}","reason":"Ready","status":"True"}`;
    const at = async (moment: number) => (await records.statesAt(moment, 'oslo')).get('oslo');
    expect(await at(START - 1)).toBeUndefined();
    expect(await at(START)).toEqual({ 'properties.region': property('europe', 'declared', START), 'conditions.Ready': ready });
    expect(await at(START + DAY - 1)).toEqual({ 'properties.region': property('europe', 'declared', START), 'conditions.Ready': ready, 'properties.country': property('no', 'observed', START + 1) });
    expect(await at(START + 2 * DAY)).toMatchObject({ 'properties.country': property('se', 'observed', START + DAY) });
    expect((await records.listStates()).get('oslo')).toEqual({ 'conditions.Ready': ready, 'properties.country': property('se', 'observed', START + DAY) });
    expect((await records.listHistory({ cluster: 'oslo', field: 'properties.country', limit: 5 }))).toEqual([
      { cluster: 'oslo', at: START + DAY, field: 'properties.country', before: property('no', 'observed', START + 1), after: property('se', 'observed', START + DAY), by: AGENT, run: null, reason: null, approvedBy: [] },
      { cluster: 'oslo', at: START + 1, field: 'properties.country', before: null, after: property('no', 'observed', START + 1), by: AGENT, run: null, reason: null, approvedBy: [] },
    ]);
    for (const index of [0, 1, 719, 720, 721, 1500, 2499]) expect((await records.statesAt(START + index * 60_000, 'bergen')).get('bergen')).toEqual({ nodes: `{"ready":${index}}` });
    // Of the old rows only the days are left, and they answer still.
    while (await records.compactHistory({ rowsBefore: START + 30 * DAY, statesBefore: 0 }));
    expect((await records.statesAt(START + DAY, 'bergen')).get('bergen')).toEqual({ nodes: '{"ready":719}' });
    await records.close();
  });
}
