import { describe, expect, test } from 'vitest';
import { ConfigMap, Node, Service } from '../../mesh/api/resources/core.ts';
import { ServiceExport, type ServiceExportObject, ServiceImport } from '../../mesh/api/resources/multicluster.ts';
import { authorise, exportCheckout, make, peering, read, secretKeys, setReady, shop, sources, trusted } from './testing/scene.ts';
import { checkoutFact } from './testing/world.ts';
import { testWorlds } from './testing/worlds.ts';

const signal = new AbortController().signal;
const NAME = 'checkout.shop.svc.clusterset.local';
const { started } = testWorlds();

describe('what the agent says of its cluster', () => {
  test('a report with Cilium\'s settings, and again when they change', async () => {
    const world = await started();
    expect(world.heard('ClusterReport', 'berlin')).toMatchObject({ properties: { country: 'de' }, cilium: null, peerAddress: '127.0.0.1:4001', nodes: { total: 0, ready: 0 } });
    await make(world, Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { 'topology.kubernetes.io/region': 'europe' } } });
    await make(world, ConfigMap, {
      apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'kube-system', name: 'cilium-config', labels: { 'app.kubernetes.io/version': '1.18.12' } },
      data: { 'cluster-name': 'berlin', 'cluster-id': '1', 'cluster-pool-ipv4-cidr': '10.10.0.0/16', 'max-connected-clusters': '511' },
    });
    await world.clock.advance(50);
    expect(world.heard('ClusterReport', 'berlin')).toMatchObject({
      properties: { country: 'de', region: 'europe' }, nodes: { total: 1, ready: 0 },
      cilium: { version: '1.18.12', clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 511, podCidrs: ['10.10.0.0/16'], authMode: 'legacy', endpoint: { address: 'berlin.mesh.example', port: 2379 } },
    });
  });

  test('an export with its endpoints at once, with growing versions, and its end', async () => {
    const world = await started();
    await exportCheckout(world);
    const first = world.heard('ExportFact', 'shop/checkout');
    expect(first).toMatchObject({ cluster: 'berlin', type: 'ClusterSetIP', ports: [{ name: 'http', protocol: 'TCP', port: 80 }], endpoints: [{ addresses: ['10.10.0.11'], ready: true }] });
    await setReady(world, false);
    await world.clock.advance(5);
    const second = world.heard('ExportFact', 'shop/checkout');
    expect(second?.endpoints[0]?.ready).toBe(false);
    expect(second!.version).toEqual({ epoch: first!.version.epoch, sequence: first!.version.sequence + 1 });
    await world.kubernetes.delete(ServiceExport, shop, {}, signal);
    await world.clock.advance(5);
    expect(world.heard('ExportFact', 'shop/checkout')).toBeUndefined();
  });

  test('conditions: what is wrong here, what the hub says, and that it is shared', async () => {
    const world = await started();
    const conditions = async () => Object.fromEntries(((await read<ServiceExportObject>(world, ServiceExport, shop))?.status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
    await make(world, ServiceExport, { apiVersion: 'multicluster.x-k8s.io/v1beta1', kind: 'ServiceExport', metadata: shop });
    await world.clock.advance(20);
    expect(await conditions()).toEqual({ Valid: 'False NoService', Ready: 'False Failed' });
    expect(world.heard('ExportFact', 'shop/checkout')).toBeUndefined();
    await make(world, Service, { apiVersion: 'v1', kind: 'Service', metadata: shop, spec: { ports: [{ port: 80 }], selector: { app: 'checkout' } } });
    await world.clock.advance(20);
    world.hub.set('ExportVerdict', 'shop/checkout', { ...shop, valid: false, reason: 'NotAllowed', message: 'no policy', conflictReason: '', conflictMessage: '' });
    await world.clock.advance(20);
    expect(await conditions()).toEqual({ Valid: 'False NotAllowed', Ready: 'False Failed' });
    authorise(world);
    await world.clock.advance(20);
    expect(await conditions()).toEqual({ Valid: 'True Valid', Ready: 'True Exported', Conflict: 'False NoConflicts' });
  });
});

describe('hub loss and restart', () => {
  test('a hub that comes back is found again within seconds and not sent what it knows', async () => {
    const world = await started();
    await exportCheckout(world);
    world.setHub(false);
    await world.clock.advance(60_000);
    expect(world.streams).toBe(0);
    await setReady(world, false);
    world.setHub(true);
    await world.clock.advance(10_000);
    expect(world.streams).toBe(1);
    expect(world.heard('ExportFact', 'shop/checkout')?.endpoints[0]?.ready).toBe(false);
  });

  test('restarted without the hub, the agent serves the last known state and takes nothing away', async () => {
    const world = await started();
    await exportCheckout(world);
    authorise(world);
    const desired = await trusted(world, { peering: peering(['oslo']), globalServices: [{ name: 'checkout', host: 'checkout.example.com', service: shop, ttlSeconds: 5 }] });
    world.hub.set('DesiredRevision', 'berlin', desired);
    world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.21']));
    await world.clock.advance(3000);
    const answers = world.dig(NAME);
    expect(answers.records).toHaveLength(1);
    world.setHub(false);
    await world.stop();
    const agent = await world.start();
    expect(agent.ready()).toEqual({ ok: true, reasons: [] });
    expect(world.dig(NAME)).toEqual(answers);
    expect(world.dig('checkout.example.com').records).toEqual(['10.10.0.11', '10.20.0.21']);
    await world.clock.advance(60_000);
    expect(await sources(world)).toEqual(['berlin', 'oslo']);
    expect(await secretKeys(world)).toEqual(['oslo']);
    const appliedAt = world.heard('AppliedReport', 'berlin')?.appliedAt;
    world.setHub(true);
    await world.clock.advance(10_000);
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: desired.id, healthy: true, appliedAt });
  });

  test('without hub and memory: not ready, SERVFAIL, and imports that stand here stay', async () => {
    const world = await started();
    world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.21']));
    await world.clock.advance(3000);
    await world.stop();
    world.setHub(false);
    world.snapshot = '{"schema":1,"damaged';
    const agent = await world.start();
    await world.clock.advance(5000);
    expect(agent.ready()).toMatchObject({ ok: false, reasons: ['the hub has not told yet which services are shared'] });
    expect(world.dig(NAME).rcode).toBe('SERVFAIL');
    expect(await read(world, ServiceImport, shop)).toBeDefined();
    expect(await sources(world)).toEqual(['oslo']);
  });
});
