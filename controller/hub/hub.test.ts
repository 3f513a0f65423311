import { describe, expect, it } from 'vitest';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { Cluster, Drill, ExportPolicy, Inquiry, Mesh, UpdateRun, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { DrillObject } from '../../mesh/api/resources/drill.ts';
import type { InquiryObject } from '../../mesh/api/resources/inquiry.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import type { UpdateRunObject } from '../../mesh/api/resources/updates.ts';
import type { ExportVerdict } from '../../mesh/model/service.ts';
import type { RecordStore } from '../../mesh/ports/records.ts';
import { type Bench, createBench, exportOf, scriptedAgent, type ScriptedAgent } from './testing/bench.ts';

const NAMES = ['berlin', 'oslo', 'virginia'] as const;
const STRATEGY = {
  stages: [{ name: 'canary', clusters: { names: ['berlin'] }, maxConcurrency: 1, soakSeconds: 2 }, { name: 'rest', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }],
  progressDeadlineSeconds: 60,
};

async function threeClusters(): Promise<{ bench: Bench; agents: Record<(typeof NAMES)[number], ScriptedAgent> }> {
  const bench = await createBench();
  for (const name of NAMES) await bench.join(name);
  await bench.create(UpdateStrategy, 'careful', STRATEGY);
  await bench.startHub();
  const agents = { berlin: scriptedAgent('berlin', 1), oslo: scriptedAgent('oslo', 2), virginia: scriptedAgent('virginia', 3) };
  for (const agent of Object.values(agents)) agent.connect(bench);
  await bench.clock.advance(2000);
  return { bench, agents };
}

const conditionOf = (object: { status?: { conditions?: { type: string; status: string; reason: string; message: string }[] | undefined } | undefined } | undefined, type: string) =>
  object?.status?.conditions?.find((condition) => condition.type === type);
const runOf = (bench: Bench, name: string) => bench.get<UpdateRunObject>(UpdateRun, name);

/** Every agent applies what it holds, until nothing moves any more. */
async function applyAll(bench: Bench, agents: Iterable<ScriptedAgent>, seconds = 20): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    for (const agent of agents) agent.apply();
    await bench.clock.advance(1000);
  }
}

