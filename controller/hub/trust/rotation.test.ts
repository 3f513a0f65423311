/** A rotation over three scripted agents that ask the hub for their certificates as real ones do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCertificateRequest, readCertificate } from '../../../certs/index.ts';
import { chainProblem } from '../../../certs/testing/chain-problem.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import type { CertificateAuthorityObject } from '../../../mesh/api/resources/authority.ts';
import { CertificateAuthority, Cluster, Mesh, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { DesiredRevision, DesiredState } from '../../../mesh/model/desired.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Bench, scriptedAgent, type ScriptedAgent } from '../testing/bench.ts';
import { conditionOf, NAMES, threeClusters } from '../testing/three-clusters.ts';

const signal = new AbortController().signal;
const HOUR = 3_600_000;
/** Of one cluster: the chains that it shows, and the roots that it believes. */
interface Held { client: string; server: string; bundlePem: string }

let bench: Bench;
let agents: Record<(typeof NAMES)[number], ScriptedAgent>;
let held: Map<string, Held>;
/** In what state of everything `refused` looked last. */
let judged: string;
const signer = deterministicSigner('agents');

/** A leaf that calls, one that is called, and whom the authority believes now. */
async function issue(cluster: string): Promise<Held> {
  const peer = { cluster, spiffeId: `spiffe://test/cluster/${cluster}`, certificateSerial: '1', notBefore: bench.clock.now() };
  const csrDer = createCertificateRequest(signer.generate());
  const [client, server] = await bench.handler()?.issueMeshCertificates(peer, [{ role: 'remote', csrDer }, { role: 'server', csrDer }], signal) ?? [];
  if (client === undefined || server === undefined) throw new Error('no hub listens');
  return { client: client.chainPem, server: server.chainPem, bundlePem: client.bundlePem };
}

const issuerOf = (chainPem: string): string => readCertificate(chainPem).issuer;

const trustOf = (agent: ScriptedAgent): DesiredState['trust'] | undefined => {
  const content = agent.value<DesiredRevision>('DesiredRevision', agent.cluster)?.content;
  return content === undefined ? undefined : (JSON.parse(content) as DesiredState).trust;
};

/** Does what it was assigned: renews what is to be renewed, believes what is to be believed, and says so. Until it is assigned something it has what it got when it joined. */
async function obey(agent: ScriptedAgent): Promise<void> {
  const trust = trustOf(agent);
  const own = held.get(agent.cluster) ?? await issue(agent.cluster);
  if (trust !== undefined) own.bundlePem = trust.bundlePem;
  if (trust?.renewClientsOf?.includes(issuerOf(own.client)) === true) own.client = (await issue(agent.cluster)).client;
  if (trust?.renewServersOf?.includes(issuerOf(own.server)) === true) own.server = (await issue(agent.cluster)).server;
  held.set(agent.cluster, own);
  const revision = agent.value<DesiredRevision>('DesiredRevision', agent.cluster);
  agent.publisher.set('AppliedReport', agent.cluster, {
    id: revision?.id ?? null, appliedAt: 1, healthy: true, message: '', drift: [], ...(revision?.generation === undefined ? {} : { generation: revision.generation }),
    ...(trust === undefined ? {} : { trust: { sequence: trust.sequence, clientIssuers: [issuerOf(own.client)], serverIssuers: [issuerOf(own.server)] } }),
  });
}

