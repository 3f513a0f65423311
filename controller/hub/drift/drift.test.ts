/** What becomes of changes by others, from the hub's side: classes, holds, alerts, decisions, and runs that leave a cluster alone. */
import { afterEach, describe, expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Event, type EventObject } from '../../../mesh/api/resources/core.ts';
import type { DriftDecisionObject, DriftPolicyObject } from '../../../mesh/api/resources/drift-policy.ts';
import { Cluster, DriftDecision, DriftPolicy, Mesh, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { DesiredRevision, DesiredState, DriftEntry } from '../../../mesh/model/desired.ts';
import { type Bench, createBench, type ScriptedAgent, scriptedAgent } from '../testing/bench.ts';

const signal = new AbortController().signal;
const SEVEN_DAYS = 604_800_000;
const STRATEGY = { stages: [{ name: 'all', clusters: {}, maxConcurrency: 2, soakSeconds: 0 }], progressDeadlineSeconds: 60 };
const benches: Bench[] = [];
afterEach(async () => { for (const bench of benches.splice(0)) await bench.stopHub(); });

/** Two clusters of one mesh that have what the first run gave them. */
async function fleet(): Promise<{ bench: Bench; berlin: ScriptedAgent; oslo: ScriptedAgent }> {
  const bench = await createBench();
  benches.push(bench);
  for (const name of ['berlin', 'oslo']) await bench.join(name, { env: 'production' });
  await bench.create(UpdateStrategy, 'simple', STRATEGY);
  await bench.startHub();
  const [berlin, oslo] = [scriptedAgent('berlin', 1), scriptedAgent('oslo', 2)];
  for (const agent of [berlin, oslo]) agent.connect(bench);
  await bench.clock.advance(20_000);
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'simple' });
  await follow(bench, berlin, oslo);
  expect(await runs(bench)).toEqual(['europe-1 Completed']);
  return { bench, berlin, oslo };
}

async function follow(bench: Bench, ...agents: ScriptedAgent[]): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await bench.clock.advance(2000);
    for (const agent of agents) agent.apply();
  }
  await bench.clock.advance(2000);
}

const revisionOf = (agent: ScriptedAgent): DesiredRevision => agent.value<DesiredRevision>('DesiredRevision', agent.cluster)!;
const stateOf = (agent: ScriptedAgent): DesiredState => JSON.parse(revisionOf(agent).content) as DesiredState;
const edited = (bench: Bench, over: Partial<DriftEntry> = {}): DriftEntry =>
  ({ object: 'Secret kube-system/cilium-clustermesh', path: '.data.oslo', expected: 'sha256:aa', actual: 'sha256:bb', manager: 'kubectl-edit', firstSeen: bench.clock.now(), ...over });
function report(agent: ScriptedAgent, drift: readonly DriftEntry[], over: { inPlaceButDrift?: string; driftOmitted?: number } = {}): void {
  agent.publisher.set('AppliedReport', agent.cluster, { id: revisionOf(agent).id, appliedAt: 1, healthy: drift.length === 0, message: drift.length === 0 ? '' : 'changed by others', drift, ...over });
}
const cluster = async (bench: Bench, name = 'berlin'): Promise<ClusterObject> => (await bench.get<ClusterObject>(Cluster, name))!;
const inSync = async (bench: Bench) => (await cluster(bench)).status?.conditions?.find(({ type }) => type === 'InSync');
const runs = async (bench: Bench): Promise<string[]> => (await bench.list<UpdateRunObject>(UpdateRun)).map(({ metadata, status }) => `${metadata.name} ${status?.phase ?? 'Pending'}`);
const rolledOut = async (bench: Bench) => (await bench.get<MeshObject>(Mesh, 'europe'))?.status?.conditions?.find(({ type }) => type === 'RolledOut');
/** Of clusters: runs have their own. */
const events = async (bench: Bench): Promise<string[]> => (await bench.kubernetes.list<EventObject>(Event, { namespace: 'default' }, signal)).items.filter(({ involvedObject }) => involvedObject.kind === 'Cluster').map(({ involvedObject, reason, message }) => `${involvedObject.name} ${reason}: ${message}`);
/** Something that asks for a new desired state of every cluster. */
const change = (bench: Bench): Promise<void> => bench.create({ ...Mesh, kind: 'GlobalService', plural: 'globalservices' }, 'checkout', { host: 'checkout.example.com', service: { namespace: 'shop', name: 'checkout' } });
const decide = (bench: Bench, name: string, action: 'accept' | 'revert', entry: DriftEntry, over: object = {}): Promise<void> =>
  bench.create(DriftDecision, name, { cluster: 'berlin', action, changes: [{ object: entry.object, path: entry.path, actual: entry.actual }], reason: 'the port moved', requestedBy: 'ann', ...over });

