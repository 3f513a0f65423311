import { describe, expect, it } from 'vitest';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import type { DrillObject } from '../../mesh/api/resources/drill.ts';
import { Cluster, Drill, Inquiry, Mesh, UpdateRun, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../mesh/api/resources/inquiry.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import type { UpdateRunObject } from '../../mesh/api/resources/updates.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { RecordStore } from '../../mesh/ports/records.ts';
import { type Bench, createBench, scriptedAgent } from './testing/bench.ts';

const SECRET = 'hunter2';
const STRATEGY = { stages: [{ name: 'all', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }], progressDeadlineSeconds: 60 };

interface Reported extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string; readonly observedGeneration?: number | undefined }[] | undefined } | undefined;
}
const reconciled = (object: Reported | undefined) => object?.status?.conditions?.find(({ type }) => type === 'Reconciled');
const outcomes = (object: Reported | undefined): string[] => (object?.status?.conditions ?? []).map(({ type, status }) => `${type} ${status}`);

async function start(breakIt: (what: string) => void): Promise<Bench> {
  const bench = await createBench();
  for (const name of ['berlin', 'oslo']) await bench.join(name, { tier: name });
  await bench.create(UpdateStrategy, 'simple', STRATEGY);
  const update = bench.kubernetes.update.bind(bench.kubernetes);
  bench.kubernetes.update = (kind, object, options, signal) => {
    // Only the plan's own writes: the report of their failure is to come through.
    if (JSON.stringify(object).includes('"Planned"')) breakIt(`${kind.kind} ${object.metadata.name}`);
    return update(kind, object, options, signal);
  };
  const broken = <A extends readonly unknown[], R>(name: string, call: (...given: A) => R) => (...given: A): R => {
    breakIt(`${name} ${String(given[0])}`);
    return call(...given);
  };
  const records: RecordStore = {
    ...bench.records,
    async recordChange(change) {
      breakIt(`recordChange ${change.cluster}`);
      await bench.records.recordChange(change);
    },
    getReport: broken('getReport', bench.records.getReport), listTargets: broken('listTargets', bench.records.listTargets), listHistory: broken('listHistory', bench.records.listHistory),
  };
  await bench.startHub(records);
  for (const [index, name] of ['berlin', 'oslo'].entries()) scriptedAgent(name, index + 1).connect(bench);
  await bench.clock.advance(20_000);
  return bench;
}

describe('what the hub cannot reconcile', () => {
  it('is said on the one mesh and the one cluster concerned, without the text of the bug, while the others go on, and is over with the next success', async () => {
    let broken = true;
    const bench = await start((what) => { if (broken && (what === 'Mesh asia' || what === 'recordChange berlin')) throw new TypeError(SECRET); });
    await bench.create(Mesh, 'asia', { clusters: { labels: { tier: 'berlin' } }, strategy: 'simple' });
    await bench.create(Mesh, 'europe', { clusters: { labels: { tier: 'oslo' } }, strategy: 'simple' });
    await bench.clock.advance(5000);
    const [asia, europe] = [await bench.get<MeshObject>(Mesh, 'asia'), await bench.get<MeshObject>(Mesh, 'europe')];
    expect(reconciled(asia)).toMatchObject({ status: 'False', reason: 'Panicked', observedGeneration: 1 });
    expect(reconciled(asia)?.message).toMatch(/controller "mesh" has a bug .*TypeError at .*report\.test\.ts/);
    expect(outcomes(europe)).toEqual([expect.stringContaining('Peered'), 'Planned True', expect.stringContaining('RolledOut')]);
    const [berlin, oslo] = [await bench.get<ClusterObject>(Cluster, 'berlin'), await bench.get<ClusterObject>(Cluster, 'oslo')];
    expect(reconciled(berlin)).toMatchObject({ status: 'False', reason: 'Panicked' });
    expect(outcomes(oslo)).toContain('Connected True');
    expect(JSON.stringify([asia, berlin])).not.toContain(SECRET);
    // Said once: the same failure again is no news.
    await bench.clock.advance(300_000);
    expect((await bench.get(Mesh, 'asia'))?.metadata.resourceVersion).toBe(asia?.metadata.resourceVersion);
    expect((await bench.get(Cluster, 'berlin'))?.metadata.resourceVersion).toBe(berlin?.metadata.resourceVersion);
    broken = false;
    await bench.clock.advance(150_000);
    expect(outcomes(await bench.get<MeshObject>(Mesh, 'asia'))).toEqual([expect.stringContaining('Peered'), 'Planned True', expect.stringContaining('RolledOut')]);
    expect(outcomes(await bench.get<ClusterObject>(Cluster, 'berlin'))).toEqual([expect.stringContaining('Applied'), 'Connected True', 'Consistent True', 'InSync True', 'Joined True', expect.stringContaining('Ready')]);
    await bench.stopHub();
  });

  it('is said on a drill and on a run that have no status yet, and answers an inquiry', async () => {
    let broken = true;
    let asked = false;
    const bench = await start((what) => { if (broken && (what === 'getReport drill/poisoned' || what === 'listTargets by-hand' || (asked && what.startsWith('listHistory')))) throw new RangeError(SECRET); });
    asked = true;
    const drill = { service: { namespace: 'shop', name: 'checkout' }, evacuate: 'berlin', holdSeconds: 10, objectiveSeconds: 10, requestedBy: 'test' };
    await bench.create(Drill, 'poisoned', drill);
    await bench.create(Drill, 'sound', { ...drill, service: { namespace: 'shop', name: 'other' } });
    await bench.create(UpdateRun, 'by-hand', { strategy: { ...STRATEGY, name: 'simple' }, planDigest: 'sha256-x', reason: 'test', requestedBy: 'test' });
    await bench.create(Inquiry, 'question', { history: { cluster: 'oslo' } });
    await bench.clock.advance(5000);
    const poisoned = await bench.get<DrillObject>(Drill, 'poisoned');
    expect(reconciled(poisoned)).toMatchObject({ reason: 'Panicked', message: expect.stringContaining('controller "drill"') as string });
    expect((await bench.get<DrillObject>(Drill, 'sound'))?.status?.phase).not.toBe('Pending');
    const run = await bench.get<UpdateRunObject>(UpdateRun, 'by-hand');
    expect(reconciled(run)).toMatchObject({ reason: 'Panicked', message: expect.stringContaining('controller "rollout"') as string });
    const question = await bench.get<InquiryObject>(Inquiry, 'question');
    expect(question?.status?.error).toContain('controller "inquiry" has a bug');
    expect(JSON.stringify([poisoned, run, question])).not.toContain(SECRET);
    broken = false;
    await bench.clock.advance(120_000);
    expect(reconciled(await bench.get<DrillObject>(Drill, 'poisoned'))).toBeUndefined();
    expect((await bench.get<DrillObject>(Drill, 'poisoned'))?.status?.message).not.toBe('');
    expect(reconciled(await bench.get<UpdateRunObject>(UpdateRun, 'by-hand'))).toBeUndefined();
    await bench.stopHub();
  });
});
