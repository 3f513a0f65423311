/** What stores of both kinds must let go of ended runs, and must not. */
import { expect, test } from 'vitest';
import type { RunTarget } from '../../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../../mesh/ports/records.ts';
import { frozen, step, target, told } from './runs-suite.ts';

export function oldRunsSuite(open: () => Promise<RecordStore>): void {
  test('of ended runs goes what nobody is assigned by, takes back or holds; the last that told a cluster something stays', async () => {
    const store = await open();
    const ended = (cluster: string, toId: string, at: number, more: Partial<RunTarget> = {}): RunTarget => target(cluster, { toId, phase: 'Done', assignedAt: at, finishedAt: at, ...more });
    const make = async (run: string, finishedAt: number | null, row: RunTarget, undoOf: string | null = null): Promise<void> => {
      await store.createRun(run, frozen(run, [row], { finishedAt, undoOf, revisions: [row.fromId, row.toId, row.backId].flatMap((id) => (id == null ? [] : [{ id, cluster: row.cluster, content: '{}' }])) }));
    };
    await make('first', 10, ended('a', 'a-1', 10, { fromId: 'a-0', backId: 'a-back' }));
    await make('second', 20, ended('a', 'a-2', 20, { fromId: 'a-1' }));
    await make('assigning', 15, ended('b', 'b-1', 15));
    await store.saveProgress(step('assigning', 1, { finishedAt: 15, phase: 'Completed', assignments: [told('assigning', 'b', 'b-1')] }));
    await make('later', null, ended('b', 'b-2', 30));
    await make('held', 5, ended('b', 'b-0', 5));
    await make('undone', 6, ended('b', 'b-x', 6));
    await make('undoing', 40, ended('c', 'c-1', 40), 'undone');
    const keep = (): Promise<ReadonlySet<string>> => Promise.resolve(new Set(['held']));
    expect(await store.dropRun(5, () => Promise.reject(new Error('asked where nothing can go')))).toBeUndefined();
    const dropped: string[] = [];
    for (let run = await store.dropRun(25, keep); run !== undefined; run = await store.dropRun(25, keep)) dropped.push(run);
    expect(dropped).toEqual(['first']);
    expect([await store.getRun('first'), await store.listTargets('first'), await store.listJournal('first', 9)]).toEqual([undefined, [], []]);
    expect(await store.listJournal('second', 9)).toHaveLength(1);
    await store.putRevisions(Array.from({ length: 1200 }, (_, index) => ({ id: `loose-${index}`, cluster: 'a', content: '{}' })));
    let parts = 0;
    for (let after: string | undefined = ''; after !== undefined; after = await store.dropRevisions(after)) parts += 1;
    expect(parts).toBe(3);
    const kept = await Promise.all(['a-0', 'a-back', 'a-1', 'a-2', 'b-1', 'b-2', 'b-0', 'b-x', 'c-1', 'loose-0', 'loose-1199'].map(async (id) => (await store.getRevision(id) === undefined ? [] : [id])));
    expect(kept.flat()).toEqual(['a-1', 'a-2', 'b-1', 'b-2', 'b-0', 'b-x', 'c-1']);
    await store.close();
  });
}
