/** Approvals from the object to the run: who counts, who does not and why, and that nobody is believed whom the API server does not vouch for. */
import { describe, expect, it } from 'vitest';
import type { ApprovalObject } from '../../../mesh/api/resources/approval.ts';
import { GUARD_NAME, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../mesh/api/resources/guards.ts';
import { Approval, Mesh, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Cache } from '../../runtime/cache.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import type { Bench } from '../testing/bench.ts';
import { createApprovals } from './approvals.ts';
import type { Guards } from './guards.ts';
import { saidAt } from './heeded.ts';
import { applyAll, conditionOf, threeClusters } from '../testing/three-clusters.ts';

const never = new AbortController().signal;
const KEY = 'rest/before/leads';
const GATED = {
  stages: [
    { name: 'canary', clusters: { names: ['berlin'] }, maxConcurrency: 1, soakSeconds: 0 },
    { name: 'rest', clusters: {}, maxConcurrency: 3, soakSeconds: 0, before: [{ name: 'leads', approval: { count: 2, groups: ['leads', 'owners'] } }] },
  ],
  progressDeadlineSeconds: 60,
};

interface Word { readonly name: string; readonly approver: string; readonly groups?: readonly string[]; readonly gate?: string; readonly run?: string; readonly decision?: 'Approve' | 'Reject'; readonly reason?: string }

async function say(bench: Bench, { name, run = 'by-hand', gate = KEY, groups = ['leads'], ...word }: Word): Promise<ApprovalObject | undefined> {
  await bench.create(Approval, name, { run, gate, groups, ...word });
  await bench.clock.advance(1000);
  return bench.get<ApprovalObject>(Approval, name);
}
const verdict = (object: ApprovalObject | undefined) => [object?.status?.counted, conditionOf(object, 'Counted')?.reason];
const runOf = async (bench: Bench, name = 'by-hand') => (await bench.get<UpdateRunObject>(UpdateRun, name))?.status;
const gateOf = async (bench: Bench) => (await runOf(bench))?.gates?.find(({ name }) => name === KEY);

/** A run that somebody asked for, and which waits at its gate. */
async function atTheGate(): Promise<Awaited<ReturnType<typeof threeClusters>>> {
  const world = await threeClusters();
  const { bench, agents } = world;
  await bench.create(UpdateStrategy, 'gated', GATED);
  // Its own run is stopped: the one that a person makes of the same plan is what is looked at.
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'gated' });
  await bench.clock.advance(1000);
  const planDigest = (await bench.get<MeshObject>(Mesh, 'europe'))?.status?.planDigest;
  await bench.kubernetes.patch(UpdateRun, { name: 'europe-1' }, { spec: { stop: true } }, { type: 'merge', fieldManager: 'test' }, never);
  await applyAll(bench, Object.values(agents), 3);
  await bench.create(UpdateRun, 'by-hand', { strategy: { name: 'gated', ...GATED }, planDigest, reason: 'test', requestedBy: 'ada' });
  await applyAll(bench, Object.values(agents), 8);
  expect(await gateOf(bench)).toMatchObject({ phase: 'Waiting' });
  return world;
}

