/** A rotation over three scripted agents that ask the hub for their certificates as real ones do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCertificateRequest, readCertificate } from '../../../certs/index.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import type { CertificateAuthorityObject } from '../../../mesh/api/resources/authority.ts';
import { CertificateAuthority, Cluster, Mesh } from '../../../mesh/api/resources/index.ts';
import type { DesiredRevision, DesiredState } from '../../../mesh/model/desired.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Bench, ScriptedAgent } from '../testing/bench.ts';
import { conditionOf, NAMES, threeClusters } from '../testing/three-clusters.ts';

const signal = new AbortController().signal;
const HOUR = 3_600_000;
let bench: Bench;
let agents: Record<(typeof NAMES)[number], ScriptedAgent>;
let issuers: Map<string, { client: string; server: string }>;
const signer = deterministicSigner('agents');

async function issue(cluster: string, role: 'client' | 'server'): Promise<string> {
  const peer = { cluster, spiffeId: `spiffe://test/cluster/${cluster}`, certificateSerial: '1', notBefore: bench.clock.now() };
  const csrDer = createCertificateRequest(signer.generate());
  const handler = bench.handler();
  if (handler === undefined) throw new Error('no hub listens');
  const chainPem = role === 'client' ? (await handler.renew(peer, csrDer, signal)).chainPem : (await handler.issueMeshCertificates(peer, [{ role: 'server', csrDer }], signal))[0]?.chainPem ?? '';
  return readCertificate(chainPem).issuer;
}

const trustOf = (agent: ScriptedAgent): DesiredState['trust'] | undefined => {
  const content = agent.value<DesiredRevision>('DesiredRevision', agent.cluster)?.content;
  return content === undefined ? undefined : (JSON.parse(content) as DesiredState).trust;
};

/** Does what it was assigned: renews what is to be renewed, believes what is to be believed, and says so. */
async function obey(agent: ScriptedAgent): Promise<void> {
  const trust = trustOf(agent);
  const held = issuers.get(agent.cluster) ?? { client: await issue(agent.cluster, 'client'), server: await issue(agent.cluster, 'server') };
  if (trust?.renewClientsOf?.includes(held.client) === true) held.client = await issue(agent.cluster, 'client');
  if (trust?.renewServersOf?.includes(held.server) === true) held.server = await issue(agent.cluster, 'server');
  issuers.set(agent.cluster, held);
  const revision = agent.value<DesiredRevision>('DesiredRevision', agent.cluster);
  agent.publisher.set('AppliedReport', agent.cluster, {
    id: revision?.id ?? null, appliedAt: 1, healthy: true, message: '', drift: [], ...(revision?.generation === undefined ? {} : { generation: revision.generation }),
    ...(trust === undefined ? {} : { trust: { sequence: trust.sequence, clientIssuers: [held.client], serverIssuers: [held.server] } }),
  });
}

const authority = (): Promise<CertificateAuthorityObject | undefined> => bench.get<CertificateAuthorityObject>(CertificateAuthority, 'fleet');
const phase = async (): Promise<string | undefined> => (await authority())?.status?.phase;

async function ask(spec: object): Promise<void> {
  await bench.kubernetes.patch(CertificateAuthority, { name: 'fleet' }, { spec }, { type: 'merge', fieldManager: 'test' }, signal);
  await bench.clock.advance(500);
}

/** Until the phase is there, or `seconds` are over. */
async function work(who: readonly ScriptedAgent[], until: string, seconds = 120): Promise<void> {
  for (let second = 0; second < seconds && await phase() !== until; second += 1) {
    for (const agent of who) await obey(agent);
    await bench.clock.advance(1000);
  }
}

beforeEach(async () => {
  ({ bench, agents } = await threeClusters());
  issuers = new Map();
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
  for (let second = 0; second < 30; second += 1) {
    for (const agent of Object.values(agents)) await obey(agent);
    await bench.clock.advance(1000);
  }
});
afterEach(() => bench.stopHub());

test('without a rotation the authority is told of, and nobody is asked to renew', async () => {
  const { status } = await authority() ?? {};
  expect(status).toMatchObject({ phase: 'Standby', trustDomain: 'test', sequence: 1, roots: [{ generation: 1, state: 'Active', trusted: true }], issuers: [{ generation: 1, state: 'Active', signs: ['client', 'server'] }] });
  expect(conditionOf(await authority(), 'Rotating')).toMatchObject({ status: 'False', reason: 'Standby' });
  expect(trustOf(agents.berlin)).toMatchObject({ sequence: 1 });
  expect(Object.keys(trustOf(agents.berlin) ?? {}).sort()).toEqual(['bundlePem', 'sequence', 'trustDomain']);
});