describe('a person\'s change', () => {
  test('holds its cluster out of runs, beyond new revisions, while the others go on; when it is over, the cluster follows', async () => {
    const { bench, berlin, oslo } = await fleet();
    const since = bench.clock.now();
    report(berlin, [edited(bench)]);
    await bench.clock.advance(1000);
    expect((await cluster(bench)).status?.drift).toMatchObject([{ class: 'suspicious', manager: 'kubectl-edit', heldUntil: new Date(since + SEVEN_DAYS).toISOString() }]);
    expect(await inSync(bench)).toMatchObject({ status: 'False', reason: 'Held' });

    const before = revisionOf(berlin).id;
    await change(bench);
    await follow(bench, oslo);
    expect(await runs(bench)).toEqual(['europe-1 Completed', 'europe-2 Completed']);
    expect(revisionOf(berlin).id).toBe(before);
    expect(await rolledOut(bench)).toMatchObject({ status: 'False', reason: 'Held', message: expect.stringContaining('was changed by kubectl-edit') });
    await bench.clock.advance(60_000);
    expect(await runs(bench)).toHaveLength(2);

    report(berlin, []);
    await follow(bench, berlin);
    expect(await runs(bench)).toEqual(['europe-1 Completed', 'europe-2 Completed', 'europe-3 Completed']);
    expect(revisionOf(berlin).id).not.toBe(before);
    expect(await rolledOut(bench)).toMatchObject({ status: 'True' });
  });

  test('is asked about aloud when its hold expires, once, and is still not overwritten; a restart of hub and agent makes no hold longer', async () => {
    const { bench, berlin } = await fleet();
    const since = bench.clock.now();
    report(berlin, [edited(bench)]);
    await bench.clock.advance(1000);
    expect(await events(bench)).toEqual([]);
    await bench.stopHub();
    await bench.clock.advance(SEVEN_DAYS / 2);
    await bench.startHub();
    berlin.connect(bench);
    // The agent has forgotten when it saw it first.
    report(berlin, [edited(bench)]);
    await bench.clock.advance(20_000);
    expect((await cluster(bench)).status?.drift?.[0]?.heldUntil).toBe(new Date(since + SEVEN_DAYS).toISOString());
    await bench.clock.advance(SEVEN_DAYS / 2);
    expect(await inSync(bench)).toMatchObject({ status: 'False', reason: 'HoldExpired' });
    expect(await events(bench)).toEqual(['berlin HoldExpired: Secret kube-system/cilium-clustermesh .data.oslo was changed by kubectl-edit (suspicious); nobody decided in time, and nothing is overwritten: accept it or revert it']);
    await change(bench);
    await bench.clock.advance(120_000);
    expect(stateOf(berlin).globalServices).toEqual([]);
    expect(await events(bench)).toHaveLength(1);
  });
});

describe('a policy', () => {
  test('lets a cluster with acceptable changes take part in runs, and counts it healthy with everything else in place', async () => {
    const { bench, berlin, oslo } = await fleet();
    await bench.create(DriftPolicy, 'gitops', { clusters: { labels: { env: 'prod*' } }, rules: [{ match: 'drift.manager == "argocd-controller" && drift.kind == "Secret"', class: 'acceptable' }] });
    report(berlin, [edited(bench, { manager: 'argocd-controller' })], { inPlaceButDrift: revisionOf(berlin).id });
    await bench.clock.advance(1000);
    expect((await cluster(bench)).status?.drift).toMatchObject([{ class: 'acceptable' }]);
    expect(await inSync(bench)).toMatchObject({ status: 'True', reason: 'Tolerated' });
    await change(bench);
    await bench.clock.advance(2000);
    oslo.apply();
    report(berlin, [edited(bench, { manager: 'argocd-controller' })], { inPlaceButDrift: revisionOf(berlin).id });
    await follow(bench, oslo);
    expect(await runs(bench)).toEqual(['europe-1 Completed', 'europe-2 Completed']);
    expect((await cluster(bench)).status?.conditions?.find(({ type }) => type === 'Applied')).toMatchObject({ status: 'True' });
  });

  test('makes the transient suspicious by the clock, and the dangerous loud at once', async () => {
    const { bench, berlin } = await fleet();
    await bench.create(DriftPolicy, 'clock', { clusters: {}, transientSeconds: 60, rules: [{ match: 'drift.manager == "helm"', class: 'transient' }, { match: 'drift.path == ".data.rome"', class: 'dangerous' }] });
    report(berlin, [edited(bench, { manager: 'helm' })]);
    await bench.clock.advance(2000);
    expect((await cluster(bench)).status?.drift).toMatchObject([{ class: 'transient' }]);
    expect((await cluster(bench)).status?.drift?.[0]?.heldUntil).toBeUndefined();
    await bench.clock.advance(60_000);
    expect((await cluster(bench)).status?.drift).toMatchObject([{ class: 'suspicious', heldUntil: expect.any(String) }]);
    report(berlin, [edited(bench, { path: '.data.rome' })]);
    await bench.clock.advance(2000);
    expect(await inSync(bench)).toMatchObject({ reason: 'DangerousDrift' });
    expect(await events(bench)).toEqual([expect.stringContaining('berlin DangerousDrift')]);
  });

  test('says of itself what is wrong with it, and then nothing is taken for harmless', async () => {
    const { bench, berlin } = await fleet();
    await bench.create(DriftPolicy, 'broken', { clusters: {}, rules: [{ match: 'drift.owner == "me"', class: 'dangerous' }, { match: 'true', class: 'acceptable' }] });
    await bench.create(DriftPolicy, 'fine', { clusters: { names: ['nobody'] }, rules: [{ match: 'true', class: 'acceptable' }] });
    report(berlin, [edited(bench)]);
    await bench.clock.advance(2000);
    const valid = async (name: string) => (await bench.get<DriftPolicyObject>(DriftPolicy, name))?.status?.conditions?.[0];
    expect(await valid('broken')).toMatchObject({ type: 'Valid', status: 'False', reason: 'InvalidRule', message: expect.stringContaining('spec.rules[0].match: ') });
    expect(await valid('fine')).toMatchObject({ status: 'True' });
    expect((await cluster(bench)).status?.drift).toMatchObject([{ class: 'suspicious' }]);
  });
});

