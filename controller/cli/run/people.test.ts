import { expect, test } from 'vitest';
import { HUB_RESOURCES, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { testEnvironment } from '../testing/environment.ts';
import { tellRun } from './change.ts';
import { drawRun } from './status-draw.ts';

const strategy = { name: 'careful', stages: [{ name: 'all', clusters: {}, maxConcurrency: 1, soakSeconds: 0, before: [{ name: 'leads', approval: { count: 1, groups: ['leads'] } }] }], progressDeadlineSeconds: 600 };
const run: UpdateRunObject = {
  apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', metadata: { name: 'europe-1' },
  spec: { strategyName: 'careful', planDigest: 'abc', reason: 'Mesh europe: new', requestedBy: 'isthmus-hub', stop: false },
};
const counts = { total: 0, done: 0, inFlight: 0, failed: 0, skipped: 0 };
const rows = (stages: readonly object[]): RunAnswer => ({ stages: [], journal: [], targets: [], targetsOmitted: 0, tally: [], frozen: { strategy: { ...strategy, stages } } }) as unknown as RunAnswer;

test('whose change a run carries and who told it what is drawn; what nothing vouches for where it matters', () => {
  const told: UpdateRunObject = {
    ...run, spec: { ...run.spec, stop: true, stoppedBy: 'dan', pause: false, pausedBy: 'cay', resumedAt: '2030-01-01T00:00:00Z', resumedBy: 'cay' },
    status: { phase: 'Stopping', message: '', counts, changedBy: [{ person: 'ann', changed: ['FailoverPolicy till', 'Mesh europe'] }, { person: 'ben', changed: ['Mesh europe'] }], unknownChanges: ['who deleted Mesh asia is not known'] },
  };
  const people = ['  changed by: ann (FailoverPolicy till, Mesh europe), ben (Mesh europe)', '  not vouched for: who deleted Mesh asia is not known', '  told: stopped by dan, resumed by cay'];
  expect(drawRun({ run: told, rows: rows(strategy.stages) }, 0)).toBe(`${['europe-1: Stopping', '  why: Mesh europe: new (requested by isthmus-hub)', ...people].join('\n')}\n`);
  expect(drawRun({ run: told, rows: rows([{ name: 'all' }]) }, 0)).not.toContain('not vouched for');
});

test('each word is said in the name of who says it, and what was so already stays another\'s', async () => {
  // As an API server that writes nothing down by itself.
  const clock = manualClock();
  const environment = testEnvironment({ clock, client: embeddedClient(createEmbeddedApi({ objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: HUB_RESOURCES })) });
  await environment.client.create(UpdateRun, run, { fieldManager: 'test' }, environment.signal);
  const spec = async (): Promise<unknown> => {
    const { stop, pause, stoppedBy, pausedBy, resumedBy } = (await environment.client.get<UpdateRunObject>(UpdateRun, { name: 'europe-1' }, environment.signal))!.spec;
    return { stop, pause, stoppedBy, pausedBy, resumedBy };
  };
  await tellRun(environment, 'europe-1', 'pause');
  const me = 'system:embedded';
  expect(await spec()).toEqual({ stop: false, pause: true, pausedBy: me });
  await environment.client.patch(UpdateRun, { name: 'europe-1' }, { spec: { pausedBy: 'ann' } }, { type: 'merge', fieldManager: 'test' }, environment.signal);
  await tellRun(environment, 'europe-1', 'pause');
  expect(await spec()).toEqual({ stop: false, pause: true, pausedBy: 'ann' });
  await tellRun(environment, 'europe-1', 'resume');
  expect(await spec()).toEqual({ stop: false, pause: false, pausedBy: me, resumedBy: me });
  await tellRun(environment, 'europe-1', 'stop');
  expect(await spec()).toEqual({ stop: true, pause: false, pausedBy: me, resumedBy: me, stoppedBy: me });
});
