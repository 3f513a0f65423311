import { describe, expect, it } from 'vitest';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import type { DrillObject } from '../../mesh/api/resources/drill.ts';
import { Cluster, Drill, ExportPolicy, Inquiry } from '../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../mesh/api/resources/inquiry.ts';
import type { RecordStore } from '../../mesh/ports/records.ts';
import { createBench, exportOf, scriptedAgent } from './testing/bench.ts';
import { conditionOf, NAMES, threeClusters } from './testing/three-clusters.ts';

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