describe('approvals', () => {
  it('let the run pass once so many distinct people of the groups have said so; its author and others do not count, and are told', async () => {
    const { bench, agents } = await atTheGate();
    expect(verdict(await say(bench, { name: 'a1', approver: 'ada' }))).toEqual([false, 'NotTheAuthor']);
    expect(verdict(await say(bench, { name: 'b1', approver: 'ben', groups: ['gardeners'] }))).toEqual([false, 'NotInGroups']);
    expect(verdict(await say(bench, { name: 'c1', approver: 'cleo', gate: 'rest/after/leads' }))).toEqual([false, 'NoSuchGate']);
    expect(verdict(await say(bench, { name: 'c2', approver: 'cleo', run: 'nobodys' }))).toEqual([false, 'NoSuchRun']);
    expect(verdict(await say(bench, { name: 'c3', approver: 'cleo' }))).toEqual([true, 'Counted']);
    expect(verdict(await say(bench, { name: 'c4', approver: 'cleo' }))).toEqual([true, 'Counted']);
    // Twice the same person is one person, and the older object says so.
    expect(verdict(await bench.get<ApprovalObject>(Approval, 'c3'))).toEqual([false, 'NewerWord']);
    expect(await gateOf(bench)).toMatchObject({ phase: 'Waiting', approvedBy: ['cleo'] });
    expect(verdict(await say(bench, { name: 'd1', approver: 'dan', groups: ['owners'] }))).toEqual([true, 'Counted']);
    expect(await gateOf(bench)).toMatchObject({ phase: 'Passed', approvedBy: ['cleo', 'dan'] });
    await applyAll(bench, Object.values(agents), 5);
    expect((await runOf(bench))?.phase).toBe('Completed');
    // The history of a cluster behind the gate names them; that of one before it nobody.
    const [oslo, berlin] = await Promise.all(['oslo', 'berlin'].map((cluster) => bench.records.listHistory({ cluster, field: 'desired', limit: 1 })));
    expect(oslo?.[0]).toMatchObject({ run: 'by-hand', by: 'ada', approvedBy: ['cleo', 'dan'] });
    expect(berlin?.[0]?.approvedBy).toEqual([]);
    await bench.clock.advance(5000);
    expect(verdict(await say(bench, { name: 'e1', approver: 'eve' }))).toEqual([false, 'GateDecided']);
    // What was counted stays counted.
    expect(verdict(await bench.get<ApprovalObject>(Approval, 'd1'))).toEqual([true, 'Counted']);
  });

  it('fail the gate where one person of the groups rejects it', async () => {
    const { bench } = await atTheGate();
    await say(bench, { name: 'c1', approver: 'cleo' });
    expect(verdict(await say(bench, { name: 'd1', approver: 'dan', decision: 'Reject', reason: 'latency in oslo' }))).toEqual([true, 'Counted']);
    expect(await gateOf(bench)).toMatchObject({ phase: 'Failed', message: 'dan refused: latency in oslo' });
  });

  it('hide no refusal, neither behind a thousand others of the same person nor behind a thousand people', async () => {
    const { bench } = await threeClusters();
    const of = (index: number, approver: string, decision: string): ApprovalObject => ({
      apiVersion: 'isthmus.dev/v1alpha1', kind: 'Approval', metadata: { name: `a${index}`, uid: `a${index}`, creationTimestamp: toRfc3339(index * 1000) },
      spec: { run: 'by-hand', gate: KEY, groups: ['leads'], approver, decision, reason: 'so' },
    } as ApprovalObject);
    const seen = (objects: readonly ApprovalObject[]) => {
      const [approvals, runs] = [{ byIndex: () => objects } as unknown as Cache<ApprovalObject>, { get: () => undefined } as unknown as Cache<UpdateRunObject>];
      const gates = createApprovals({ ports: { ...bench, random: seededRandom(1) }, approvals, runs, guards: { problem: () => undefined, subscribe: () => {} } as unknown as Guards });
      return gates.observe({ name: 'by-hand' } as never, [{ key: KEY, since: 0, gate: { name: 'leads', approval: { count: 2, groups: [] } } } as never])[KEY]?.approvals ?? [];
    };
    const thousand = Array.from({ length: 1000 }, (_, index) => index);
    expect(seen([...thousand.map((index) => of(index, 'cleo', 'Approve')), of(1000, 'dan', 'Reject')]).map(({ name }) => name)).toEqual(['a999', 'a1000']);
    const many = seen([...thousand.map((index) => of(index, `person-${index}`, 'Approve')), of(1000, 'zoe', 'Reject')]);
    expect([many.length, many.some(({ approver }) => approver === 'zoe')]).toEqual([1000, true]);
  });

  it('count only from when the gate was reached, and belong to their run', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(UpdateStrategy, 'gated', GATED);
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'gated' });
    await bench.clock.advance(1000);
    expect(verdict(await say(bench, { name: 'early', approver: 'cleo', run: 'europe-1' }))).toEqual([false, 'GateNotReached']);
    await bench.clock.advance(3000);
    agents.berlin.apply();
    await bench.clock.advance(3000);
    expect(verdict(await bench.get<ApprovalObject>(Approval, 'early'))).toEqual([false, 'BeforeGate']);
    expect((await runOf(bench, 'europe-1'))?.gates).toEqual([expect.objectContaining({ name: KEY, phase: 'Waiting' })]);
    const { uid } = (await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))!.metadata;
    expect((await bench.get<ApprovalObject>(Approval, 'early'))?.metadata.ownerReferences).toEqual([{ apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', name: 'europe-1', uid }]);
  });

  it('are dated by when they came, as far as clocks may be apart', async () => {
    // A clock of the API server that is behind makes none older than the gate; one that says hours is not believed, nor one that was heard hours later.
    expect([saidAt(100_000, undefined), saidAt(100_000, 103_500), saidAt(100_000, 95_000), saidAt(100_000, 900_000), saidAt(900_000, 100_000)]).toEqual([100_999, 103_500, 95_000, 160_999, 840_999]);
    const { bench } = await atTheGate();
    await say(bench, { name: 'c1', approver: 'cleo' });
    const seenAt = (await bench.get<ApprovalObject>(Approval, 'c1'))?.status?.seenAt;
    expect(seenAt).toBe(toRfc3339(bench.clock.now() - 1000));
    // What came while no hub was there is dated by the API server alone.
    await bench.stopHub();
    await bench.create(Approval, 'd1', { run: 'by-hand', gate: KEY, approver: 'dan', groups: ['owners'] });
    await bench.clock.advance(2000);
    await bench.startHub();
    await bench.clock.advance(20_000);
    expect((await bench.get<ApprovalObject>(Approval, 'd1'))?.status).toMatchObject({ counted: true });
    expect((await bench.get<ApprovalObject>(Approval, 'd1'))?.status?.seenAt).toBeUndefined();
    expect((await bench.get<ApprovalObject>(Approval, 'c1'))?.status).toMatchObject({ counted: true, seenAt });
    expect(await gateOf(bench)).toMatchObject({ phase: 'Passed', approvedBy: ['cleo', 'dan'] });
  });

  it.each([
    ['the policy is gone', (bench: Bench) => bench.kubernetes.delete(ValidatingAdmissionPolicy, { name: GUARD_NAME }, {}, never), `ValidatingAdmissionPolicy ${GUARD_NAME} is not there`],
    ['its binding is gone', (bench: Bench) => bench.kubernetes.delete(ValidatingAdmissionPolicyBinding, { name: GUARD_NAME }, {}, never), `ValidatingAdmissionPolicyBinding ${GUARD_NAME} is not there`],
    ['it lets errors pass', (bench: Bench) => bench.kubernetes.patch(ValidatingAdmissionPolicy, { name: GUARD_NAME }, { spec: { failurePolicy: 'Ignore' } }, { type: 'merge', fieldManager: 'somebody' }, never), `ValidatingAdmissionPolicy ${GUARD_NAME} has failurePolicy Ignore`],
  ] as const)('hold the gate while %s, and are believed again when it is back', async (_what, loosen, says) => {
    const { bench } = await atTheGate();
    await say(bench, { name: 'c1', approver: 'cleo' });
    await loosen(bench);
    await bench.clock.advance(61_000);
    expect(verdict(await say(bench, { name: 'd1', approver: 'dan' }))).toEqual([false, 'NotGuarded']);
    expect(await gateOf(bench)).toMatchObject({ phase: 'Waiting', message: expect.stringContaining(`people are not vouched for: ${says}`) });
    // A hub that serves its API itself brings it back at its start.
    await bench.stopHub();
    await bench.startHub();
    await bench.clock.advance(30_000);
    expect(await bench.get<KubernetesObject>(ValidatingAdmissionPolicy as never, GUARD_NAME)).toMatchObject({ spec: { failurePolicy: 'Fail' } });
    expect(verdict(await bench.get<ApprovalObject>(Approval, 'd1'))).toEqual([true, 'Counted']);
    expect(await gateOf(bench)).toMatchObject({ phase: 'Passed', approvedBy: ['cleo', 'dan'] });
  });
});
