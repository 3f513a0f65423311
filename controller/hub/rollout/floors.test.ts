import { expect, it } from 'vitest';
import type { Carried, RunTarget } from '../../../mesh/model/rollout.ts';
import { type EarlierRun, floorsOf } from './floors.ts';

const row = (cluster: string, phase: RunTarget['phase']): RunTarget => ({ cluster, stage: 0, fromId: null, toId: 'x', phase, assignedAt: null, healthyAt: null, finishedAt: null, message: '' });
const at = (since: number, generation: number, uid = 'u'): Carried => ({ uid, generation, since });

interface Past { readonly run: string; readonly carries: Record<string, Carried>; readonly rows: Record<string, RunTarget['phase']>; readonly phase?: EarlierRun['phase']; readonly changes?: EarlierRun['changes'] }
/** Newest first. */
async function floors(objects: readonly string[], clusters: readonly string[], past: readonly Past[], changes: EarlierRun['changes'] = 'Plan') {
  let read = 0;
  const { since, left } = await floorsOf({
    objects: new Map(objects.map((key) => [key, 'u'])), clusters, changes,
    earlier: past.map(({ run, carries, phase = 'Completed', changes: what = 'Plan' }, index) => ({ run, createdAt: 100 - index, changes: what, phase, carries })),
    rowsOf: async (run) => {
      read += 1;
      return Object.entries(past.find((one) => one.run === run)!.rows).map(([cluster, phase]) => row(cluster, phase));
    },
  });
  return { since: Object.fromEntries(since), left: Object.fromEntries(left), read };
}

it.each<[string, readonly string[], readonly string[], readonly Past[], Record<string, number>]>([
  ['nothing has been brought', ['Mesh a'], ['oslo'], [], { 'Mesh a': 0 }],
  ['what was brought is nobody\'s change any more', ['Mesh a'], ['oslo'], [{ run: 'r', carries: { 'Mesh a': at(0, 3) }, rows: { oslo: 'Done' } }], { 'Mesh a': 3 }],
  ['what one cluster did not get is new to it', ['Mesh a'], ['berlin', 'oslo'], [{ run: 'r', carries: { 'Mesh a': at(2, 3) }, rows: { oslo: 'Failed', berlin: 'Done' }, phase: 'CompletedWithFailures' }], { 'Mesh a': 2 }],
  ['what came back later counts by the newest run', ['Mesh a'], ['oslo'], [{ run: 's', carries: { 'Mesh a': at(2, 4) }, rows: { oslo: 'Done' } }, { run: 'r', carries: { 'Mesh a': at(2, 3) }, rows: { oslo: 'Failed' } }], { 'Mesh a': 4 }],
  ['a cluster without a run gets what others have', ['Mesh a'], ['bergen', 'oslo'], [{ run: 'r', carries: { 'Mesh a': at(0, 3) }, rows: { oslo: 'Done' } }], { 'Mesh a': 3 }],
  ['what others failed on is new to it', ['Mesh a'], ['bergen'], [{ run: 'r', carries: { 'Mesh a': at(1, 3) }, rows: { oslo: 'Failed' }, phase: 'Failed' }], { 'Mesh a': 1 }],
  ['a bundle that others have is new to it all the same', ['Bundle b'], ['bergen'], [{ run: 'r', carries: { 'Bundle b': at(0, 1) }, rows: { oslo: 'Done' }, changes: 'Bundles' }], { 'Bundle b': 0 }],
  ['another object of the same name is another', ['Mesh a'], ['oslo'], [{ run: 'r', carries: { 'Mesh a': at(0, 3, 'before') }, rows: { oslo: 'Done' } }], { 'Mesh a': 0 }],
])('%s', async (_, objects, clusters, past, since) => {
  expect((await floors(objects, clusters, past)).since).toEqual(since);
});

it('tells what went into the last run that a cluster was done with, and does not any more', async () => {
  const gone = { run: 'r', carries: { 'Mesh a': at(0, 3), 'Mesh b': at(0, 1), 'UpdateStrategy s': at(0, 1) }, rows: { oslo: 'Done' as const } };
  expect((await floors(['Mesh a'], ['oslo'], [gone])).left).toEqual({ 'Mesh b': at(0, 1) });
  // A run that ended without bringing it hides nothing.
  const stopped: Past = { run: 's', carries: { 'Mesh a': at(3, 3) }, rows: { oslo: 'Skipped' }, phase: 'Stopped' };
  expect((await floors(['Mesh a'], ['oslo'], [stopped, gone])).left).toEqual({ 'Mesh b': at(0, 1) });
  expect((await floors(['Mesh a'], ['oslo'], [{ ...stopped, rows: { oslo: 'Done' } }, gone])).left).toEqual({});
});

it('reads rows of no more runs than it must, and of a bounded number', async () => {
  const runs = Array.from({ length: 100 }, (_, index): Past => ({ run: `r${index}`, carries: { 'Mesh a': at(0, 3) }, rows: { oslo: 'Done' } }));
  expect((await floors(['Mesh a'], ['oslo'], runs)).read).toBe(1);
  expect((await floors(['Mesh a'], ['bergen'], runs)).read).toBe(32);
});