describe('a decision', () => {
  const finished = async (bench: Bench, name: string) => (await bench.get<DriftDecisionObject>(DriftDecision, name))?.status?.finishedAt;
  const effective = async (bench: Bench, name: string) => (await bench.get<DriftDecisionObject>(DriftDecision, name))?.status?.conditions?.[0];

  test('goes through a run, with who and why in it and in the history, and can be undone', async () => {
    const { bench, berlin } = await fleet();
    const entry = edited(bench);
    report(berlin, [entry]);
    await bench.clock.advance(1000);
    await decide(bench, 'move', 'accept', entry);
    await bench.clock.advance(2000);
    expect(stateOf(berlin).overrides).toEqual([{ object: entry.object, path: entry.path, actual: entry.actual, action: 'keep', decision: 'move' }]);
    await follow(bench, berlin);
    const run = (await bench.get<UpdateRunObject>(UpdateRun, 'europe-2'))!;
    expect(run.spec).toMatchObject({ requestedBy: 'ann', reason: 'drift accept in berlin by ann: the port moved' });
    expect(run.status).toMatchObject({ phase: 'Completed', counts: { total: 1 } });
    expect(await inSync(bench)).toMatchObject({ status: 'True' });
    expect(await effective(bench, 'move')).toMatchObject({ status: 'True', reason: 'Done' });
    const [row] = await bench.records.listHistory({ cluster: 'berlin', field: 'desired', limit: 1 });
    expect(row).toMatchObject({ run: 'europe-2', reason: 'drift accept in berlin by ann: the port moved' });

    await bench.create(UpdateRun, 'undo', { ...run.spec, undoOf: 'europe-2', reason: 'no, back', requestedBy: 'ben' });
    await follow(bench, berlin);
    expect(stateOf(berlin).overrides).toBeUndefined();
    await bench.clock.advance(60_000);
    expect(await runs(bench)).toEqual(['europe-1 Completed', 'europe-2 Completed', 'undo Completed']);
  });

  test('on an older change than the one that is there is outdated, and the cluster stays held', async () => {
    const { bench, berlin } = await fleet();
    const entry = edited(bench);
    report(berlin, [edited(bench, { actual: 'sha256:newer' })]);
    await decide(bench, 'late', 'revert', entry);
    await bench.clock.advance(3000);
    expect(await effective(bench, 'late')).toMatchObject({ status: 'False', reason: 'Outdated' });
    expect(await inSync(bench)).toMatchObject({ reason: 'Held' });
    expect(stateOf(berlin).overrides).toBeUndefined();
  });

  test('that is over goes after its time, and with it what it was in the desired state; history and run keep the story', async () => {
    const { bench, berlin } = await fleet();
    const entry = edited(bench);
    report(berlin, [entry]);
    await bench.clock.advance(1000);
    await decide(bench, 'back', 'revert', entry);
    await decide(bench, 'nowhere', 'revert', entry, { cluster: 'atlantis', ttlSecondsAfterFinished: 10 });
    await bench.clock.advance(2000);
    expect((await finished(bench, 'back'))).toBeUndefined();
    const nowhereAt = await finished(bench, 'nowhere');
    expect(nowhereAt).toBeDefined();
    await follow(bench, berlin);
    expect([await effective(bench, 'back'), stateOf(berlin).overrides?.length]).toMatchObject([{ reason: 'Done' }, 1]);
    await bench.clock.advance(10_000);
    expect(await bench.get(DriftDecision, 'nowhere')).toBeUndefined();

    // A restart makes no decision last longer.
    const since = await finished(bench, 'back');
    await bench.clock.advance(SEVEN_DAYS / 2);
    await bench.stopHub();
    await bench.startHub();
    berlin.connect(bench);
    await bench.clock.advance(60_000);
    expect([since, await finished(bench, 'back')]).toEqual([expect.any(String), since]);
    await bench.clock.advance(SEVEN_DAYS / 2 - 180_000);
    expect(await bench.get(DriftDecision, 'back')).toBeDefined();
    for (let turn = 0; turn < 60 && await bench.get(DriftDecision, 'back') !== undefined; turn += 1) await bench.clock.advance(5000);
    expect(await bench.get(DriftDecision, 'back')).toBeUndefined();
    await follow(bench, berlin);
    expect(stateOf(berlin).overrides).toBeUndefined();
    const rows = await bench.records.listHistory({ cluster: 'berlin', field: 'desired', limit: 9 });
    expect(rows.map(({ reason }) => reason)).toContain('drift revert in berlin by ann: the port moved');
    expect(await runs(bench)).toEqual(['europe-1 Completed', 'europe-2 Completed', 'europe-3 Completed']);
  });

  test('to accept stays for as long as what was accepted is desired', async () => {
    const { bench, berlin } = await fleet();
    const entry = edited(bench);
    report(berlin, [entry]);
    await bench.clock.advance(1000);
    await decide(bench, 'move', 'accept', entry, { ttlSecondsAfterFinished: 1 });
    await bench.clock.advance(2000);
    await follow(bench, berlin);
    await bench.clock.advance(SEVEN_DAYS);
    expect([await effective(bench, 'move'), await finished(bench, 'move'), stateOf(berlin).overrides?.length]).toMatchObject([{ reason: 'Done' }, undefined, 1]);
  });

  test('that would make the hub know a secret is refused, though somebody created it by hand', async () => {
    const { bench, berlin } = await fleet();
    const entry = edited(bench, { object: 'Secret kube-system/clustermesh-apiserver-remote-cert', path: '.data.tls.crt' });
    report(berlin, [entry]);
    await decide(bench, 'key', 'accept', entry);
    await bench.clock.advance(3000);
    expect(await effective(bench, 'key')).toMatchObject({ status: 'False', reason: 'Refused', message: expect.stringContaining('the hub may not know') });
    expect(await runs(bench)).toEqual(['europe-1 Completed']);
  });
});

