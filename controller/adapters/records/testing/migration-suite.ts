/** A database with the tables and rows of the first version becomes one of this version. */
import type { Kysely } from 'kysely';
import { expect, test } from 'vitest';
import { NEW_RUN_STATE } from '../../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../../mesh/ports/records.ts';
import { migrate } from '../migrations/index.ts';
import type { Dialect, Tables } from '../tables.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 4, 4, 12);
const AGENT = 'spiffe://example.org/cluster/oslo';

export function migrationSuite(dialect: Dialect, database: () => Kysely<Tables>, open: () => Promise<RecordStore>): void {
  test('rows of the first version become states of every day and runs, and keep their order', async () => {
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
    const oldTarget = { run: 'europe-1', cluster: 'oslo', stage: 0, from_id: null, to_id: 'sha256-a', phase: 'Assigned', assigned_at: START, healthy_at: null, finished_at: null, message: 'told' };
    await old.insertInto('run_targets').values(oldTarget as never).execute();
    await old.insertInto('assignments').values({ cluster: 'oslo', desired_id: 'sha256-a', run: 'europe-1', stage: 'canary', assigned_at: START } as never).execute();
    const said = (run: string, at: number, cluster: string, event: string) => ({ run, at, cluster, event, message: `${run} ${event}` });
    await old.insertInto('journal').values([said('europe-0', 1, '', 'Created'), said('europe-0', 2, '', 'Completed'), said('europe-1', START, '', 'Created'), said('europe-1', START, 'oslo', 'Assigned')]).execute();
    await old.insertInto('revisions').values({ id: 'sha256-a', cluster: 'oslo', content: '{"bundles":[{"digest":"sha256-shop","package":"shop","version":"1.0.0"}],"mesh":null}' }).execute();
    await migrate(old, dialect, '0004-bundles');
    for (const digest of ['sha256-shop', 'sha256-loose']) await old.insertInto('bundles').values({ digest, content: '{}', signatures: '[]', verified_at: 1 }).execute();
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
    expect(await records.getRun('europe-0')).toMatchObject({ createdAt: 1, phase: 'Completed', finishedAt: 2, strategy: null, message: 'europe-0 Created', revision: 1 });
    expect(await records.getRun('europe-1')).toMatchObject({ createdAt: START, phase: 'Running', finishedAt: null, state: NEW_RUN_STATE, undoOf: null, joinedLater: [] });
    const row1 = { cluster: 'oslo', stage: 0, fromId: null, toId: 'sha256-a', phase: 'Assigned', assignedAt: START, healthyAt: null, finishedAt: null, message: 'told' } as const;
    expect(await records.listTargets('europe-1')).toEqual([row1]);
    const assignment = { cluster: 'oslo', desiredId: 'sha256-a', run: 'europe-1', stage: 'canary', assignedAt: START };
    expect(await records.listAssignments()).toEqual([assignment]);
    // The first generation is that of the first assignment which is counted.
    const next = { run: 'europe-1', revision: 1, targets: [{ ...row1, message: 'again' }], assignments: [assignment], journal: [], state: NEW_RUN_STATE, phase: 'Running', finishedAt: null, joinedLater: [] } as const;
    expect(await records.saveProgress(next)).toEqual([{ ...assignment, generation: 1 }]);
    expect(await records.dropBundles('', START, new Set())).toEqual({ next: undefined, dropped: 1 });
    expect(await records.getBundle('sha256-shop')).toBeDefined();
    // Of the old rows only the days are left, and they answer still.
    while (await records.compactHistory({ rowsBefore: START + 30 * DAY, statesBefore: 0 }));
    expect((await records.statesAt(START + DAY, 'bergen')).get('bergen')).toEqual({ nodes: '{"ready":719}' });
    await records.close();
  });
}
