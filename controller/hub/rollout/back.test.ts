/** Clusters that are away and come back: canaries that are none, and turns that wait for the agent's first word. */
import { expect, it } from 'vitest';
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import { applyAll, conditionOf, threeClusters } from '../testing/three-clusters.ts';
import { makeBundle, makeRun, packagesOf, runBundle, runOf, statusOf } from './testing/runs.ts';

const never = new AbortController().signal;
const drift: DriftEntry = { object: 'ConfigMap shop/settings', path: '.data.a', expected: '1', actual: '2', manager: 'kubectl-edit', firstSeen: 1 };

it('a run whose first stage is away as a whole waits, says why, and goes on without it when a person resumes it', async () => {
  const { bench, agents } = await threeClusters();
  await makeBundle(bench, 'values', 1);
  agents.berlin.disconnect();
  await bench.clock.advance(100);
  await makeRun(bench, 'alone', { strategyName: 'careful', bundle: { name: 'values-1', clusters: { names: ['berlin', 'oslo'] } } });
  await bench.clock.advance(20_000);
  expect(await statusOf(bench, 'alone')).toMatchObject({ phase: 'Waiting', counts: { away: 1, inFlight: 0 }, message: expect.stringMatching(/passes with 1 of 1 cluster done \(minDone 1\), and none is; away: berlin; waits since .*"isthmus run resume alone"$/) });
  expect(conditionOf(await runOf(bench, 'alone'), 'Progressing')).toMatchObject({ status: 'False', reason: 'TooFewDone' });
  await bench.kubernetes.patch(UpdateRun, { name: 'alone' }, { spec: { resumedAt: new Date(bench.clock.now()).toISOString() } }, { type: 'merge', fieldManager: 'test' }, never);
  await bench.clock.advance(1000);
  expect(packagesOf(agents.oslo)).toEqual(['values 1.0.0']);
});

it('a cluster that comes back has its turn once its agent has said what it found, and none where a person changed something', async () => {
  const { bench, agents } = await threeClusters();
  await makeBundle(bench, 'values', 1);
  const { oslo } = agents;
  oslo.disconnect();
  await bench.clock.advance(100);
  await runBundle(bench, 'meanwhile', 'values-1', ['berlin', 'oslo']);
  await applyAll(bench, [agents.berlin], 5);
  expect(await statusOf(bench, 'meanwhile')).toMatchObject({ phase: 'Waiting', counts: { done: 1, away: 1 } });
  const before = oslo.publisher.get('AppliedReport', 'oslo')!.value as object;
  oslo.publisher.remove('AppliedReport', 'oslo');
  oslo.publisher.withhold((type) => type === 'AppliedReport');
  oslo.connect(bench);
  await bench.clock.advance(5000);
  expect(packagesOf(oslo)).toEqual([]);
  expect(await statusOf(bench, 'meanwhile')).toMatchObject({ phase: 'Waiting', counts: { away: 1 } });
  oslo.publisher.set('AppliedReport', 'oslo', { ...before, healthy: false, drift: [drift] } as never);
  await bench.clock.advance(1000);
  expect(packagesOf(oslo)).toEqual([]);
  expect(await statusOf(bench, 'meanwhile')).toMatchObject({ phase: 'Completed', counts: { done: 1, skipped: 1 } });
});
