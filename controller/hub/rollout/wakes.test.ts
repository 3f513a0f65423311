/** What a run follows from also wakes it: nobody waits for the next report of an agent to be heeded. */
import { afterEach, expect, test } from 'vitest';
import { ChangeWindow, Cluster } from '../../../mesh/api/resources/index.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Bench } from '../testing/bench.ts';
import { threeClusters } from '../testing/three-clusters.ts';
import { makeBundle, makeRun, packagesOf, runBundle, statusOf } from './testing/runs.ts';

const never = new AbortController().signal;
const SOON = 100;
const ONE_BY_ONE = { name: 'patient', progressDeadlineSeconds: 3600, stages: [{ name: 'all', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }] };
const benches: Bench[] = [];
afterEach(async () => { for (const bench of benches.splice(0)) await bench.stopHub(); });

/** A run that has Berlin in flight, and Oslo before it. */
async function underWay() {
  const { bench, agents } = await threeClusters();
  benches.push(bench);
  await makeBundle(bench, 'values', 1);
  await runBundle(bench, 'slow', 'values-1', ['berlin', 'oslo'], ONE_BY_ONE);
  await bench.clock.advance(SOON);
  expect(packagesOf(agents.berlin)).toEqual(['values 1.0.0']);
  return { bench, agents };
}

test('a cluster that leaves the fleet while its agent has not been seen since the hub\'s start', async () => {
  const { bench, agents } = await underWay();
  for (const agent of Object.values(agents)) agent.disconnect();
  await bench.stopHub();
  await bench.startHub();
  for (const agent of [agents.oslo, agents.virginia]) agent.connect(bench);
  await bench.clock.advance(20_000);
  expect(await statusOf(bench, 'slow')).toMatchObject({ counts: { inFlight: 1, failed: 0 } });
  await bench.kubernetes.delete(Cluster, { name: 'berlin' }, {}, never);
  await bench.clock.advance(SOON);
  expect(await statusOf(bench, 'slow')).toMatchObject({ counts: { inFlight: 0, failed: 1 } });
});

test('a cluster that is frozen before its turn', async () => {
  const { bench } = await underWay();
  await bench.kubernetes.patch(Cluster, { name: 'oslo' }, { spec: { frozen: { reason: 'audit' } } }, { type: 'merge', fieldManager: 'test' }, never);
  await bench.clock.advance(SOON);
  expect(await statusOf(bench, 'slow')).toMatchObject({ counts: { skipped: 1 } });
});

test('a label by which a window lets a cluster go', async () => {
  const { bench, agents } = await threeClusters();
  benches.push(bench);
  await makeBundle(bench, 'values', 1);
  await bench.create(ChangeWindow, 'shop', { clusters: { labels: { sells: 'true' } }, kind: 'Deny', period: { from: '2020-01-01T00:00:00Z', to: toRfc3339(bench.clock.now() + 3_600_000) }, reason: 'sales' });
  await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { metadata: { labels: { sells: 'true' } } }, { type: 'merge', fieldManager: 'test' }, never);
  await runBundle(bench, 'slow', 'values-1', ['berlin'], ONE_BY_ONE);
  await bench.clock.advance(10_000);
  expect(packagesOf(agents.berlin)).toEqual([]);
  await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { metadata: { labels: { sells: null } } }, { type: 'merge', fieldManager: 'test' }, never);
  await bench.clock.advance(SOON);
  expect(packagesOf(agents.berlin)).toEqual(['values 1.0.0']);
});

test('a cluster that joins after the run was frozen', async () => {
  const { bench } = await threeClusters();
  benches.push(bench);
  await makeBundle(bench, 'values', 1);
  await makeRun(bench, 'slow', { strategy: ONE_BY_ONE, bundle: { name: 'values-1', clusters: {}, all: true } });
  await bench.clock.advance(10_000);
  await bench.join('zurich');
  await bench.clock.advance(SOON);
  expect(await statusOf(bench, 'slow')).toMatchObject({ counts: { total: 3, joinedLater: 1 } });
});

test('nothing that only shows what a run does', async () => {
  const { bench, agents } = await underWay();
  const decided = (): number => bench.metrics.value('workqueue_adds_total', { name: 'rollout', controller: 'rollout' });
  const before = decided();
  await bench.kubernetes.patch(Cluster, { name: 'oslo' }, { status: { desired: { id: 'sha256-other', run: 'other', stage: 'all' } } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, never);
  await bench.clock.advance(SOON);
  expect(decided()).toBe(before);
  agents.berlin.apply();
  await bench.clock.advance(SOON);
  expect(decided()).toBeGreaterThan(before);
});