describe('hub', () => {
  it('turns reports into Cluster.status with one history row per change, and writes nothing while nothing changes', async () => {
    const { bench, agents } = await threeClusters();
    const berlin = await bench.get<ClusterObject>(Cluster, 'berlin');
    expect(berlin?.status?.cilium?.version).toBe('1.18.1');
    expect(conditionOf(berlin, 'Ready')?.status).toBe('True');
    const history = await bench.records.listHistory({ cluster: 'berlin', limit: 1000 });
    expect(history.filter(({ field }) => field === 'properties.region')).toEqual([expect.objectContaining({ before: null, after: expect.stringContaining('"value":"europe"'), by: 'spiffe://test/cluster/berlin' })]);
    await bench.clock.advance(300_000);
    expect((await bench.get<ClusterObject>(Cluster, 'berlin'))?.metadata.resourceVersion).toBe(berlin?.metadata.resourceVersion);
    agents.berlin.disconnect();
    await bench.clock.advance(10);
    expect(conditionOf(await bench.get<ClusterObject>(Cluster, 'berlin'), 'Connected')?.status).toBe('False');
  });

  it('plans a mesh, rolls it out stage by stage, and takes it back', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'Planned')).toMatchObject({ status: 'True' });
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'False', reason: 'InProgress' });
    expect(agents.berlin.holds('DesiredRevision')).toEqual(['berlin']);
    await bench.clock.advance(5000);
    expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
    agents.berlin.apply();
    await bench.clock.advance(1000);
    expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
    await bench.clock.advance(1500);
    expect(agents.oslo.holds('DesiredRevision')).toEqual(['oslo']);
    expect(agents.virginia.holds('DesiredRevision')).toEqual([]);
    await applyAll(bench, Object.values(agents));
    expect((await runOf(bench, 'europe-1'))?.status).toMatchObject({ phase: 'Completed', counts: { total: 3, done: 3, inFlight: 0, failed: 0, skipped: 0 } });
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'True' });
    expect((await bench.get<ClusterObject>(Cluster, 'oslo'))?.status?.current?.by).toBe('run/europe-1');

    await bench.create(UpdateRun, 'back', { strategy: { name: 'careful', ...STRATEGY }, planDigest: 'x', reason: 'test', requestedBy: 'test', undoOf: 'europe-1' });
    await applyAll(bench, Object.values(agents));
    expect((await runOf(bench, 'back'))?.status?.phase).toBe('Completed');
    expect(agents.berlin.value<{ content: string }>('DesiredRevision', 'berlin')?.content).toContain('"mesh":null');
    expect((await bench.list(UpdateRun)).map(({ metadata }) => metadata.name).sort()).toEqual(['back', 'europe-1']);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'False', reason: 'Undone', message: expect.stringContaining('delete UpdateRun back') });

    await bench.kubernetes.delete(UpdateRun, { name: 'back' }, {}, new AbortController().signal);
    await bench.clock.advance(1000);
    expect((await bench.list(UpdateRun)).map(({ metadata }) => metadata.name).sort()).toEqual(['europe-1', 'europe-2']);
  });

  it('stops a run at a cluster that does not become healthy, leaves the rest alone, and does not try again by itself', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    agents.berlin.apply(false);
    await bench.clock.advance(61_000);
    expect((await runOf(bench, 'europe-1'))?.status).toMatchObject({ phase: 'Stopped', counts: { failed: 1, skipped: 2 } });
    expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
    await bench.clock.advance(600_000);
    expect(await bench.list(UpdateRun)).toHaveLength(1);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'False', reason: 'Stopped' });
  });

  it('makes no run without its strategy, and says what to do', async () => {
    const { bench } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'missing' });
    await bench.clock.advance(1000);
    expect(await bench.list(UpdateRun)).toHaveLength(0);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ reason: 'StrategyMissing', message: expect.stringContaining('UpdateStrategy missing does not exist') });
  });

  it('lets a second run wait, and says for whom', async () => {
    const { bench } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(1000);
    await bench.create(UpdateRun, 'a-second', { strategy: { name: 'careful', ...STRATEGY }, planDigest: 'x', reason: 'test', requestedBy: 'test' });
    await bench.clock.advance(1000);
    expect((await runOf(bench, 'a-second'))?.status).toMatchObject({ phase: 'Pending', message: expect.stringContaining('waits for run europe-1') });
  });

  it.each(['before', 'after'] as const)('goes on after a crash %s each durable step: no cluster is skipped and none is told twice', async (when) => {
    const { bench, agents } = await threeClusters();
    let deaths = 0;
    /** Dies at its `step`-th save, before or after it is durable. */
    const dying = (step: number): RecordStore => {
      let saves = 0;
      const maybeDie = async (work: () => Promise<unknown>): Promise<void> => {
        saves += 1;
        if (saves !== step) { await work(); return; }
        if (when === 'after') await work();
        deaths += 1;
        void bench.stopHub();
        throw new Error('killed');
      };
      return {
        ...bench.records,
        createRun: async (...parameters) => { let made = false; await maybeDie(async () => { made = await bench.records.createRun(...parameters); }); return made; },
        saveProgress: (progress) => maybeDie(() => bench.records.saveProgress(progress)),
      };
    };
    await bench.stopHub();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    for (let step = 1; (await runOf(bench, 'europe-1'))?.status?.phase !== 'Completed' && step < 40; step += 1) {
      for (const agent of Object.values(agents)) agent.disconnect();
      await bench.startHub(dying(1 + step % 3));
      for (const agent of Object.values(agents)) agent.connect(bench);
      await applyAll(bench, Object.values(agents), 20);
      await bench.stopHub();
    }
    expect((await runOf(bench, 'europe-1'))?.status).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
    expect(deaths).toBeGreaterThan(2);
    const journal = await bench.records.listJournal('europe-1', 1000);
    for (const name of NAMES) {
      expect(journal.filter(({ cluster }) => cluster === name).map(({ event }) => event)).toEqual(['Assigned', 'Soaking', 'Done']);
      expect(agents[name].holds('DesiredRevision')).toEqual([name]);
    }
    expect(await bench.list(UpdateRun)).toHaveLength(1);
  });

  it('shares allowed exports with everyone within milliseconds and judges all of them', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'shop', { clusters: { names: ['berlin', 'oslo'] }, namespaces: ['shop'] });
    for (const name of NAMES) agents[name].publisher.set('ExportFact', 'shop/checkout', exportOf(name));
    await bench.clock.advance(1);
    expect(agents.virginia.holds('ImportedFact')).toEqual(['berlin/shop/checkout', 'oslo/shop/checkout']);
    expect(agents.berlin.value<ExportVerdict>('ExportVerdict', 'shop/checkout')).toMatchObject({ valid: true });
    expect(agents.virginia.value<ExportVerdict>('ExportVerdict', 'shop/checkout')).toMatchObject({ valid: false, reason: 'NotAllowed' });
    agents.oslo.publisher.remove('ExportFact', 'shop/checkout');
    await bench.clock.advance(1);
    expect(agents.virginia.holds('ImportedFact')).toEqual(['berlin/shop/checkout']);
    agents.berlin.disconnect();
    await bench.clock.advance(3_600_000);
    expect(agents.virginia.holds('ImportedFact')).toEqual(['berlin/shop/checkout']);
  });

  it('refuses a fact of another cluster and keeps the rest of the delta', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'all', { clusters: {}, namespaces: ['*'] });
    agents.oslo.publisher.replace('ExportFact', { 'shop/checkout': exportOf('berlin'), 'shop/cart': exportOf('oslo', 'cart') });
    await bench.clock.advance(1);
    expect(agents.virginia.holds('ImportedFact')).toEqual(['oslo/shop/cart']);
  });

  it('takes nothing away after a restart that it has not heard to be gone', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
    for (const name of NAMES) agents[name].publisher.set('ExportFact', 'shop/checkout', exportOf(name));
    agents.oslo.publisher.set('ExportFact', 'shop/cart', exportOf('oslo', 'cart'));
    await bench.clock.advance(2000);
    const before = agents.virginia.holds('ImportedFact');
    expect(before).toHaveLength(4);
    for (const agent of Object.values(agents)) agent.disconnect();
    await bench.stopHub();
    agents.oslo.publisher.remove('ExportFact', 'shop/cart');

    await bench.startHub();
    agents.virginia.connect(bench);
    await bench.clock.advance(120_000);
    expect(agents.virginia.holds('ImportedFact')).toEqual(before);
    expect(agents.virginia.removals).toEqual([]);
    expect(agents.virginia.holds('PeerAddress')).toEqual(['berlin', 'oslo']);
    agents.oslo.connect(bench);
    await bench.clock.advance(5000);
    expect(agents.virginia.removals).toEqual(['ImportedFact oslo/shop/cart']);
    expect(agents.oslo.removals.sort()).toEqual(['ExportVerdict shop/cart', 'ImportedFact oslo/shop/cart']);
    expect(agents.virginia.holds('ImportedFact')).toContain('berlin/shop/checkout');

    await bench.kubernetes.delete(Cluster, { name: 'berlin' }, {}, new AbortController().signal);
    await bench.clock.advance(1000);
    expect(agents.virginia.holds('ImportedFact')).toEqual(['oslo/shop/checkout', 'virginia/shop/checkout']);
    expect(agents.virginia.holds('PeerAddress')).toEqual(['oslo']);
  });

  it('withdraws what a policy no longer allows, even of a cluster unheard since the restart', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
    agents.berlin.publisher.set('ExportFact', 'shop/checkout', exportOf('berlin'));
    await bench.clock.advance(2000);
    for (const agent of Object.values(agents)) agent.disconnect();
    await bench.stopHub();
    await bench.startHub();
    agents.virginia.connect(bench);
    await bench.clock.advance(1000);
    expect(agents.virginia.holds('ImportedFact')).toEqual(['berlin/shop/checkout']);
    await bench.kubernetes.delete(ExportPolicy, { name: 'shop' }, {}, new AbortController().signal);
    await bench.clock.advance(1000);
    expect(agents.virginia.holds('ImportedFact')).toEqual([]);
  });

  it('lets a newer stream of a cluster replace the older one', async () => {
    const { bench, agents } = await threeClusters();
    const twin = scriptedAgent('berlin', 1);
    twin.connect(bench);
    await bench.clock.advance(10);
    expect(conditionOf(await bench.get<ClusterObject>(Cluster, 'berlin'), 'Connected')?.status).toBe('True');
    agents.berlin.publisher.set('ExportFact', 'shop/old', exportOf('berlin', 'old'));
    twin.publisher.set('ExportFact', 'shop/new', exportOf('berlin', 'new'));
    await bench.create(ExportPolicy, 'all', { clusters: {}, namespaces: ['*'] });
    await bench.clock.advance(10);
    expect(agents.oslo.holds('ImportedFact')).toEqual(['berlin/shop/new']);
    agents.berlin.disconnect();
    await bench.clock.advance(10);
    expect(conditionOf(await bench.get<ClusterObject>(Cluster, 'berlin'), 'Connected')?.status).toBe('True');
  });

  it('answers inquiries from records and agents, and deletes them when they are old', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(Inquiry, 'history', { history: { cluster: 'berlin', limit: 5 } });
    await bench.create(Inquiry, 'no-such-run', { run: { name: 'none' } });
    await bench.create(Inquiry, 'dns', { dns: { name: 'checkout.shop.svc.clusterset.local', type: 'A', from: 'oslo' } });
    await bench.create(Inquiry, 'silent', { dns: { name: 'x.example.com', type: 'A', from: 'virginia' } });
    await bench.clock.advance(10);
    const [question] = agents.oslo.holds('Question');
    agents.oslo.publisher.set('Answer', question ?? '', { id: question ?? '', lines: ['because'], records: ['10.0.0.1'], rcode: 'NOERROR' });
    await bench.clock.advance(6000);
    const status = async (name: string) => (await bench.get<InquiryObject>(Inquiry, name))?.status;
    expect((JSON.parse((await status('history'))?.answer ?? '{}') as { entries: unknown[] }).entries).toHaveLength(5);
    expect((await status('no-such-run'))?.error).toContain('run "none": there is no such run');
    expect(JSON.parse((await status('dns'))?.answer ?? '{}')).toMatchObject({ records: ['10.0.0.1'] });
    expect((await status('silent'))?.error).toContain('did not answer within 5 s');
    expect(agents.oslo.holds('Question')).toEqual([]);
    await bench.clock.advance(60_000);
    expect(await bench.list(Inquiry)).toHaveLength(0);
  });

  it('runs a drill through a restart of the hub and keeps its report', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
    for (const name of ['berlin', 'oslo'] as const) agents[name].publisher.set('ExportFact', 'shop/checkout', exportOf(name));
    const sample = (servedBy: string[]): void => {
      for (const name of NAMES) agents[name].publisher.set('DnsSample', 'leave-berlin', { cluster: name, at: bench.clock.now(), servedBy, rcode: 'NOERROR', healthy: ['berlin', 'oslo'] });
    };
    await bench.create(Drill, 'leave-berlin', { service: { namespace: 'shop', name: 'checkout' }, evacuate: 'berlin', holdSeconds: 20, objectiveSeconds: 10, requestedBy: 'test' });
    await bench.clock.advance(100);
    sample(['berlin']);
    await bench.clock.advance(100);
    expect(agents.oslo.value('Evacuation', 'leave-berlin')).toMatchObject({ active: true, cluster: 'berlin' });
    await bench.clock.advance(1000);
    sample(['oslo']);
    await bench.clock.advance(100);
    await bench.stopHub();
    await bench.startHub();
    for (const agent of Object.values(agents)) agent.connect(bench);
    await bench.clock.advance(1000);
    expect(agents.oslo.removals).toEqual([]);
    expect(agents.oslo.value('Evacuation', 'leave-berlin')).toMatchObject({ active: true });
    await bench.clock.advance(20_000);
    expect(agents.oslo.value('Evacuation', 'leave-berlin')).toMatchObject({ active: false });
    sample(['berlin']);
    await bench.clock.advance(1000);
    expect((await bench.get<DrillObject>(Drill, 'leave-berlin'))?.status).toMatchObject({ phase: 'Succeeded', worstRecoverySeconds: expect.closeTo(1, 0) });
    expect(agents.oslo.holds('Evacuation')).toEqual([]);
    await bench.create(Inquiry, 'report', { drill: { name: 'leave-berlin' } });
    await bench.clock.advance(10);
    expect((await bench.get<InquiryObject>(Inquiry, 'report'))?.status?.answer).toContain('# Failover drill leave-berlin');
  });

  it('cancels a drill when a cluster that should carry the service fails', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
    for (const name of ['berlin', 'oslo'] as const) agents[name].publisher.set('ExportFact', 'shop/checkout', exportOf(name));
    await bench.create(Drill, 'bad-day', { service: { namespace: 'shop', name: 'checkout' }, evacuate: 'berlin', holdSeconds: 20, objectiveSeconds: 10, requestedBy: 'test' });
    await bench.clock.advance(100);
    for (const name of NAMES) agents[name].publisher.set('DnsSample', 'bad-day', { cluster: name, at: bench.clock.now(), servedBy: ['berlin'], rcode: 'NOERROR', healthy: ['berlin', 'oslo'] });
    await bench.clock.advance(100);
    agents.oslo.publisher.set('ExportFact', 'shop/checkout', exportOf('oslo', 'checkout', false));
    await bench.clock.advance(100);
    expect(agents.virginia.holds('Evacuation')).toEqual([]);
    expect((await bench.get<DrillObject>(Drill, 'bad-day'))?.status).toMatchObject({ phase: 'Cancelled', message: expect.stringContaining('oslo has no ready endpoint') });
  });

  it('says what it waits for until it is ready', async () => {
    const bench = await createBench();
    await bench.startHub();
    await bench.clock.advance(10);
    expect(bench.hub().ready()).toEqual({ ok: true, reasons: [] });
    const broken: RecordStore = { ...bench.records, check: async () => { throw new Error('records: the disk is full'); } };
    await bench.stopHub();
    await bench.startHub(broken);
    await bench.clock.advance(10);
    expect(bench.hub().ready()).toEqual({ ok: false, reasons: ['records: the disk is full'] });
  });
});
