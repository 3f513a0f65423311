/** Whose change a run carries, from the edit to the gate: nobody approves their own, and who is not known holds it. */
import { describe, expect, it } from 'vitest';
import type { ApprovalObject } from '../../../mesh/api/resources/approval.ts';
import { apiVersionOf, Approval, FailoverPolicy, Mesh, type ResourceDefinition, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import type { Bench } from '../testing/bench.ts';
import { applyAll, conditionOf, threeClusters } from '../testing/three-clusters.ts';

const never = new AbortController().signal;
const KEY = 'all/before/leads';
/** Groups are the API server's to say: in process nobody is in any. */
const GATED = { stages: [{ name: 'all', clusters: {}, maxConcurrency: 3, soakSeconds: 0, before: [{ name: 'leads', approval: { count: 1, groups: [] } }] }], progressDeadlineSeconds: 60 };
const policy = (name: string): object => ({ service: { namespace: 'shop', name }, priority: ['berlin'] });

const make = (bench: Bench, who: string, kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject> =>
  bench.as(who).create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as KubernetesObject, { fieldManager: who }, never);
const edit = (bench: Bench, who: string, kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject> =>
  bench.as(who).patch(kind, { name }, { spec }, { type: 'merge', fieldManager: who }, never);
const editorsOf = async (bench: Bench, run: string): Promise<unknown> => (await bench.records.getRun(run))?.state.changedBy?.people.map(({ person, changed }) => `${person}: ${changed.join(', ')}`);
const gateOf = async (bench: Bench, run: string) => (await bench.get<UpdateRunObject>(UpdateRun, run))?.status?.gates?.find(({ name }) => name === KEY);
async function approve(bench: Bench, run: string, who: string): Promise<unknown> {
  const name = `${run}-${who}`;
  await make(bench, who, Approval, name, { run, gate: KEY, approver: who, groups: [] });
  await bench.clock.advance(2000);
  const counted = conditionOf(await bench.get<ApprovalObject>(Approval, name), 'Counted');
  return counted?.message;
}

/** Sue made the strategy, ann the mesh; the run of both waits. */
async function world() {
  const three = await threeClusters();
  const { bench } = three;
  await make(bench, 'sue', UpdateStrategy, 'gated', GATED);
  await make(bench, 'ann', Mesh, 'europe', { clusters: {}, strategy: 'gated' });
  await bench.clock.advance(3000);
  const finish = async (run: string, who: string): Promise<void> => {
    await approve(bench, run, who);
    await applyAll(bench, Object.values(three.agents), 6);
    expect((await bench.get<UpdateRunObject>(UpdateRun, run))?.status?.phase).toBe('Completed');
  };
  return { ...three, finish };
}

describe('whose change a run carries', () => {
  it('is that of everybody who changed what goes into it, and of nobody once it has been brought', async () => {
    const { bench, finish } = await world();
    expect(await editorsOf(bench, 'europe-1')).toEqual(['ann: Mesh europe', 'sue: UpdateStrategy gated']);
    expect(await approve(bench, 'europe-1', 'ann')).toBe('ann changed Mesh europe, which run europe-1 carries; somebody else must approve it');
    expect(await gateOf(bench, 'europe-1')).toMatchObject({ phase: 'Waiting', message: expect.stringContaining('ann changed Mesh europe, which the run carries, and has no word in it') as unknown });
    await finish('europe-1', 'ben');
    expect(await gateOf(bench, 'europe-1')).toMatchObject({ phase: 'Passed', approvedBy: ['ben'] });
    // Ben's own change, and cay's to the same object: ann may approve them.
    await make(bench, 'ben', FailoverPolicy, 'till', policy('till'));
    await edit(bench, 'cay', FailoverPolicy, 'till', { minimumReady: 2 });
    await bench.clock.advance(3000);
    expect(await editorsOf(bench, 'europe-2')).toEqual(['ben: FailoverPolicy till', 'cay: FailoverPolicy till']);
    expect(await approve(bench, 'europe-2', 'cay')).toMatch(/^cay changed FailoverPolicy till/);
    await finish('europe-2', 'ann');
  });

  it('stays theirs on clusters that did not get it, also in the next run', async () => {
    const { bench } = await world();
    await edit(bench, 'eve', UpdateRun, 'europe-1', { stop: true });
    await bench.clock.advance(3000);
    expect((await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status).toMatchObject({ phase: 'Stopped', message: expect.stringContaining('stop was requested by eve') as unknown });
    await make(bench, 'ben', FailoverPolicy, 'till', policy('till'));
    await bench.clock.advance(3000);
    expect(await editorsOf(bench, 'europe-2')).toEqual(['ann: Mesh europe', 'ben: FailoverPolicy till', 'sue: UpdateStrategy gated']);
  });

  it('is theirs however the hub dies, and in every run that tries it again', async () => {
    const { bench } = await world();
    await make(bench, 'ben', FailoverPolicy, 'till', policy('till'));
    await bench.clock.advance(3000);
    await bench.stopHub();
    await edit(bench, 'cay', FailoverPolicy, 'till', { minimumReady: 2 });
    await bench.startHub();
    await bench.clock.advance(20_000);
    await edit(bench, 'eve', UpdateRun, 'europe-1', { stop: true });
    await bench.clock.advance(3000);
    // What was planned meanwhile comes in the run after it.
    expect(await editorsOf(bench, 'europe-2')).toEqual(['ann: Mesh europe', 'ben: FailoverPolicy till', 'cay: FailoverPolicy till', 'sue: UpdateStrategy gated']);
    await edit(bench, 'eve', UpdateRun, 'europe-2', { stop: true });
    await bench.clock.advance(3000);
    await make(bench, 'dan', UpdateRun, 'again', { retryOf: 'europe-2', reason: 'a test', requestedBy: 'dan', stop: false });
    await bench.clock.advance(3000);
    expect(await approve(bench, 'again', 'cay')).toMatch(/^cay changed FailoverPolicy till/);
    expect(await approve(bench, 'again', 'dan')).toMatch(/^dan asked for run again/);
    expect(await approve(bench, 'again', 'eve')).toBe('eve approves');
  });
});

describe('what nothing vouches for', () => {
  const WAY_OUT = (run: string): string => `and who did must not approve: stop this run, and let one who answers for all of it make it again with "isthmus run stop ${run}" and "isthmus run retry ${run}"`;

  it('holds a gate, names the object, and goes on once somebody has made the run their own', async () => {
    const { bench, agents, finish } = await world();
    await finish('europe-1', 'ben');
    await bench.create(FailoverPolicy, 'till', policy('till'));
    await bench.clock.advance(3000);
    expect(await approve(bench, 'europe-2', 'ben')).toBe(`who changed FailoverPolicy till (generation 1) is not known, ${WAY_OUT('europe-2')}`);
    expect(await gateOf(bench, 'europe-2')).toMatchObject({ phase: 'Waiting', message: `who changed FailoverPolicy till (generation 1) is not known, ${WAY_OUT('europe-2')}` });
    await edit(bench, 'eve', UpdateRun, 'europe-2', { stop: true });
    await bench.clock.advance(3000);
    await make(bench, 'dan', UpdateRun, 'again', { retryOf: 'europe-2', reason: 'looked through it', requestedBy: 'dan', stop: false });
    await bench.clock.advance(3000);
    expect(await approve(bench, 'again', 'dan')).toMatch(/^dan asked for run again/);
    await finish('again', 'ben');
    // It has been brought: the next change of the same object is all that counts.
    await edit(bench, 'cay', FailoverPolicy, 'till', { minimumReady: 3 });
    await applyAll(bench, Object.values(agents), 3);
    expect(await editorsOf(bench, 'europe-3')).toEqual(['cay: FailoverPolicy till']);
    expect(await approve(bench, 'europe-3', 'dan')).toBe('dan approves');
  });

  it('is also an edit that another one covered while no hub was there, and a deletion', async () => {
    const { bench, finish } = await world();
    await finish('europe-1', 'ben');
    await make(bench, 'cay', FailoverPolicy, 'till', policy('till'));
    await bench.clock.advance(3000);
    await finish('europe-2', 'ben');
    await bench.stopHub();
    await edit(bench, 'cay', FailoverPolicy, 'till', { minimumReady: 2 });
    await edit(bench, 'dan', FailoverPolicy, 'till', { minimumReady: 3 });
    await bench.startHub();
    await bench.clock.advance(20_000);
    expect(await editorsOf(bench, 'europe-3')).toEqual(['dan: FailoverPolicy till']);
    expect((await gateOf(bench, 'europe-3'))?.message).toContain('who changed FailoverPolicy till (generation 2) is not known');
    await bench.as('cay').delete(FailoverPolicy, { name: 'till' }, {}, never);
    await edit(bench, 'eve', UpdateRun, 'europe-3', { stop: true });
    await bench.clock.advance(3000);
    expect((await gateOf(bench, 'europe-4'))?.message).toContain('who deleted FailoverPolicy till is not known');
    await edit(bench, 'eve', UpdateRun, 'europe-4', { stop: true });
    await bench.clock.advance(3000);
    await make(bench, 'ben', FailoverPolicy, 'other', policy('other'));
    await bench.clock.advance(3000);
    // Told until it has been brought.
    expect((await gateOf(bench, 'europe-5'))?.message).toContain('who deleted FailoverPolicy till is not known');
  });
});

it('tells in the journal who paused, and who took that back', async () => {
  const { bench } = await world();
  await edit(bench, 'cay', UpdateRun, 'europe-1', { pause: true });
  await bench.clock.advance(2000);
  expect((await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status).toMatchObject({ phase: 'Paused', message: expect.stringMatching(/^paused by cay/) as unknown });
  await edit(bench, 'dan', UpdateRun, 'europe-1', { pause: false });
  await bench.clock.advance(2000);
  const told = (await bench.records.listJournal('europe-1', 100)).filter(({ event }) => ['Created', 'Paused', 'Resumed'].includes(event)).map(({ event, message }) => `${event}: ${message}`);
  expect(told).toEqual(['Created: created; changed by ann (Mesh europe), sue (UpdateStrategy gated)', 'Paused: paused by cay', 'Resumed: dan took back the pause of cay']);
});
