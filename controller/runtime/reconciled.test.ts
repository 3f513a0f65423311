import { describe, expect, test } from 'vitest';
import { Mesh } from '../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import type { Condition } from '../../mesh/model/condition.ts';
import { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import { eachApart } from './apart.ts';
import { createReportReconciled } from './reconciled.ts';
import { manualClock } from './testing/manual-clock.ts';
import { memoryKubernetes } from './testing/memory-kubernetes.ts';
import { ReportedFailure, type Trouble } from './trouble.ts';

const PLANNED = { type: 'Planned', status: 'True', reason: 'Planned', message: 'planned', lastTransitionTime: '2030-01-01T00:00:00Z' } as const;
const TROUBLE: Trouble = { reason: 'Panicked', message: 'a bug' };
const never = new AbortController().signal;

async function scene(verb: 'update' | 'patch' = 'update') {
  const client = memoryKubernetes();
  const object = await client.create<MeshObject>(Mesh, {
    apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name: 'north', uid: 'one', generation: 4 }, spec: {} as MeshObject['spec'], status: { clusterCount: 3, conditions: [PLANNED] },
  }, { fieldManager: 'test' }, never);
  const report = createReportReconciled<MeshObject>({ client, kind: Mesh, clock: manualClock(Date.UTC(2030, 5, 1)), fieldManager: 'test', verb });
  const latest = async (): Promise<MeshObject> => await client.get<MeshObject>(Mesh, { name: 'north' }, never) as MeshObject;
  const conditions = async (): Promise<readonly Condition[]> => ((await latest()).status?.conditions ?? []) as readonly Condition[];
  return { client, object, report, latest, conditions };
}

describe('Reconciled', () => {
  test.each(['update', 'patch'] as const)('is written (%s) when it changes and not again, beside what others write, and goes with the next success', async (verb) => {
    const { client, report, latest, conditions } = await scene(verb);
    await report(await latest(), TROUBLE, never);
    expect(await conditions()).toEqual([PLANNED, { type: 'Reconciled', status: 'False', ...TROUBLE, observedGeneration: 4, lastTransitionTime: '2030-06-01T00:00:00.000Z' }]);
    if (verb === 'update') expect((await latest()).status?.clusterCount).toBe(3);
    const count = client.writes.length;
    await report(await latest(), TROUBLE, never);
    await report(await latest(), { ...TROUBLE, message: 'in other words' }, never);
    expect(client.writes).toHaveLength(count);
    await report(await latest(), { ...TROUBLE, reason: 'TimedOut' }, never);
    expect(client.writes).toHaveLength(count + 1);
    await report(await latest(), undefined, never);
    expect(await conditions()).toEqual([PLANNED]);
    await report(await latest(), undefined, never);
    expect(client.writes).toHaveLength(count + 2);
  });

  test('written over a stale copy it reads again, and leaves alone what is gone or another object by now', async () => {
    const { client, object, report, conditions } = await scene();
    await client.update(Mesh, { ...object, status: { conditions: [{ ...PLANNED, message: 'newer' }] } }, { fieldManager: 'other' }, never);
    await report(object, TROUBLE, never);
    expect((await conditions()).map(({ type, message }) => `${type} ${message}`)).toEqual(['Planned newer', 'Reconciled a bug']);
    await client.delete(Mesh, { name: 'north' }, {}, never);
    await report(object, TROUBLE, never);
    await client.create(Mesh, { ...object, metadata: { name: 'north', uid: 'two' } }, { fieldManager: 'test' }, never);
    const count = client.writes.length;
    await report(object, TROUBLE, never);
    expect(client.writes).toHaveLength(count);
  });

  test('is left to the next reconcile after three conflicts', async () => {
    const { client, object, report } = await scene();
    client.intercept = (verb) => { if (verb === 'update') throw new KubernetesError(409, 'Conflict', 'changed'); };
    await expect(report(object, TROUBLE, never)).rejects.toThrow('changed');
  });
});

test('objects of one reconcile are kept apart: each has its own outcome, and the first failure comes back at the end', async () => {
  const outcomes: string[] = [];
  const work = eachApart({
    controller: 'test', objects: ['a', 'poisoned', 'c', 'refused'],
    work: (object) => (object === 'poisoned' ? Promise.reject(new TypeError('x')) : object === 'refused' ? Promise.reject(new KubernetesError(422, 'Invalid', 'no')) : Promise.resolve()),
    report: (object, trouble) => { outcomes.push(`${object} ${trouble?.reason ?? 'fine'}`); return Promise.resolve(); },
  }, never);
  await expect(work).rejects.toThrow(ReportedFailure);
  await expect(work).rejects.toMatchObject({ cause: { name: 'TypeError' } });
  expect(outcomes).toEqual(['a fine', 'poisoned Panicked', 'c fine', 'refused Refused']);
});
