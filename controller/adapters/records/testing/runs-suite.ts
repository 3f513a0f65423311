/** What stores of both kinds must do with runs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JournalEntry } from '../../../../mesh/model/history.ts';
import { NEW_RUN_STATE, type RunState, type RunTarget, type StrategyValue } from '../../../../mesh/model/rollout.ts';
import { type NewRun, type RecordStore, RunMoved, type RunStepRecord } from '../../../../mesh/ports/records.ts';

const strategy: StrategyValue = { name: 'careful', progressDeadlineSeconds: 60, stages: [{ name: 'all', clusters: {}, maxConcurrency: '10%', soakSeconds: 5 }] };
export const target = (cluster: string, more: Partial<RunTarget> = {}): RunTarget =>
  ({ cluster, stage: 0, fromId: null, toId: `sha256-${cluster}`, phase: 'Pending', assignedAt: null, healthyAt: null, finishedAt: null, message: '', ...more });
const journal = (run: string, event: JournalEntry['event'], cluster = ''): JournalEntry => ({ run, at: 5, cluster, event, message: '' });
export const frozen = (run: string, targets: readonly RunTarget[], more: Partial<NewRun> = {}): NewRun => ({
  uid: 'u-1', createdAt: 1_700_000_000_001, author: 'ann', changes: 'Plan', strategy, strategyDigest: 'sha256-s', undoOf: null, message: 'created', warnings: ['both'],
  state: NEW_RUN_STATE, phase: 'Running', finishedAt: null, joinedLater: [], targets, journal: [journal(run, 'Created')], ...more,
});
export const step = (run: string, revision: number, more: Partial<RunStepRecord>): RunStepRecord =>
  ({ run, revision, targets: [], assignments: [], journal: [], state: NEW_RUN_STATE, phase: 'Running', finishedAt: null, joinedLater: [], ...more });
export const told = (run: string, cluster: string, desiredId: string, assignedAt = 7) => ({ cluster, desiredId, run, stage: 'all', assignedAt });
const state: RunState = {
  ...NEW_RUN_STATE, gates: { 'all/before/people': { phase: 'Passed', since: 3, finishedAt: 4, message: 'ann and "ben" \u00fc', approvedBy: ['ann', 'ben'] } },
  acceptedFailures: ['a'], stageStartedAt: { 0: 5 }, stopped: { at: 6, by: 'Gate', reason: 'why' },
};

export function runsSuite(open: () => Promise<RecordStore>): void {
  let store: RecordStore;
  beforeAll(async () => { store = await open(); });
  afterAll(() => store.close());

  test('a run is frozen once, with all that it is frozen to', async () => {
    const { targets: _targets, journal: _journal, ...kept } = frozen('once', []);
    expect(await store.createRun('once', frozen('once', [target('b'), target('a')]))).toBe(true);
    expect(await store.createRun('once', frozen('once', [target('z')], { author: 'ben' }))).toBe(false);
    expect((await store.listTargets('once')).map((row) => row.cluster)).toEqual(['a', 'b']);
    expect(await store.listJournal('once', 10)).toEqual([journal('once', 'Created')]);
    expect(await store.getRun('once')).toEqual({ ...kept, run: 'once', revision: 1 });
    expect(await store.getRun('never')).toBeUndefined();
  });

  test('the journal of all runs is read on from where it was left', async () => {
    const before = await store.lastJournalSequence();
    await store.createRun('numbered', frozen('numbered', [target('a')]));
    await store.saveProgress(step('numbered', 1, { journal: [journal('numbered', 'Assigned', 'a'), journal('numbered', 'Done', 'a')] }));
    const entries = await store.listJournalAfter(before, 2);
    expect(entries.map(({ sequence: _, ...entry }) => entry)).toEqual([journal('numbered', 'Created'), journal('numbered', 'Assigned', 'a')]);
    expect(entries[0]!.sequence).toBeGreaterThan(before);
    const [last, ...none] = await store.listJournalAfter(entries[1]!.sequence, 10);
    expect([last, none]).toEqual([{ ...journal('numbered', 'Done', 'a'), sequence: await store.lastJournalSequence() }, []]);
  });

  test('two that freeze the same run at once: one of them does', async () => {
    const made = await Promise.all(['x', 'y'].map((cluster) => store.createRun('race', frozen('race', [target(cluster)]))));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await store.listTargets('race')).toHaveLength(1);
  });

  test('every field of a row comes back, rows in the order of their stage', async () => {
    const rows = [
      target('z', { order: 0, group: 1, backId: 'sha256-back', failingBefore: true, fast: true, fromId: 'sha256-from' }),
      target('a', { order: 1, phase: 'RolledBack', assignedAt: 1, generation: 4, healthyAt: 2, finishedAt: 3, rolledBackAt: 2, message: 'back' }),
      target('m', { stage: 1 }),
    ];
    await store.createRun('rows', frozen('rows', [rows[2]!, rows[1]!, rows[0]!]));
    expect(await store.listTargets('rows')).toEqual(rows);
  });

  test('progress moves rows, state, assignments and journal together, and gives generations', async () => {
    await store.createRun('progress', frozen('progress', [target('a'), target('b')]));
    const moved = target('a', { phase: 'Assigned', assignedAt: 7, message: 'told' });
    expect(await store.saveProgress(step('progress', 1, { targets: [moved], assignments: [told('progress', 'a', 'sha256-a')], journal: [journal('progress', 'Assigned', 'a')], state, phase: 'Soaking', joinedLater: ['late'] })))
      .toEqual([{ ...told('progress', 'a', 'sha256-a'), generation: 1 }]);
    expect(await store.listTargets('progress')).toEqual([{ ...moved, generation: 1 }, target('b')]);
    expect(await store.getRun('progress')).toMatchObject({ revision: 2, state, phase: 'Soaking', finishedAt: null, joinedLater: ['late'], author: 'ann', strategy });
    const given = await store.saveProgress(step('progress', 2, { assignments: [told('progress', 'a', 'sha256-a', 8), told('progress', 'b', 'sha256-b', 8)], finishedAt: 9 }));
    expect(given.map(({ cluster, generation }) => [cluster, generation])).toEqual([['a', 2], ['b', 1]]);
    expect(await store.listAssignments()).toEqual(given);
    expect(await store.getRun('progress')).toMatchObject({ revision: 3, finishedAt: 9, state: NEW_RUN_STATE });
  });

  test('progress that was decided on rows of the past is refused and leaves nothing', async () => {
    await store.createRun('moved', frozen('moved', [target('m')]));
    const assigned = step('moved', 1, { targets: [target('m', { phase: 'Assigned' })], assignments: [told('moved', 'm', 'sha256-m')], journal: [journal('moved', 'Assigned', 'm')] });
    const saved = await Promise.allSettled([store.saveProgress(assigned), store.saveProgress(assigned)]);
    expect(saved.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((saved.find((one) => one.status === 'rejected') as PromiseRejectedResult).reason).toBeInstanceOf(RunMoved);
    expect((await store.listAssignments()).find(({ cluster }) => cluster === 'm')).toMatchObject({ generation: 1 });
    expect(await store.listJournal('moved', 10)).toHaveLength(2);
    await expect(store.saveProgress(step('never', 1, {}))).rejects.toThrow(RunMoved);
  });

  test('progress that fails half-way leaves nothing', async () => {
    await store.createRun('half', frozen('half', [target('h')]));
    const bad = { ...journal('half', 'Assigned'), event: undefined as unknown as 'Assigned' };
    await expect(store.saveProgress(step('half', 1, { targets: [target('h', { phase: 'Failed' })], assignments: [told('half', 'h', 'sha256-h')], journal: [bad], state }))).rejects.toThrow();
    expect(await store.listTargets('half')).toEqual([target('h')]);
    expect(await store.getRun('half')).toMatchObject({ revision: 1, state: NEW_RUN_STATE });
    expect((await store.listAssignments()).some(({ cluster }) => cluster === 'h')).toBe(false);
  });

  test('a thousand rows move at once', async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => target(`c-${String(index).padStart(4, '0')}`));
    await store.createRun('many', frozen('many', rows));
    const moved = rows.map((row): RunTarget => ({ ...row, phase: 'Assigned', assignedAt: 7 }));
    await store.saveProgress(step('many', 1, { targets: moved, assignments: rows.map(({ cluster, toId }) => told('many', cluster, toId)) }));
    expect(await store.listTargets('many')).toEqual(moved.map((row) => ({ ...row, generation: 1 })));
  });

  test('until when a cluster had a state that it was done with', async () => {
    const done = (toId: string, assignedAt: number, fromId: string | null) => target('f', { fromId, toId, phase: 'Done', assignedAt });
    await store.createRun('f-1', frozen('f-1', [done('sha256-x', 100, null)]));
    await store.createRun('f-2', frozen('f-2', [done('sha256-y', 200, 'sha256-x')]));
    await store.createRun('f-3', frozen('f-3', [target('f', { fromId: 'sha256-y', toId: 'sha256-z', phase: 'Failed', assignedAt: 300 })]));
    const ask = (desiredId: string, since: number) => store.lastHealthyOn([{ cluster: 'f', desiredId }], since);
    expect(await ask('sha256-x', 150)).toEqual(new Map([['f', 200]]));
    expect(await ask('sha256-x', 201)).toEqual(new Map());
    expect(await ask('sha256-y', 150)).toEqual(new Map([['f', 300]]));
    expect(await ask('sha256-z', 0)).toEqual(new Map());
  });
}