describe('a rotation of the root', () => {
  test('goes through its phases, each by an update run, and ends with every leaf of the new one', async () => {
    const before = new Map([...issuers].map(([name, held]) => [name, { ...held }]));
    const seen: string[] = [];
    await ask({ rotation: { id: 'spring', of: 'Root', reason: 'yearly' } });
    for (let second = 0; second < 200 && seen.at(-1) !== 'Standby'; second += 1) {
      const now = await phase();
      if (now !== undefined && now !== seen.at(-1)) seen.push(now);
      for (const agent of Object.values(agents)) await obey(agent);
      // Nobody ever holds a leaf that another one, by what it was asked to believe, would not believe.
      for (const agent of Object.values(agents)) expect(trustOf(agent)?.bundlePem.match(/BEGIN/g)?.length).toBeLessThanOrEqual(2);
      await bench.clock.advance(1000);
    }
    expect(seen).toEqual(['Init', 'UpdateClients', 'UpdateServers', 'Cleanup', 'Standby']);
    const { status } = await authority() ?? {};
    expect(status).toMatchObject({ sequence: 3, roots: [{ generation: 2, state: 'Active' }], finished: { id: 'spring', of: 'Root', back: false } });
    for (const name of NAMES) {
      expect(issuers.get(name)?.client).not.toBe(before.get(name)?.client);
      expect(issuers.get(name)?.server).not.toBe(before.get(name)?.server);
      expect(trustOf(agents[name])).toMatchObject({ sequence: 3 });
    }
    // The same order again is not another rotation.
    await bench.clock.advance(60_000);
    expect(await phase()).toBe('Standby');
  });

  test('is held by a cluster that is away, named and told of after 48 hours, and goes on without it once it is cut off', async () => {
    agents.oslo.disconnect();
    await bench.clock.advance(1000);
    await ask({ rotation: { id: 'spring', of: 'Root', reason: 'yearly' } });
    const rest = [agents.berlin, agents.virginia];
    await work(rest, 'UpdateClients', 60);
    expect((await authority())?.status).toMatchObject({ phase: 'Init', waitingFor: { count: 1, clusters: [{ name: 'oslo', why: expect.stringMatching(/^believes bundle 1, not yet 2; its agent is away since /) }] } });
    await bench.clock.advance(48 * HOUR);
    expect(conditionOf(await authority(), 'Rotating')).toMatchObject({ status: 'True', reason: 'Late', message: expect.stringContaining('oslo') });
    await bench.kubernetes.patch(Cluster, { name: 'oslo' }, { spec: { revoked: { at: toRfc3339(bench.clock.now()), reason: 'gone for good' } } }, { type: 'merge', fieldManager: 'test' }, signal);
    await work(rest, 'Standby');
    expect(await phase()).toBe('Standby');
  });

  test('is taken back on the way, and everybody is where they were', async () => {
    await ask({ rotation: { id: 'spring', of: 'Root', reason: 'yearly' } });
    await work(Object.values(agents), 'UpdateServers');
    expect(await phase()).toBe('UpdateServers');
    await ask({ rollBack: { id: 'spring' } });
    await work(Object.values(agents), 'Standby');
    const { status } = await authority() ?? {};
    expect(status).toMatchObject({ phase: 'Standby', roots: [{ generation: 1, state: 'Active' }], finished: { id: 'spring', back: true } });
  });

  test('goes on with another hub where the first one ended', async () => {
    await ask({ rotation: { id: 'spring', of: 'Root', reason: 'yearly' } });
    await work(Object.values(agents), 'UpdateClients');
    await bench.stopHub();
    await bench.startHub();
    for (const agent of Object.values(agents)) { agent.disconnect(); agent.connect(bench); }
    await work(Object.values(agents), 'Standby');
    expect((await authority())?.status).toMatchObject({ phase: 'Standby', finished: { id: 'spring' }, roots: [{ generation: 2 }] });
  });
});

test('a rotation of the issuing CA alone changes no bundle', async () => {
  await ask({ rotation: { id: 'quick', of: 'Issuing', reason: 'the operator left' } });
  await work(Object.values(agents), 'Standby');
  expect((await authority())?.status).toMatchObject({ phase: 'Standby', sequence: 1, finished: { id: 'quick', of: 'Issuing' }, issuers: [{ generation: 2, state: 'Active' }] });
});

test('what is asked for and cannot be done is refused in a condition, and the rest is done', async () => {
  await ask({ tainted: [{ of: 'Issuing', generation: 7, reason: 'x' }], rotation: { id: 'quick', of: 'Issuing', reason: 'y' } });
  expect(conditionOf(await authority(), 'Accepted')).toMatchObject({ status: 'False', reason: 'Refused', message: expect.stringContaining('issuing CA 7: is not there') });
  expect((await authority())?.status?.rotation).toMatchObject({ id: 'quick' });
});
