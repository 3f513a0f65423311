/** A run by which clusters leave a mesh says of which. */
import { expect, it } from 'vitest';
import { FailoverPolicy, Mesh, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { applyAll, threeClusters } from '../testing/three-clusters.ts';

const never = new AbortController().signal;

it('is called after the mesh that is gone', async () => {
  const { bench, agents } = await threeClusters();
  await bench.create(Mesh, 'world', { clusters: {}, strategy: 'careful' });
  await applyAll(bench, Object.values(agents), 30);
  await bench.kubernetes.delete(Mesh, { name: 'world' }, {}, never);
  await applyAll(bench, Object.values(agents), 30);
  const runs = async () => (await bench.kubernetes.list<UpdateRunObject>(UpdateRun, {}, never)).items.map(({ metadata: { name }, spec: { reason } }) => `${name}: ${reason}`);
  expect(await runs()).toEqual(['world-1: Mesh world: new desired state for berlin, oslo, virginia', 'world-2: Mesh world, which is gone: new desired state for berlin, oslo, virginia']);
  await bench.create(FailoverPolicy, 'order', { service: { namespace: 'shop', name: 'checkout' }, priority: ['oslo'], minimumReady: 1, unhealthyAfterSeconds: 1, healthyAfterSeconds: 1, failbackDelaySeconds: 1 });
  await applyAll(bench, Object.values(agents), 30);
  expect((await runs()).filter((text) => text.startsWith('policies-'))).toHaveLength(1);
});
