/** Whose pods reach whose: that exports go to clusters of other meshes and cells by their gateways. */
import { describe, expect, it } from 'vitest';
import { ExportPolicy, Mesh } from '../../../mesh/api/resources/index.ts';
import type { ExportFact, ExportVerdict } from '../../../mesh/model/service.ts';
import { exportOf } from '../testing/bench.ts';
import { threeClusters } from '../testing/three-clusters.ts';

const never = new AbortController().signal;
const GATEWAY: ExportFact['gateway'] = { addresses: ['192.0.2.77'], hostnames: [], ports: [{ name: 'http', protocol: 'TCP', port: 80 }], problem: '' };

async function divided() {
  const { bench, agents } = await threeClusters();
  await bench.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
  await bench.create(Mesh, 'world', { clusters: {}, strategy: 'careful', cells: { region: 'region', maxClusters: 2 } });
  await bench.clock.advance(5000);
  agents.berlin.publisher.set('ExportFact', 'shop/checkout', { ...exportOf('berlin'), gateway: GATEWAY! });
  agents.berlin.publisher.set('ExportFact', 'shop/cart', exportOf('berlin', 'cart'));
  await bench.clock.advance(5000);
  const at = (name: keyof typeof agents, service = 'checkout'): string | undefined => agents[name].value<ExportFact>('ImportedFact', `berlin/shop/${service}`)?.endpoints.map(({ addresses }) => addresses[0]).join();
  return { bench, agents, at };
}

describe('hub', () => {
  it('tells a cell the addresses of pods and the others those of the gateway, or why there are none', async () => {
    const { agents, at } = await divided();
    expect([at('berlin'), at('oslo'), at('virginia')]).toEqual(['10.1.0.1', '10.1.0.1', '192.0.2.77']);
    expect(at('virginia', 'cart')).toBe('');
    expect(agents.virginia.value<ExportFact>('ImportedFact', 'berlin/shop/cart')?.crossing).toMatchObject({ reason: 'NoGateway', message: expect.stringContaining('type LoadBalancer') });
    expect(agents.berlin.value<ExportVerdict>('ExportVerdict', 'shop/checkout')?.crossing).toMatchObject({ reason: 'Gateway', message: expect.stringContaining('192.0.2.77') });
    expect(agents.berlin.value<ExportVerdict>('ExportVerdict', 'shop/cart')?.crossing).toMatchObject({ reason: 'NoGateway' });
  });

  it('knows the cells again after a restart, before it tells anything', async () => {
    const { bench, agents, at } = await divided();
    const seen: (string | undefined)[] = [];
    for (const agent of Object.values(agents)) agent.disconnect();
    await bench.stopHub();
    await bench.startHub();
    for (const agent of Object.values(agents)) agent.connect(bench);
    for (let turn = 0; turn < 50; turn += 1) { await bench.clock.advance(100); seen.push(at('virginia')); }
    expect(new Set(seen)).toEqual(new Set(['192.0.2.77']));
    expect(at('oslo')).toBe('10.1.0.1');
  });

  it('tells everybody of pods again when they are in one mesh, and nobody is in two', async () => {
    const { bench, agents, at } = await divided();
    await bench.kubernetes.patch(Mesh, { name: 'world' }, { spec: { cells: null } }, { type: 'merge', fieldManager: 'test' }, never);
    await bench.clock.advance(5000);
    expect([at('oslo'), at('virginia')]).toEqual(['10.1.0.1', '10.1.0.1']);
    expect(agents.berlin.value<ExportVerdict>('ExportVerdict', 'shop/cart')?.crossing).toBeUndefined();
  });

  it('tells clusters of two meshes as those of two cells, and those in none of pods', async () => {
    const { bench, agents, at } = await threeClusters().then(async ({ bench: one, agents: all }) => {
      await one.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
      all.berlin.publisher.set('ExportFact', 'shop/checkout', { ...exportOf('berlin'), gateway: GATEWAY! });
      await one.create(Mesh, 'east', { clusters: { names: ['berlin'] }, strategy: 'careful' });
      await one.create(Mesh, 'west', { clusters: { names: ['virginia'] }, strategy: 'careful' });
      await one.clock.advance(5000);
      return { bench: one, agents: all, at: (name: keyof typeof all) => all[name].value<ExportFact>('ImportedFact', 'berlin/shop/checkout')?.endpoints[0]?.addresses[0] };
    });
    expect([at('berlin'), at('oslo'), at('virginia')]).toEqual(['10.1.0.1', '10.1.0.1', '192.0.2.77']);
    await bench.kubernetes.delete(Mesh, { name: 'west' }, {}, never);
    await bench.clock.advance(400_000);
    expect(agents.virginia.holds('ImportedFact')).toEqual(['berlin/shop/checkout']);
    expect(at('virginia')).toBe('10.1.0.1');
  });

  it('tells spokes of each other\'s gateways and hubs of pods, and keeps to it while another topology cannot be had, and after a restart', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(ExportPolicy, 'shop', { clusters: {}, namespaces: ['shop'] });
    await bench.create(Mesh, 'world', { clusters: {}, strategy: 'careful', topology: { type: 'HubAndSpoke', hubs: { names: ['berlin'] } } });
    agents.oslo.publisher.set('ExportFact', 'shop/checkout', { ...exportOf('oslo'), gateway: GATEWAY! });
    await bench.clock.advance(5000);
    const pod = exportOf('oslo').endpoints[0]?.addresses[0];
    const at = (name: keyof typeof agents) => agents[name].value<ExportFact>('ImportedFact', 'oslo/shop/checkout')?.endpoints[0]?.addresses[0];
    expect([at('berlin'), at('oslo'), at('virginia')]).toEqual([pod, pod, '192.0.2.77']);
    expect(agents.oslo.value<ExportVerdict>('ExportVerdict', 'shop/checkout')?.crossing).toMatchObject({ reason: 'Gateway', message: 'clusters that are no peers of oslo reach its shop/checkout at 192.0.2.77' });

    const turn = async (topology: unknown) => {
      await bench.kubernetes.patch(Mesh, { name: 'world' }, { spec: { topology } }, { type: 'merge', fieldManager: 'test' }, never);
      await bench.clock.advance(5000);
    };
    await turn({ type: 'HubAndSpoke', hubs: { names: ['nobody'] } });
    expect(at('virginia')).toBe('192.0.2.77');
    await turn({ type: 'HubAndSpoke', hubs: { names: ['virginia'] } });
    expect([at('berlin'), at('virginia')]).toEqual(['192.0.2.77', pod]);
    for (const agent of Object.values(agents)) agent.disconnect();
    await bench.stopHub();
    await bench.startHub();
    for (const agent of Object.values(agents)) agent.connect(bench);
    const seen = new Set<string | undefined>();
    for (let time = 0; time < 50; time += 1) { await bench.clock.advance(100); seen.add(at('berlin')); }
    expect(seen).toEqual(new Set(['192.0.2.77']));
    await turn(null);
    expect([at('berlin'), at('virginia')]).toEqual([pod, pod]);
  });
});
