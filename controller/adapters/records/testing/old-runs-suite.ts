/** What stores of both kinds must let go of ended runs, and must not. */
import { expect, test } from 'vitest';
import type { RunTarget } from '../../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../../mesh/ports/records.ts';
import { frozen, step, target, told } from './runs-suite.ts';

const digestOf = (name: string): string => `sha256-${name}`;
const state = (...names: readonly string[]): string => JSON.stringify({ bundles: names.map((name) => ({ digest: digestOf(name), package: name, version: '1.0.0' })), mesh: null });

/** `name`: of a database that has nothing yet. */
export function oldRunsSuite(open: (name: string) => Promise<RecordStore>): void {
  test('of ended runs goes what nobody is assigned by, takes back or holds; the last that told a cluster something stays', async () => {
    const store = await open('old_runs');
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
    expect([await store.listTargets('first'), await store.listJournal('first', 9)]).toEqual([[], []]);
    expect(await store.getRun('first')).toMatchObject({ author: 'ann', finishedAt: 10, summaryOnly: true });
    expect(await store.getRun('second')).not.toHaveProperty('summaryOnly');
    expect(await store.listJournal('second', 9)).toHaveLength(1);
    await store.putRevisions(Array.from({ length: 1200 }, (_, index) => ({ id: `loose-${index}`, cluster: 'a', content: '{}' })));
    let parts = 0;
    for (let after: string | undefined = ''; after !== undefined; after = await store.dropRevisions(after)) parts += 1;
    expect(parts).toBe(3);
    const kept = await Promise.all(['a-0', 'a-back', 'a-1', 'a-2', 'b-1', 'b-2', 'b-0', 'b-x', 'c-1', 'loose-0', 'loose-1199'].map(async (id) => (await store.getRevision(id) === undefined ? [] : [id])));
    expect(kept.flat()).toEqual(['a-1', 'a-2', 'b-1', 'b-2', 'b-0', 'b-x', 'c-1']);
    await store.close();
  });

  test('a summary stays for a time of its own, and no longer takes what it took back', async () => {
    const store = await open('summaries');
    const make = (run: string, finishedAt: number, undoOf: string | null = null): Promise<boolean> => store.createRun(run, frozen(run, [target('a', { phase: 'Skipped', finishedAt })], { finishedAt, undoOf }));
    await make('undone', 5);
    await make('undo', 10, 'undone');
    await make('held', 6);
    await store.putReport('run-changes/undo', '[]');
    await store.putReport('other/undo', '[]');
    const held = (): Promise<ReadonlySet<string>> => Promise.resolve(new Set(['held']));
    expect([await store.dropRun(20, held), await store.dropRun(20, held), await store.dropRun(20, held)]).toEqual(['undo', 'undone', undefined]);
    expect([await store.getReport('run-changes/undo'), await store.getReport('other/undo')]).toEqual([undefined, '[]']);
    const nobody = (): Promise<ReadonlySet<string>> => Promise.reject(new Error('asked where nothing can go'));
    expect(await store.dropSummaries(5, nobody)).toBe(false);
    expect(await store.dropSummaries(10, () => Promise.resolve(new Set(['undone'])))).toBe(false);
    expect(await store.getRun('undone')).toBeDefined();
    expect(await store.dropSummaries(20, () => Promise.resolve(new Set(['undo'])))).toBe(false);
    expect((await Promise.all(['undone', 'undo', 'held'].map((run) => store.getRun(run)))).map((run) => run?.run)).toEqual([undefined, 'undo', 'held']);
    await store.close();
  });

  test('reports go that nothing has needed for a time, and were not stored again; of runs none that has rows', async () => {
    const store = await open('reports');
    await store.createRun('begun', frozen('begun', [target('a')]));
    for (const name of ['run-changes/begun', 'run-changes/made', 'run-changes/never', 'run-changes/again', 'drill/begun', 'drill/held', 'editors']) await store.putReport(name, name);
    const sweep = (kind: 'run-changes/' | 'drill/', at: number, unneededBefore: number, ...keep: string[]): Promise<string | undefined> => store.dropReports(kind, '', { at, unneededBefore, keep: () => Promise.resolve(new Set(keep)) });
    const left = async (): Promise<string[]> => {
      const names = ['run-changes/begun', 'run-changes/made', 'run-changes/never', 'run-changes/again', 'drill/begun', 'drill/held', 'editors'];
      return (await Promise.all(names.map(async (name) => (await store.getReport(name) === undefined ? [] : [name])))).flat();
    };
    const all = await left();
    expect(await sweep('run-changes/', 100, 99, 'made')).toBeUndefined();
    await sweep('drill/', 100, 99, 'held');
    expect(await left(), 'nobody has said before that they are not needed').toEqual(all);
    await store.putReport('run-changes/again', 'anew');
    await sweep('run-changes/', 200, 100, 'made');
    expect(await left(), 'not yet for long enough').toEqual(all);
    await sweep('run-changes/', 201, 101, 'made');
    expect(await left()).toEqual(all.filter((name) => name !== 'run-changes/never'));
    // What was needed in between counts from then on.
    await sweep('drill/', 150, 99, 'begun', 'held');
    await sweep('drill/', 300, 200, 'held');
    expect(await left()).toContain('drill/begun');
    await sweep('drill/', 400, 301, 'held');
    expect(await left()).toEqual(['run-changes/begun', 'run-changes/made', 'run-changes/again', 'drill/held', 'editors']);
    for (let index = 0; index < 501; index += 1) await store.putReport(`drill/many-${String(index).padStart(3, '0')}`, '{}');
    const next = await sweep('drill/', 500, 400, 'held');
    expect(next).toBe('many-498');
    let asked = 0;
    expect(await store.dropReports('drill/', next ?? '', { at: 500, unneededBefore: 400, keep: () => { asked += 1; return Promise.resolve(new Set()); } })).toBeUndefined();
    expect(await store.dropReports('drill/', 'zzz', { at: 500, unneededBefore: 400, keep: () => Promise.reject(new Error('asked where nothing can go')) })).toBeUndefined();
    expect(asked).toBe(1);
    await store.close();
  });

  test('contents go that no revision names, and nobody holds, and that no run was made for just now', async () => {
    const store = await open('contents');
    const put = (name: string, verifiedAt = 5): Promise<void> => store.putBundle({ digest: digestOf(name), content: `${name} ä`, signatures: [], verifiedAt });
    for (const name of ['assigned', 'before', 'back', 'wanted', 'held', 'loose', 'past']) await put(name);
    await put('fresh', 10);
    await store.createRun('run', frozen('run', [target('a', { fromId: 'from', toId: 'to', backId: 'back', phase: 'Done', assignedAt: 1, finishedAt: 1 })], {
      finishedAt: 1, revisions: [['from', state('before')], ['to', state('assigned', 'wanted')], ['back', state('back')]].map(([id = '', content = '']) => ({ id, cluster: 'a', content })),
    }));
    await store.saveProgress(step('run', 1, { finishedAt: 1, phase: 'Completed', assignments: [told('run', 'a', 'to')] }));
    await store.putRevisions([{ id: 'past', cluster: 'a', content: state('past') }]);
    expect(await store.countBundles()).toEqual({ count: 8, bytes: ['assigned', 'before', 'back', 'wanted', 'held', 'loose', 'past', 'fresh'].reduce((sum, name) => sum + name.length + 3, 0) });
    const keep = new Set([digestOf('held')]);
    expect(await store.dropBundles('', 10, keep)).toEqual({ next: undefined, dropped: 1 });
    expect(await store.getBundle(digestOf('loose'))).toBeUndefined();
    expect(await store.getBundle(digestOf('past'))).toBeDefined();
    expect(await store.dropRevisions('')).toBeUndefined();
    expect(await store.dropBundles('', 10, keep)).toEqual({ next: undefined, dropped: 1 });
    expect(await store.getBundle(digestOf('past'))).toBeUndefined();
    expect(await store.dropBundles('', 11, new Set())).toEqual({ next: undefined, dropped: 2 });
    expect((await store.countBundles()).count).toBe(4);
    for (let index = 0; index < 250; index += 1) await put(`many-${index}`);
    let [parts, dropped] = [0, 0];
    for (let after: string | undefined = ''; after !== undefined;) {
      const done: Awaited<ReturnType<RecordStore['dropBundles']>> = await store.dropBundles(after, 10, new Set());
      [parts, dropped, after] = [parts + 1, dropped + done.dropped, done.next];
    }
    expect([parts, dropped]).toEqual([3, 250]);
    expect((await Promise.all(['assigned', 'before', 'back', 'wanted'].map((name) => store.getBundle(digestOf(name))))).every((kept) => kept !== undefined)).toBe(true);
    await store.close();
  });
}
