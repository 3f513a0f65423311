/** What a revocation does at the hub, at once and over restarts. Agents are scripted; what they do is tested with them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCertificateRequest } from '../../../certs/index.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster, ExportPolicy, FailoverPolicy, JoinToken, Mesh, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Revocation } from '../../../mesh/model/revocation.ts';
import type { PeerIdentity } from '../../../mesh/ports/transport.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { decodeJoinToken } from '../../runtime/join-token.ts';
import { createJoinToken } from '../../runtime/new-join-token.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { exportOf, type ScriptedAgent } from '../testing/bench.ts';
import { applyAll, conditionOf, threeClusters } from '../testing/three-clusters.ts';

const never = new AbortController().signal;
const signer = deterministicSigner('agent');
const csr = () => createCertificateRequest(signer.generate());
let { bench, agents }: Awaited<ReturnType<typeof threeClusters>> = {} as never;
beforeEach(async () => {
  ({ bench, agents } = await threeClusters());
  await bench.create(ExportPolicy, 'all', { clusters: {}, namespaces: ['*'], services: [] });
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  await applyAll(bench, Object.values(agents));
});
afterEach(() => bench.stopHub());

const peer = (notBefore: number, cluster = 'berlin'): PeerIdentity => ({ cluster, spiffeId: `spiffe://test/cluster/${cluster}`, certificateSerial: 'AB', notBefore: notBefore - 60_000 });
const berlin = async () => bench.get<ClusterObject>(Cluster, 'berlin');
const told = (agent: ScriptedAgent) => agent.value<Revocation>('Revocation', 'berlin');
const declare = (at = bench.clock.now(), reason = 'stolen laptop') =>
  bench.kubernetes.patch(Cluster, { name: 'berlin' }, { spec: { revoked: { at: toRfc3339(at), reason } } }, { type: 'merge', fieldManager: 'person' }, never);
async function calls(caller: PeerIdentity): Promise<string[]> {
  const answers = Promise.all([
    bench.handler()!.renew(caller, csr(), never), bench.handler()!.issueMeshCertificates(caller, [{ role: 'server', csrDer: csr() }], never),
  ].map((call) => call.then(() => 'answered', (error: Error) => error.message)));
  await bench.clock.advance(20);
  return answers;
}

async function join(madeAt: 'now' | 'kept', kept?: Awaited<ReturnType<typeof token>>): Promise<unknown> {
  const given = madeAt === 'kept' && kept !== undefined ? kept : await token();
  const answer = bench.handler()!.join({ cluster: 'berlin', secret: given, csrDer: csr() }, never).then(() => 'joined', (error: unknown) => error);
  await bench.clock.advance(50);
  return answer;
}
let seed = 100;
async function token(): Promise<Uint8Array> {
  const { text, object } = createJoinToken({ cluster: 'berlin', hubAddress: 'hub:1', trustDomain: 'test', bundlePem: 'PEM' }, { random: seededRandom(seed++), digest: sha256Hex, now: bench.clock.now() });
  await bench.kubernetes.create(JoinToken, object, { fieldManager: 'test' }, never);
  const content = decodeJoinToken(text);
  if ('problem' in content) throw new Error(content.problem);
  return new Uint8Array(Buffer.from(content.secret, 'base64url'));
}

test('cuts the stream, refuses every call by name and reason, tells the others, and takes its exports and its address away, all at once', async () => {
  agents.berlin.publisher.set('ExportFact', 'shop/checkout', exportOf('berlin'));
  await bench.clock.advance(2000);
  expect(agents.oslo.holds('ImportedFact')).toEqual(['berlin/shop/checkout']);
  const before = bench.clock.now() - 1000;
  expect(await calls(peer(before))).toEqual(['answered', 'answered']);
  const at = bench.clock.now();
  await declare(at);
  await bench.clock.advance(20);
  const sentence = `cluster "berlin": was revoked at ${toRfc3339(at)} (stolen laptop), and its certificate was issued before; to let it in again, make a new token with "isthmus join berlin"`;
  expect(await calls(peer(before))).toEqual([sentence, sentence]);
  await expect(bench.handler()!.sync(peer(before), {} as never, never)).rejects.toThrow(sentence);
  expect(await calls(peer(before, 'oslo'))).toEqual(['answered', 'answered']);
  for (const agent of [agents.oslo, agents.virginia]) {
    expect(told(agent)).toEqual({ cluster: 'berlin', at, reason: 'stolen laptop', rejoined: false });
    expect(agent.holds('ImportedFact')).toEqual([]);
    expect(agent.holds('PeerAddress')).not.toContain('berlin');
  }
  expect(told(agents.berlin)).toBeUndefined();
  await bench.clock.advance(200);
  expect((await berlin())?.status?.revocation).toMatchObject({ at: toRfc3339(at), reason: 'stolen laptop', streamsCutAt: expect.any(String), clusters: 2, usersRemoved: 0, podsReplaced: 0 });
  for (const type of ['Joined', 'Ready']) expect(conditionOf(await berlin(), type)).toMatchObject({ status: 'False', reason: 'Revoked' });
});

test('the plan leaves it out, and a run brings that to the others', async () => {
  const runs = (await bench.list(UpdateRun)).length;
  await declare();
  await bench.clock.advance(500);
  await applyAll(bench, [agents.oslo, agents.virginia], 40);
  const mesh = await bench.get<MeshObject>(Mesh, 'europe');
  expect([mesh?.status?.clusters?.map(({ name }) => name), conditionOf(mesh as never, 'Planned')]).toEqual([['oslo', 'virginia'], expect.objectContaining({ status: 'True' })]);
  expect((await bench.list(UpdateRun)).length).toBe(runs + 1);
  for (const agent of [agents.oslo, agents.virginia]) expect(agent.value<{ content: string }>('DesiredRevision', agent.cluster)?.content).not.toContain('berlin');
});

test('a run that waits for it waits no longer, and the next one goes on without it', async () => {
  await bench.create(FailoverPolicy, 'checkout', { service: { namespace: 'shop', name: 'checkout' }, priority: ['oslo'], minimumReady: 1, unhealthyAfterSeconds: 1, healthyAfterSeconds: 1, failbackDelaySeconds: 1 });
  await bench.clock.advance(3000);
  const [run = ''] = (await bench.list<UpdateRunObject>(UpdateRun)).filter(({ status }) => status?.phase === 'Running').map(({ metadata }) => metadata.name);
  const rows = async () => Object.fromEntries((await bench.records.listTargets(run)).map(({ cluster, phase }) => [cluster, phase]));
  expect(await rows()).toEqual({ berlin: 'Assigned', oslo: 'Pending', virginia: 'Pending' });
  await declare();
  await applyAll(bench, [agents.oslo, agents.virginia], 20);
  expect((await rows())['berlin']).toBe('Failed');
  expect((await bench.records.listTargets(run)).find(({ cluster }) => cluster === 'berlin')?.message).toContain('left the fleet');
  const last = (await bench.list<UpdateRunObject>(UpdateRun)).at(-1);
  expect([last?.metadata.name, last?.status?.phase]).toEqual(['europe-3', 'Completed']);
  for (const agent of [agents.oslo, agents.virginia]) expect(agent.value<{ content: string }>('DesiredRevision', agent.cluster)?.content).not.toContain('berlin');
});

test('agents\' reports make the report; what was shown survives a restart of the hub', async () => {
  const at = bench.clock.now();
  await declare(at);
  await bench.clock.advance(100);
  const report = (agent: ScriptedAgent, over: object) => {
    agent.publisher.set('AppliedReport', agent.cluster, { id: null, appliedAt: null, healthy: true, message: '', drift: [], revocations: [{ cluster: 'berlin', at, stranger: false, userRemovedAt: at + 70, podsReplacedAt: null, problem: '', ...over }] });
    return bench.clock.advance(1000);
  };
  await report(agents.oslo, {});
  expect((await berlin())?.status?.revocation).toMatchObject({ usersRemoved: 1, peers: [{ cluster: 'oslo', userRemovedAt: toRfc3339(at + 70) }, { cluster: 'virginia', problem: expect.stringContaining('older version') }] });
  await report(agents.virginia, { stranger: true, userRemovedAt: null });
  expect((await berlin())?.status?.revocation).toMatchObject({ usersRemoved: 2, podsReplaced: 1, lastUserRemovedAt: toRfc3339(at + 70), peers: [{ cluster: 'oslo' }] });
  await bench.stopHub();
  await bench.startHub();
  await bench.clock.advance(30_000);
  expect((await berlin())?.status?.revocation).toMatchObject({ peers: [{ cluster: 'oslo', userRemovedAt: toRfc3339(at + 70) }, { cluster: 'virginia', problem: expect.stringContaining('not connected') }] });
  agents.oslo.connect(bench);
  agents.virginia.connect(bench);
  await report(agents.oslo, { podsReplacedAt: at + 9000 });
  const done = (await berlin())?.status?.revocation;
  expect(done).toMatchObject({ podsReplaced: 2, lastWatchGoneAt: toRfc3339(at + 9000) });
  agents.oslo.disconnect();
  await bench.clock.advance(30_000);
  expect((await berlin())?.status?.revocation).toEqual(done);
});

test('outlives the hub, the object and its name; joining anew with a token that is made later undoes it, for what is issued then', async () => {
  const early = await token();
  const old = peer(bench.clock.now() - 5000);
  await bench.clock.advance(1500);
  await declare();
  await bench.clock.advance(1500);
  await bench.stopHub();
  await bench.startHub();
  await bench.clock.advance(1500);
  expect((await calls(old))[0]).toContain('was revoked');
  expect(await join('kept', early)).toMatchObject({ reason: 'PermissionDenied', message: expect.stringContaining('this permission to join is older: make a new token') });
  await expect(bench.kubernetes.patch(Cluster, { name: 'berlin' }, { spec: { revoked: null } }, { type: 'merge', fieldManager: 'person' }, never)).rejects.toThrow('a revocation is not taken back');

  await bench.kubernetes.delete(Cluster, { name: 'berlin' }, {}, never);
  await bench.clock.advance(1500);
  await bench.create(Cluster, 'berlin', {});
  await bench.clock.advance(1500);
  expect((await calls(old))[0]).toContain('was revoked');
  expect((await berlin())?.status?.revocation).toBeDefined();

  agents.oslo.connect(bench);
  expect(await join('now')).toBe('joined');
  const fresh = peer(bench.clock.now());
  await bench.clock.advance(1500);
  expect([await calls(fresh), (await calls(old))[0]]).toEqual([['answered', 'answered'], expect.stringContaining('was revoked')]);
  expect((await berlin())?.status?.revocation).toBeUndefined();
  expect(conditionOf(await berlin(), 'Joined')).toMatchObject({ status: 'True' });
  expect(told(agents.oslo)).toMatchObject({ rejoined: true });
});

test('counts by the hub\'s clock where a person\'s goes slow, and can be said again of who has joined anew', async () => {
  const slow = bench.clock.now() - 60_000;
  const stolen = peer(bench.clock.now() - 1000);
  await declare(slow);
  await bench.clock.advance(50);
  expect((await calls(stolen))[0]).toContain('was revoked');
  await bench.clock.advance(1500);
  expect(await join('now')).toBe('joined');
  await bench.clock.advance(1500);
  const fresh = peer(bench.clock.now());
  expect(await calls(fresh)).toEqual(['answered', 'answered']);
  await bench.clock.advance(1500);
  await declare();
  await bench.clock.advance(50);
  expect((await calls(fresh))[0]).toContain('was revoked');
});

test('a revocation that is declared as of an earlier time, as of the theft, takes no token that was made in between', async () => {
  await bench.clock.advance(60_000);
  const between = await token();
  await bench.clock.advance(60_000);
  await declare(bench.clock.now() - 90_000);
  await bench.clock.advance(1500);
  expect(await join('kept', between)).toMatchObject({ reason: 'PermissionDenied' });
  expect((await berlin())?.status?.revocation).toBeDefined();
  expect(await join('now')).toBe('joined');
});

test('a token of before that is redeemed while the revocation comes in undoes nothing', async () => {
  const early = await token();
  await bench.clock.advance(1500);
  const { kubernetes } = bench;
  const patch = kubernetes.update.bind(kubernetes);
  // The hub has looked for a revocation, and spends the token now.
  let spent = false;
  Object.assign(kubernetes, {
    async update(kind: { readonly kind: string }, ...rest: unknown[]) {
      if (kind.kind === 'JoinToken' && !spent) {
        spent = true;
        await declare();
        await bench.clock.advance(20);
      }
      return (patch as (...all: unknown[]) => Promise<unknown>)(kind, ...rest);
    },
  });
  expect(await join('kept', early)).toMatchObject({ reason: 'PermissionDenied' });
  expect(spent).toBe(true);
  await bench.clock.advance(1500);
  expect((await berlin())?.status?.revocation).toBeDefined();
});

test('what is issued while the revocation comes in is not handed over', async () => {
  const renewed = bench.handler()!.renew(peer(bench.clock.now() - 5000), csr(), never).then(() => 'answered', (error: Error) => error.message);
  await declare();
  await bench.clock.advance(200);
  expect(await renewed).toContain('was revoked');
});
