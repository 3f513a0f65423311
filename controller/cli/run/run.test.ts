import { expect, test } from 'vitest';
import { type Inquiry, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { retryRun, stopRun, tellRun, undoRun } from './change.ts';
import { paceSeconds } from './eta.ts';
import { showRun } from './status.ts';
import { drawRun, progressBar } from './status-draw.ts';

const NOW = Date.UTC(2030, 0, 1, 12);
const run: UpdateRunObject = {
  apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', metadata: { name: 'europe-1' },
  spec: {
    strategy: { name: 'canary-first', stages: [{ name: 'canary', clusters: {}, maxConcurrency: 1, soakSeconds: 60 }], progressDeadlineSeconds: 600 },
    planDigest: 'abc', reason: 'Mesh europe: new desired state for berlin, oslo', requestedBy: 'isthmus-hub', stop: false,
  },
  status: { phase: 'Running', stage: 'canary', message: 'soaking berlin', counts: { total: 3, done: 0, inFlight: 1, failed: 0, skipped: 0 } },
};
const target = (cluster: string, stage: number, value: Partial<RunTarget>): RunTarget =>
  ({ cluster, stage, fromId: null, toId: 'sha256-0123456789abcdef', phase: 'Pending', assignedAt: null, healthyAt: null, finishedAt: null, message: '', ...value });

test('a run is drawn stage by stage', () => {
  const text = drawRun({
    run,
    rows: {
      stages: ['canary', 'rest', 'remaining'], journal: [], targetsOmitted: 0, tally: [{ Soaking: 1 }, { Pending: 1, Failed: 1 }, {}], frozen: null,
      targets: [
        target('berlin', 0, { phase: 'Soaking', assignedAt: NOW - 65_000, message: 'soaks 60 s' }),
        target('oslo', 1, { fromId: 'sha256-fedcba9876543210' }), target('virginia', 1, { phase: 'Failed', assignedAt: NOW - 600_000, message: 'its agent is not connected' }),
      ],
    },
  }, NOW);
  expect(text).toBe(`europe-1: Running, stage canary
  why: Mesh europe: new desired state for berlin, oslo (requested by isthmus-hub)
  now: soaking berlin
  [✗✗✗✗✗✗✗✗✗✗✗✗✗▒▒▒▒▒▒▒▒▒▒▒▒▒··············] 0/3  · 1 Pending  ~ 1 Soaking  ✗ 1 Failed

stage 1 canary  ~  0/1
  CLUSTER   PHASE       FROM     TO           ASSIGNED   MESSAGE
  berlin    ~ Soaking   <none>   0123456789   65s ago    soaks 60 s

stage 2 rest  ·✗  0/2
  CLUSTER    PHASE       FROM         TO           ASSIGNED   MESSAGE
  oslo       · Pending   fedcba9876   0123456789              
  virginia   ✗ Failed    <none>       0123456789   10m ago    its agent is not connected
`.replace(/ +$/gm, ''));
});

async function withRun(phase: 'Running' | 'Waiting' | 'Completed'): Promise<TestEnvironment> {
  const environment = testEnvironment();
  const { status, ...object } = run;
  await environment.client.create(UpdateRun, object, { fieldManager: 'test' }, environment.signal);
  await environment.client.patch(UpdateRun, { name: 'europe-1' }, { status: { ...status, phase } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, environment.signal);
  return environment;
}

test('undo makes a run that names the old one and its strategy', async () => {
  const environment = await withRun('Completed');
  await undoRun(environment, 'europe-1', { reason: 'latency in oslo', dryRun: false });
  const undo = (await environment.client.list<UpdateRunObject>(UpdateRun, {}, environment.signal)).items.find((object) => object.spec.undoOf === 'europe-1');
  expect(undo?.spec).toMatchObject({ strategy: run.spec.strategy, reason: 'latency in oslo', requestedBy: 'ada', undoOf: 'europe-1' });
  expect(environment.printed()).toBe(`updaterun.isthmus.dev/${undo?.metadata.name} created\n`);
});

/** A hub that has kept this run alone. */
function answering(environment: TestEnvironment, answer: RunAnswer): TestEnvironment {
  const { client } = environment;
  const get = async (kind: typeof Inquiry, ref: { name: string }, signal: AbortSignal): Promise<unknown> => {
    const object = await client.get<InquiryObject>(kind, ref, signal);
    if (kind.kind !== 'Inquiry' || object === undefined) return object;
    return { ...object, status: object.spec.run?.name === 'gone' ? { answer: JSON.stringify(answer) } : { error: 'there is no such run' } };
  };
  return { ...environment, connect: () => Promise.resolve({ ...client, get } as unknown as typeof client) };
}

test('a run whose object was deleted is told from the records, and undone', async () => {
  const frozen: NonNullable<RunAnswer['frozen']> = {
    strategy: null, strategyDigest: '', author: 'ann', createdAt: NOW, finishedAt: NOW + 60_000, phase: 'CompletedWithFailures', changes: 'Plan', undoOf: null, message: 'created', warnings: [], state: null, joinedLater: [],
  };
  const rows = [target('berlin', 0, { phase: 'Done' }), target('oslo', 0, { phase: 'Failed' })];
  const environment = answering(testEnvironment(), { stages: ['all'], journal: [], targetsOmitted: 0, tally: [{ Done: 1, Failed: 1 }], targets: rows, frozen });
  await showRun(environment, 'gone', { watch: false, output: 'table', journal: false, eta: false });
  expect(environment.printed()).toContain('gone: CompletedWithFailures\n  why: its UpdateRun was deleted, this is what the records tell (requested by ann)');
  await undoRun(environment, 'gone', { reason: 'late', dryRun: false });
  const made = (await environment.client.list<UpdateRunObject>(UpdateRun, {}, environment.signal)).items;
  expect(made.map(({ spec }) => spec)).toEqual([{ undoOf: 'gone', reason: 'late', requestedBy: 'ada', stop: false }]);
  await expect(undoRun(environment, 'never', { reason: '', dryRun: false })).rejects.toThrow('there is no run "never"');
});

test('a run that goes on is not undone, and the way out is named', async () => {
  await expect(undoRun(await withRun('Running'), 'europe-1', { reason: '', dryRun: false })).rejects.toThrow('isthmus run stop europe-1');
});

test('stop asks the run to stop; a run that is not there is said so', async () => {
  const environment = await withRun('Running');
  await stopRun(environment, 'europe-1');
  expect((await environment.client.get<UpdateRunObject>(UpdateRun, { name: 'europe-1' }, environment.signal))?.spec.stop).toBe(true);
  await expect(stopRun(environment, 'europe-2')).rejects.toThrow('"europe-2"');
});

test('retry makes a run of what an ended one left, and says where there is nothing left', async () => {
  const environment = await withRun('Completed');
  await expect(retryRun(environment, 'europe-1', { reason: 'again', dryRun: false })).rejects.toThrow('left nothing to try again');
  await environment.client.patch(UpdateRun, { name: 'europe-1' }, { status: { phase: 'Failed', counts: { failed: 1 } } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, environment.signal);
  await retryRun(environment, 'europe-1', { reason: 'again', dryRun: false, strategy: 'hasty', output: 'name' });
  const retry = (await environment.client.list<UpdateRunObject>(UpdateRun, {}, environment.signal)).items.find((object) => object.spec.retryOf === 'europe-1');
  expect(retry?.spec).toMatchObject({ strategyName: 'hasty', reason: 'again' });
  expect(retry?.spec.strategy).toBeUndefined();
  expect(environment.printed()).toBe(`updaterun.isthmus.dev/${retry?.metadata.name}\n`);
});

test('pause and resume; a run that has ended hears nothing any more', async () => {
  const environment = await withRun('Running');
  await tellRun(environment, 'europe-1', 'pause', { output: 'name' });
  expect(environment.printed()).toBe('updaterun.isthmus.dev/europe-1\n');
  await tellRun(environment, 'europe-1', 'resume');
  expect((await environment.client.get<UpdateRunObject>(UpdateRun, { name: 'europe-1' }, environment.signal))?.spec).toMatchObject({ pause: false, resumedAt: '2030-01-01T12:00:00.000Z' });
  await expect(tellRun(await withRun('Completed'), 'europe-1', 'pause')).rejects.toThrow('has ended (Completed)');
});

test('resume lets a stage pass that waits for clusters which are away, and nothing else that only waits', async () => {
  const environment = await withRun('Waiting');
  await expect(tellRun(environment, 'europe-1', 'resume')).rejects.toThrow('run europe-1 is not paused (Waiting');
  const conditions = [{ type: 'Progressing', status: 'False', reason: 'TooFewDone', message: '', lastTransitionTime: '2030-01-01T00:00:00Z' }];
  await environment.client.patch(UpdateRun, { name: 'europe-1' }, { status: { conditions } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, environment.signal);
  await tellRun(environment, 'europe-1', 'resume');
  expect((await environment.client.get<UpdateRunObject>(UpdateRun, { name: 'europe-1' }, environment.signal))?.spec).toMatchObject({ resumedAt: '2030-01-01T12:00:00.000Z' });
});

test('of many clusters those are shown that stand out, and the rest is counted', () => {
  const targets = Array.from({ length: 200 }, (_, index) => target(`c-${index}`, 0, index < 120 ? { phase: 'Done' } : index < 125 ? { phase: 'Failed', assignedAt: NOW, message: 'unhealthy' } : index < 155 ? { phase: 'Assigned', assignedAt: NOW } : {}));
  const text = drawRun({ run, rows: { stages: ['all', 'remaining'], journal: [], targetsOmitted: 0, tally: [{ Done: 120, Failed: 5, Assigned: 30, Pending: 45 }, {}], frozen: null, targets } }, NOW, 'ETA: soon');
  expect(text).toContain('] 120/200  · 45 Pending  → 30 Assigned  ✓ 120 Done  ✗ 5 Failed\n  ETA: soon\n');
  expect(text).toContain('… and 15 more that stand out');
  expect(text).not.toContain('c-1 ');
  expect(text.split('\n').length).toBeLessThan(40);
});

test('a strategy that was edited since is told of, with what follows', () => {
  const message = `UpdateStrategy slow is not what this run has frozen (sha256-${'a'.repeat(64)}); the run goes on by what it has frozen`;
  const edited = (status: string): UpdateRunObject => ({ ...run, status: { ...run.status!, conditions: [{ type: 'StrategyChanged', status, reason: 'Edited', message, lastTransitionTime: '2030-01-01T00:00:00Z' }] } } as UpdateRunObject);
  const rows = { stages: [], journal: [], targetsOmitted: 0, tally: [], frozen: null, targets: [] };
  expect(drawRun({ run: edited('True'), rows }, NOW)).toContain('\n  note: UpdateStrategy slow is not what this run has frozen (sha256-aaaaaaaaaa); the run goes on by what it has frozen\n');
  expect(drawRun({ run: edited('False'), rows }, NOW)).not.toContain('note:');
});

test('a bar shows at least once what there is', () => {
  expect(progressBar({ Done: 999, Failed: 1 }, 10)).toBe('[█████████✗]');
  expect(progressBar({ Done: 1, Pending: 999 }, 10)).toBe('[█·········]');
  // Nobody is pending, and no place is left that says so.
  expect(progressBar({ Done: 2, Failed: 1 }, 10)).toBe('[██████✗✗✗✗]');
  expect(progressBar({})).toBe('');
});

test('the pace is the middle of what it took so far', () => {
  const took = (cluster: string, seconds: number): RunTarget => target(cluster, 0, { phase: 'Done', assignedAt: NOW, healthyAt: NOW + seconds * 1000 });
  expect(paceSeconds({ targets: [took('a', 5), took('b', 300), took('c', 7), target('d', 0, {})] })).toBe(7);
  expect(paceSeconds({ targets: [target('d', 0, {})] })).toBeUndefined();
});
