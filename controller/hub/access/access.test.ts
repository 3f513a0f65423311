/** Access policies in a whole hub: into desired states by runs, what is said of them, and what a preview says before. */
import { describe, expect, test } from 'vitest';
import type { AccessPolicyObject } from '../../../mesh/api/resources/access-policy.ts';
import { AccessPolicy, Inquiry, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { AccessAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { AccessObservation, AccessRule } from '../../../mesh/model/access.ts';
import type { DesiredRevision, DesiredState } from '../../../mesh/model/desired.ts';
import type { Question } from '../../../mesh/model/sync.ts';
import { type Bench, createBench, type ScriptedAgent, scriptedAgent } from '../testing/bench.ts';

const SPEC = { from: [{ clusters: { names: ['oslo'] }, namespaces: ['web'] }], to: { service: { namespace: 'shop', name: 'checkout' }, clusters: { names: ['berlin'] } } };
const RULE: AccessRule = { policy: 'to-checkout', mode: 'DefaultDeny', to: { service: { namespace: 'shop', name: 'checkout' } }, from: [{ clusters: ['oslo'], namespaces: ['web'] }] };

async function fleet(): Promise<{ readonly bench: Bench; readonly agents: readonly ScriptedAgent[] }> {
  const bench = await createBench();
  for (const name of ['berlin', 'oslo', 'paris']) await bench.join(name);
  await bench.startHub();
  const agents = ['berlin', 'oslo', 'paris'].map((name, index) => scriptedAgent(name, index + 1));
  for (const agent of agents) agent.connect(bench);
  await bench.clock.advance(2000);
  return { bench, agents };
}

const accessOf = (agent: ScriptedAgent): DesiredState['access'] => {
  const revision = agent.value<DesiredRevision>('DesiredRevision', agent.cluster);
  return revision === undefined ? undefined : (JSON.parse(revision.content) as DesiredState).access;
};
async function follow(bench: Bench, agents: readonly ScriptedAgent[]): Promise<void> {
  for (let step = 0; step < 20; step += 1) {
    await bench.clock.advance(3000);
    for (const agent of agents) agent.apply();
  }
}
const statusOf = async (bench: Bench, name = 'to-checkout') => (await bench.get<AccessPolicyObject>(AccessPolicy, name))?.status;

describe('an access policy', () => {
  test('reaches its destinations by a run, says where it is in force, and leaves by a run', async () => {
    const { bench, agents } = await fleet();
    await bench.create(AccessPolicy, 'to-checkout', SPEC);
    await bench.clock.advance(1500);
    expect(await statusOf(bench)).toMatchObject({ clusterCount: 1, clusters: [{ name: 'berlin' }], conditions: [{ type: 'Compiled', status: 'True' }, { type: 'RolledOut', status: 'False' }] });
    await follow(bench, agents);
    expect(agents.map(accessOf)).toEqual([[RULE], undefined, undefined]);
    const [run] = await bench.list<UpdateRunObject>(UpdateRun);
    expect(run?.spec.reason).toBe('Policies: new desired state for berlin');
    expect(await statusOf(bench)).toMatchObject({ clusterCount: 1, inForceCount: 1, clusters: [{ name: 'berlin', state: 'InForce' }], conditions: [{ type: 'Compiled', message: 'for 1 cluster' }, { type: 'RolledOut', status: 'True', message: 'in force in 1 cluster' }] });

    await bench.kubernetes.patch(AccessPolicy, { name: 'to-checkout' }, { spec: { to: { clusters: { cel: 'nonsense(' } } } }, { type: 'merge', fieldManager: 'test' }, new AbortController().signal);
    await follow(bench, agents);
    expect(agents.map(accessOf)).toEqual([[RULE], undefined, undefined]);
    expect(await statusOf(bench)).toMatchObject({ conditions: [{ type: 'Compiled', status: 'False', reason: 'InvalidSelector', message: expect.stringMatching(/^spec\.to\.clusters: cel: .*Until then clusters keep what they have of it$/) }, { type: 'RolledOut', status: 'True' }] });

    await bench.kubernetes.delete(AccessPolicy, { name: 'to-checkout' }, {}, new AbortController().signal);
    await follow(bench, agents);
    expect(agents.map(accessOf)).toEqual([undefined, undefined, undefined]);
  });

  test('is refused where it means nothing', async () => {
    const { bench } = await fleet();
    for (const wrong of [{ ...SPEC, from: [] }, { ...SPEC, from: [{}] }, { ...SPEC, to: {} }, { ...SPEC, to: { ...SPEC.to, namespaces: ['shop'] } }, { ...SPEC, to: { ...SPEC.to, ports: [{ port: 0 }] } }, { ...SPEC, to: { ...SPEC.to, ports: [] } }]) {
      await expect(bench.create(AccessPolicy, 'wrong', wrong)).rejects.toThrow(/Invalid|invalid/);
    }
    await expect(bench.create(AccessPolicy, 'a'.repeat(201), SPEC)).rejects.toThrow(/at most 200 characters/);
  });
});

const groups = (...all: readonly (readonly [string, string])[]): AccessObservation['sources'] => all.map(([namespace, serviceAccount]) => ({ namespace, serviceAccount, endpoints: 2 }));
const SEEN: AccessObservation = { sources: groups(['web', 'front']), sourcesOmitted: 0, targets: [], targetsOmitted: 0, services: [], others: [], problems: [] };
const HELD: AccessObservation = {
  ...SEEN, sources: groups(['shop', 'default']), targets: [{ labels: { 'io.kubernetes.pod.namespace': 'shop', app: 'checkout' }, endpoints: 3, enforcing: 0 }, { labels: { 'io.kubernetes.pod.namespace': 'shop', app: 'cart' }, endpoints: 1, enforcing: 0 }],
  services: [{ namespace: 'shop', name: 'checkout', selector: { app: 'checkout' }, ports: [{ port: 80, protocol: 'TCP', targetPort: '8080' }] }],
};

async function ask(bench: Bench, agents: readonly ScriptedAgent[], access: object, seen: Readonly<Record<string, AccessObservation>>): Promise<AccessAnswer> {
  await bench.create(Inquiry, 'question', { access });
  for (let step = 0; step < 80; step += 1) {
    await bench.clock.advance(100);
    for (const agent of agents) {
      for (const id of agent.holds('Question')) {
        const observation = seen[agent.cluster];
        if (agent.value<Question>('Question', id)?.access !== undefined && observation !== undefined) agent.publisher.set('Answer', id, { id, lines: [], records: [], rcode: '', access: observation });
      }
    }
  }
  const { status } = (await bench.get<InquiryObject>(Inquiry, 'question'))!;
  if (status?.answer === undefined) throw new Error(status?.error ?? 'no answer');
  return JSON.parse(status.answer) as AccessAnswer;
}

describe('a preview', () => {
  test('says what would be stopped before anything is made', async () => {
    const { bench, agents } = await fleet();
    const answer = await ask(bench, agents, { name: 'to-checkout', spec: SPEC }, { berlin: HELD });
    expect(answer).toMatchObject({
      policy: 'to-checkout', clusters: ['berlin'], rowsOmitted: 0, totals: { stopped: 1, letThrough: 0, unchanged: 0, unknown: 0 }, conflicts: [],
      rows: [{ from: { cluster: 'berlin', namespace: 'shop', serviceAccount: 'default', endpoints: 2 }, to: { cluster: 'berlin', name: 'shop/checkout', endpoints: 3 }, ports: ['8080/TCP', 'other ports'], today: 'Allowed', tomorrow: 'Denied' }],
    });
    expect(answer.restsOn).toEqual([expect.stringContaining('traffic from outside the clusters')]);
    expect(await bench.list(UpdateRun)).toEqual([]);
  });

  test('says what taking it away lets through again, and what rests on policies of others', async () => {
    const { bench, agents } = await fleet();
    await bench.create(AccessPolicy, 'to-checkout', SPEC);
    await follow(bench, agents);
    const enforced = { ...HELD, targets: [{ ...HELD.targets[0]!, enforcing: 3 }] };
    expect(await ask(bench, agents, { name: 'to-checkout', remove: true }, { berlin: enforced })).toMatchObject({ rows: [{ today: 'Denied', tomorrow: 'Allowed' }], totals: { letThrough: 1 } });
    await bench.kubernetes.delete(Inquiry, { name: 'question' }, {}, new AbortController().signal);
    const mixed = await ask(bench, agents, { name: 'to-checkout' }, { berlin: { ...enforced, others: [{ namespace: 'shop', policies: 2, denying: 0 }] } });
    expect(mixed).toMatchObject({ rows: [{ today: 'Unknown', tomorrow: 'Unknown' }], totals: { unknown: 1 } });
    expect(mixed.restsOn[0]).toBe('berlin: 2 policies of others in namespace shop may let more through, or stop more: what rests on them is Unknown');
  });

  test('says of whom nothing is known, and refuses what is no policy', async () => {
    const { bench, agents } = await fleet();
    expect(await ask(bench, agents, { name: 'to-checkout', spec: SPEC }, {})).toMatchObject({ rows: [], restsOn: [expect.stringContaining('nothing is known of the pods of berlin: cluster "berlin": its agent did not answer'), expect.anything()] });
    await bench.kubernetes.delete(Inquiry, { name: 'question' }, {}, new AbortController().signal);
    await expect(ask(bench, agents, { name: 'none' }, {})).rejects.toThrow('there is no such policy');
    await bench.kubernetes.delete(Inquiry, { name: 'question' }, {}, new AbortController().signal);
    await expect(ask(bench, agents, { name: 'x', spec: { from: [] } }, {})).rejects.toThrow(/AccessPolicy "x": spec\./);
    await bench.kubernetes.delete(Inquiry, { name: 'question' }, {}, new AbortController().signal);
    await expect(ask(bench, agents, { name: 'x', spec: SPEC, cluster: 'oslo' }, {})).rejects.toThrow('is not for cluster "oslo"; it is for berlin');
  });
});
