import { expect, it } from 'vitest';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { threeClusters } from '../testing/three-clusters.ts';

const AWAY = { condition: 'Connected', status: 'False', reason: 'Disconnected' };

it('counts clusters by their conditions, and tells for how long the one that waits longest does', async () => {
  const { bench, agents } = await threeClusters();
  expect(bench.metrics.value('isthmus_hub_clusters', { condition: 'Connected', status: 'True', reason: 'Connected' })).toBe(3);
  expect(bench.metrics.value('isthmus_hub_clusters', AWAY)).toBe(0);
  agents.berlin.disconnect();
  await bench.clock.advance(600_000);
  agents.oslo.disconnect();
  await bench.clock.advance(60_000);
  expect(bench.metrics.value('isthmus_hub_clusters', AWAY)).toBe(2);
  const seconds = bench.metrics.value('isthmus_hub_clusters_longest_seconds', AWAY);
  expect(seconds).toBeGreaterThanOrEqual(600);
  expect(seconds).toBeLessThanOrEqual(661);
  agents.berlin.connect(bench);
  agents.oslo.connect(bench);
  await bench.clock.advance(1000);
  expect(bench.metrics.value('isthmus_hub_clusters', AWAY)).toBe(0);
  // A series whose last cluster is gone goes, too.
  expect(Object.keys(bench.metrics.all()).filter((name) => name.startsWith('isthmus_hub_clusters') && name.includes('Disconnected'))).toEqual([]);
});

it('is not worried by clusters that people have cut off', async () => {
  const { bench } = await threeClusters();
  await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { spec: { revoked: { at: toRfc3339(bench.clock.now()), reason: 'stolen laptop' } } }, { type: 'merge', fieldManager: 'person' }, new AbortController().signal);
  await bench.clock.advance(10_000);
  expect(['Joined', 'Ready'].map((condition) => bench.metrics.value('isthmus_hub_clusters', { condition, status: 'False', reason: 'Revoked' }))).toEqual([1, 1]);
  expect(bench.metrics.value('isthmus_hub_clusters', AWAY)).toBe(0);
  expect(bench.metrics.value('isthmus_hub_clusters_revoked', {})).toBe(1);
});
