import { expect, test } from 'vitest';
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { stopRun, undoRun } from './change.ts';
import { drawRun } from './status-draw.ts';

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

async function withRun(phase: 'Running' | 'Completed'): Promise<TestEnvironment> {
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

test('a run that goes on is not undone, and the way out is named', async () => {
  await expect(undoRun(await withRun('Running'), 'europe-1', { reason: '', dryRun: false })).rejects.toThrow('isthmus run stop europe-1');
});

test('stop asks the run to stop; a run that is not there is said so', async () => {
  const environment = await withRun('Running');
  await stopRun(environment, 'europe-1');
  expect((await environment.client.get<UpdateRunObject>(UpdateRun, { name: 'europe-1' }, environment.signal))?.spec.stop).toBe(true);
  await expect(stopRun(environment, 'europe-2')).rejects.toThrow('"europe-2"');
});