test('a frozen cluster is left alone until the freeze is over', async () => {
  const { bench, berlin, oslo } = await fleet();
  const until = new Date(bench.clock.now() + 100_000).toISOString();
  await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { spec: { frozen: { reason: 'audit', until } } }, { type: 'merge', fieldManager: 'kubectl-edit' }, signal);
  await change(bench);
  await follow(bench, oslo);
  expect(stateOf(berlin).globalServices).toEqual([]);
  expect(await rolledOut(bench)).toMatchObject({ reason: 'Held', message: expect.stringContaining(`frozen until ${until}: audit`) });
  await bench.clock.advance(100_000);
  await follow(bench, berlin);
  expect(stateOf(berlin).globalServices).toHaveLength(1);
  expect(await rolledOut(bench)).toMatchObject({ status: 'True' });
});

test('two drifts, of which the agent names one, are counted', async () => {
  const { bench, berlin } = await fleet();
  report(berlin, [edited(bench)], { driftOmitted: 1 });
  await bench.clock.advance(2000);
  expect((await cluster(bench)).status).toMatchObject({ driftOmitted: 1, drift: [{}] });
});

test('an agent that tells another story every second fills neither the status, nor the hub, nor the API server', async () => {
  const { bench, berlin } = await fleet();
  await bench.create(DriftPolicy, 'loud', { clusters: {}, rules: [{ match: 'drift.manager.startsWith("m")', class: 'dangerous' }] });
  for (let second = 0; second < 240; second += 1) {
    report(berlin, Array.from({ length: 900 }, (_, index) => edited(bench, { path: `.data.p${index}`, manager: `m${second}`, actual: `sha256:${second}` })));
    await bench.clock.advance(1000);
  }
  const { drift, driftOmitted } = (await cluster(bench)).status!;
  expect([drift?.length, driftOmitted]).toEqual([32, 868]);
  expect((await events(bench)).length).toBeLessThanOrEqual(5);
});
