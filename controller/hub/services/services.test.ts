/** Which exports every cluster hears of, and that a hub which has just started takes none away. */
import { describe, expect, it } from 'vitest';
import { Cluster, ExportPolicy } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { ExportVerdict } from '../../../mesh/model/service.ts';
import { exportOf } from '../testing/bench.ts';
import { NAMES, threeClusters } from '../testing/three-clusters.ts';

describe('hub', () => {
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

  it('judges anew what changes, and tells a verdict again only when it is another', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
    for (const name of NAMES) agents[name].publisher.set('ExportFact', 'shop/checkout', exportOf(name));
    await bench.clock.advance(2000);
    const verdict = (): ExportVerdict | undefined => agents.berlin.value<ExportVerdict>('ExportVerdict', 'shop/checkout');
    const first = verdict();
    expect(first).toMatchObject({ valid: true });
    agents.oslo.publisher.remove('ExportFact', 'shop/checkout');
    agents.virginia.disconnect();
    await bench.clock.advance(2000);
    expect(verdict()).toBe(first);
    await bench.kubernetes.patch(ExportPolicy, { name: 'shop' }, { spec: { namespaces: ['other'] } }, { type: 'merge', fieldManager: 'test' }, new AbortController().signal);
    await bench.clock.advance(2000);
    expect(verdict()).toMatchObject({ valid: false });
    agents.berlin.publisher.remove('ExportFact', 'shop/checkout');
    await bench.clock.advance(2000);
    expect(verdict()).toBeUndefined();
  });

  it('takes nothing from an agent that speaks for another cluster, and says so on its Cluster', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'all', { clusters: {}, namespaces: ['*'] });
    agents.oslo.publisher.replace('ExportFact', { 'shop/checkout': exportOf('berlin'), 'shop/cart': exportOf('oslo', 'cart') });
    await bench.clock.advance(2000);
    expect(agents.virginia.holds('ImportedFact')).toEqual([]);
    const { status } = await bench.get<ClusterObject>(Cluster, 'oslo') ?? {};
    expect(status?.conditions?.find(({ type }) => type === 'Consistent')).toMatchObject({ status: 'False', reason: 'ReportRefused', message: expect.stringContaining('berlin') });
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
});
