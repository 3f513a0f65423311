import { describe, expect, test } from 'vitest';
import type { ApprovalObject } from '../../../mesh/api/resources/approval.ts';
import { Approval, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { approveRun } from './approve.ts';

const NOW = '2030-01-01T11:59:00.000Z';
const approval = (groups: string[]) => ({ count: 1, groups });
const STRATEGY: UpdateRunObject['spec']['strategy'] = {
  name: 'gated', progressDeadlineSeconds: 600,
  stages: [
    { name: 'canary', clusters: {}, maxConcurrency: 1, soakSeconds: 0, after: [{ name: 'quiet', waitUntil: { at: NOW } }] },
    { name: 'rest', clusters: {}, maxConcurrency: 1, soakSeconds: 0, before: [{ name: 'leads', approval: approval(['network-leads', 'owners']) }, { name: 'shop', approval: approval(['shop']) }, { name: 'anybody', approval: approval([]) }] },
  ],
};
type Status = NonNullable<UpdateRunObject['status']>;
const waiting = (name: string, phase: 'Waiting' | 'Passed' = 'Waiting', message = ''): NonNullable<Status['gates']>[number] => ({ name, phase, message, since: NOW });

/** The environment's user is ada, of network-leads. */
async function withRun({ gates, phase = 'Waiting', requestedBy = 'cleo', strategy = STRATEGY }: { gates: Status['gates']; phase?: Status['phase']; requestedBy?: string; strategy?: UpdateRunObject['spec']['strategy'] | null }): Promise<TestEnvironment> {
  const environment = testEnvironment();
  const spec = { ...(strategy === null ? { strategyName: 'gated' } : { strategy }), planDigest: 'abc', reason: 'a test', requestedBy, stop: false };
  await environment.client.create(UpdateRun, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', metadata: { name: 'europe-1' }, spec } as UpdateRunObject, { fieldManager: 'test' }, environment.signal);
  const status = { phase, message: 'stage rest waits', counts: { total: 3, done: 1, inFlight: 0, failed: 0, skipped: 0 }, gates };
  await environment.client.patch(UpdateRun, { name: 'europe-1' }, { status }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, environment.signal);
  return environment;
}
const approve = (environment: TestEnvironment, over: Partial<Parameters<typeof approveRun>[2]> = {}): Promise<void> => approveRun(environment, 'europe-1', { decision: 'Approve', gate: undefined, reason: '', dryRun: false, ...over });
const made = async ({ client, signal }: TestEnvironment) => (await client.list<ApprovalObject>(Approval, {}, signal)).items;

describe('run approve', () => {
  test('takes the one gate that waits for people, in the name and with the groups that the server knows', async () => {
    const environment = await withRun({ gates: [waiting('canary/after/quiet'), waiting('rest/before/leads')] });
    await approve(environment, { reason: 'looks well' });
    const [one] = await made(environment);
    expect(one?.spec).toEqual({ run: 'europe-1', gate: 'rest/before/leads', decision: 'Approve', reason: 'looks well', approver: 'ada', groups: ['network-leads'] });
    expect(one?.metadata.name).toMatch(/^europe-1-rest-before-leads-[0-9a-f]{12}$/);
    expect(environment.printed()).toBe(`approval.isthmus.dev/${one?.metadata.name} created\nada approves gate rest/before/leads of run europe-1; the hub has not said yet whether it counts: "kubectl get approval ${one?.metadata.name}" shows it\n`);
    await expect(approve(environment)).rejects.toThrow(`you have said so already: Approval ${one?.metadata.name}; nobody counts twice`);
    await approveRun(environment, 'europe-1', { decision: 'Reject', gate: 'leads', reason: 'no, wait', dryRun: false });
    expect((await made(environment)).map(({ spec }) => spec.decision).sort()).toEqual(['Approve', 'Reject']);
    // What did not count can be said anew.
    await environment.client.patch(Approval, { name: one!.metadata.name }, { status: { counted: false } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, environment.signal);
    await approve(environment);
    expect((await made(environment)).map(({ spec }) => spec.decision).sort()).toEqual(['Approve', 'Approve', 'Reject']);
  });

  test('asks which, where several wait; the short name is enough', async () => {
    const environment = await withRun({ gates: [waiting('rest/before/leads'), waiting('rest/before/anybody')] });
    await expect(approve(environment)).rejects.toThrow('run europe-1 waits at several gates: rest/before/leads, rest/before/anybody; say which');
    await approve(environment, { gate: 'anybody' });
    expect((await made(environment))[0]?.spec).toMatchObject({ gate: 'rest/before/anybody', groups: [] });
  });

  test('a strategy by name: all of one\'s groups are named, for the hub to choose', async () => {
    const environment = await withRun({ gates: [waiting('rest/before/leads')], strategy: null });
    await approve(environment);
    expect((await made(environment))[0]?.spec.groups).toEqual(['network-leads', 'system:authenticated']);
  });

  test.each<[string, Parameters<typeof withRun>[0], string | undefined, string]>([
    ['one\'s own run', { gates: [waiting('rest/before/leads')], requestedBy: 'ada' }, undefined, 'you asked for this run yourself; someone else of group network-leads or owners must approve it (you are ada)'],
    ['a gate of other people', { gates: [waiting('rest/before/shop')] }, undefined, 'gate rest/before/shop wants people of group shop; you are ada (groups network-leads, system:authenticated)'],
    ['a run that waits for nobody', { gates: [waiting('canary/after/quiet')] }, undefined, 'run europe-1 waits for nobody\'s approval now (Waiting: stage rest waits)'],
    ['a gate that was decided', { gates: [waiting('rest/before/leads', 'Passed', 'approved by dan'), waiting('rest/before/shop')] }, 'leads', 'gate rest/before/leads of run europe-1 has been decided: Passed, approved by dan'],
    ['a gate that is not there', { gates: [waiting('rest/before/leads')] }, 'owners', 'run europe-1 does not wait at gate "owners"; it waits at rest/before/leads'],
    ['a run that has ended', { gates: [], phase: 'Completed' }, undefined, 'run europe-1 has ended (Completed): there is nothing left to approve'],
  ])('says why not: %s', async (_what, run, gate, says) => {
    const environment = await withRun(run);
    await expect(approve(environment, { gate })).rejects.toThrow(says);
    expect(await made(environment)).toEqual([]);
  });

  test('a run that is not there; a rejection without a reason; a dry run', async () => {
    const environment = await withRun({ gates: [waiting('rest/before/leads')] });
    await expect(approveRun(environment, 'europe-2', { decision: 'Approve', gate: undefined, reason: '', dryRun: false })).rejects.toThrow('there is no run "europe-2"');
    await expect(approve(environment, { decision: 'Reject' })).rejects.toThrow('--reason: say why');
    await approve(environment, { dryRun: true });
    expect(environment.printed()).toMatch(/created \(dry run\)\n$/);
    expect(await made(environment)).toEqual([]);
  });
});