/** What somebody shows, or would be given if it renewed now, and somebody else does not believe: clusters, and the hub. */
async function refused(): Promise<string[]> {
  const hub = bench.serverMaterial();
  if (hub === undefined) throw new Error('no hub listens');
  const scene = JSON.stringify([await phase(), hub, ...held]);
  if (scene === judged) return [];
  judged = scene;
  const sites = await Promise.all([...held].map(async ([name, { client, server, bundlePem }]) => {
    const renewed = await issue(name);
    return { name, bundlePem, shows: { client, server, 'renewed client': renewed.client, 'renewed server': renewed.server } };
  }));
  const everybody = [{ name: 'hub', bundlePem: hub.bundlePem, shows: { server: hub.chainPem } }, ...sites];
  return everybody.flatMap((one) => everybody.filter((other) => other !== one).flatMap((other) => Object.entries(one.shows).flatMap(([what, chainPem]) => {
    const problem = chainProblem(chainPem, other.bundlePem);
    return problem === undefined ? [] : [`${other.name} refuses the ${what} of ${one.name}: ${problem}`];
  })));
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
  held = new Map();
  judged = '';
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
    const before = new Map([...held].map(([name, own]) => [name, { ...own }]));
    const seen: string[] = [];
    await ask({ rotation: { id: 'spring', of: 'Root', reason: 'yearly' } });
    for (let second = 0; second < 200 && seen.at(-1) !== 'Standby'; second += 1) {
      const now = await phase();
      if (now !== undefined && now !== seen.at(-1)) seen.push(now);
      // One after the other: while one is in a phase already, the others are not.
      for (const agent of Object.values(agents)) {
        await obey(agent);
        expect(await refused()).toEqual([]);
        await bench.clock.advance(300);
      }
    }
    expect(seen).toEqual(['Init', 'UpdateClients', 'UpdateServers', 'Cleanup', 'Standby']);
    const { status } = await authority() ?? {};
    expect(status).toMatchObject({ sequence: 3, roots: [{ generation: 2, state: 'Active' }], finished: { id: 'spring', of: 'Root', back: false } });
    for (const name of NAMES) {
      expect(held.get(name)?.client).not.toBe(before.get(name)?.client);
      expect(held.get(name)?.server).not.toBe(before.get(name)?.server);
      expect(chainProblem(held.get(name)?.client ?? '', before.get(name)?.bundlePem ?? '')).toContain('is not signed by');
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

describe('a cluster that is in no mesh, and to which nothing was ever assigned,', () => {
  let paris: ScriptedAgent;
  const everybody = (): ScriptedAgent[] => [...Object.values(agents), paris];
  const writes = async (): Promise<string[]> => (await Promise.all([UpdateRun, Mesh, Cluster, CertificateAuthority].map((kind) => bench.list(kind)))).flat().map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);

  async function joins(name: string): Promise<ScriptedAgent> {
    await bench.join(name);
    const agent = scriptedAgent(name, 9);
    agent.connect(bench);
    await obey(agent);
    await bench.clock.advance(2000);
    return agent;
  }
  /** Nobody asks for anything any more. */
  async function expectQuiet(): Promise<void> {
    for (let second = 0; second < 30; second += 1) { for (const agent of everybody()) await obey(agent); await bench.clock.advance(1000); }
    const before = await writes();
    await bench.clock.advance(HOUR);
    expect(await writes()).toEqual(before);
  }
  const runsOf = async (): Promise<number> => (await bench.list(UpdateRun)).length;

  beforeEach(async () => {
    await bench.kubernetes.patch(Mesh, { name: 'europe' }, { spec: { clusters: { names: NAMES } } }, { type: 'merge', fieldManager: 'test' }, signal);
    paris = await joins('paris');
    expect(trustOf(paris)).toBeUndefined();
  });

  test('is waited for in a rotation of the root and goes along, as does one that joins in the middle of it', async () => {
    const before = await runsOf();
    await ask({ rotation: { id: 'spring', of: 'Root', reason: 'yearly' } });
    await work(Object.values(agents), 'UpdateClients', 15);
    expect((await authority())?.status).toMatchObject({ phase: 'Init', waitingFor: { clusters: expect.arrayContaining([{ name: 'paris', why: 'its agent has not said whom the cluster believes' }]) } });
    await work(everybody(), 'UpdateClients');
    expect(await phase()).toBe('UpdateClients');
    expect(trustOf(paris)).toMatchObject({ sequence: 2 });
    const rome = await joins('rome');
    expect(await refused()).toEqual([]);
    for (let second = 0; second < 200 && await phase() !== 'Standby'; second += 1) {
      for (const agent of [...everybody(), rome]) {
        await obey(agent);
        expect(await refused()).toEqual([]);
      }
      await bench.clock.advance(1000);
    }
    expect((await authority())?.status).toMatchObject({ phase: 'Standby', finished: { id: 'spring' }, sequence: 3 });
    for (const agent of [paris, rome]) expect(trustOf(agent)).toMatchObject({ sequence: 3 });
    // One for each phase, and one for who joined; none comes after them.
    expect(await runsOf() - before).toBeLessThanOrEqual(5);
    await expectQuiet();
  });

  test('renews its leaf for a rotation of the issuing CA below the first root', async () => {
    const before = issuerOf(held.get('paris')?.client ?? '');
    await ask({ rotation: { id: 'quick', of: 'Issuing', reason: 'the operator left' } });
    await work(everybody(), 'Standby');
    expect((await authority())?.status).toMatchObject({ phase: 'Standby', sequence: 1, finished: { id: 'quick' } });
    expect(issuerOf(held.get('paris')?.client ?? '')).not.toBe(before);
    await expectQuiet();
  });

  test('is told whom to believe once, where it joins after there was another bundle', async () => {
    await ask({ rotation: { id: 'spring', of: 'Root', reason: 'yearly' } });
    await work(everybody(), 'Standby');
    await expectQuiet();
    const before = await runsOf();
    const rome = await joins('rome');
    for (let second = 0; second < 30; second += 1) { await obey(rome); await bench.clock.advance(1000); }
    expect(trustOf(rome)).toMatchObject({ sequence: 3 });
    expect(await runsOf()).toBe(before + 1);
    await expectQuiet();
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
