/** Shared services as one cluster of the mesh has them: objects, DNS, failover, peers, drills. */
import { describe, expect, test } from 'vitest';
import { EndpointSlice, Namespace, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { ServiceExport, ServiceImport, type ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import type { ExportFact } from '../../../mesh/model/service.ts';
import { authorise, exportCheckout, make, read, setReady, shop, sources, trusted } from '../testing/scene.ts';
import { checkoutFact, revision, type World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const NAME = 'checkout.shop.svc.clusterset.local';
const { started } = testWorlds();

describe('services', () => {
  async function withOslo(state: Parameters<typeof revision>[0] = {}): Promise<World> {
    const world = await started();
    world.hub.set('DesiredRevision', 'berlin', await trusted(world, state));
    await exportCheckout(world);
    authorise(world);
    world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.21']));
    await world.clock.advance(50);
    return world;
  }
  const policy = { name: 'checkout', service: shop, priority: ['berlin', 'oslo'], minimumReady: 1, unhealthyAfterSeconds: 5, healthyAfterSeconds: 5, failbackDelaySeconds: 10 };
  const globalService = { name: 'checkout', host: 'checkout.example.com', service: shop, ttlSeconds: 5 };

  test('ServiceImport, derived Service and slices of the serving clusters, within a second; DNS answers the ClusterSetIP', async () => {
    const world = await withOslo();
    const imported = await read<ServiceImportObject>(world, ServiceImport, shop);
    const derivedName = imported?.metadata.annotations?.['multicluster.kubernetes.io/derived-service'] ?? '';
    const derived = await read<ServiceObject>(world, Service, { namespace: 'shop', name: derivedName });
    expect(derivedName).toMatch(/^derived-[0-9a-v]{10}$/);
    expect(derived?.spec?.selector).toBeUndefined();
    expect(derived?.metadata.ownerReferences).toMatchObject([{ kind: 'ServiceImport', name: 'checkout', uid: imported?.metadata.uid }]);
    expect(imported?.spec).toMatchObject({ type: 'ClusterSetIP', ips: derived?.spec?.clusterIPs, ports: [{ name: 'http', protocol: 'TCP', port: 80 }] });
    expect(imported?.status?.clusters).toEqual([{ cluster: 'berlin' }, { cluster: 'oslo' }]);
    expect(await sources(world)).toEqual(['berlin', 'oslo']);
    expect(world.dig(NAME)).toEqual({ rcode: 'NOERROR', records: derived?.spec?.clusterIPs });
    expect(world.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('nothing is written twice: a quiet minute brings no write', async () => {
    const world = await withOslo();
    const versions = async () => Promise.all([ServiceImport, Service, EndpointSlice, ServiceExport].map(async (kind) =>
      (await world.kubernetes.list(kind, { namespace: 'shop' }, signal)).items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)));
    const before = await versions();
    await world.clock.advance(60_000);
    expect(await versions()).toEqual(before);
  });

  test('only where the namespace exists; the end of the last export removes what we wrote and nothing else', async () => {
    const world = await withOslo();
    world.hub.set('ImportedFact', 'oslo/bank/ledger', { ...checkoutFact('oslo', ['10.20.0.30']), namespace: 'bank', name: 'ledger' });
    await world.clock.advance(50);
    expect(await read(world, ServiceImport, { namespace: 'bank', name: 'ledger' })).toBeUndefined();
    await make(world, Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bank' } });
    await world.clock.advance(50);
    expect(await read(world, ServiceImport, { namespace: 'bank', name: 'ledger' })).toBeDefined();
    world.hub.remove('ImportedFact', 'berlin/shop/checkout');
    world.hub.remove('ImportedFact', 'oslo/shop/checkout');
    await world.clock.advance(50);
    expect(await read(world, ServiceImport, shop)).toBeUndefined();
    expect(await sources(world)).toEqual([]);
    expect((await world.kubernetes.list(Service, { namespace: 'shop' }, signal)).items.map(({ metadata }) => metadata.name)).toEqual(['checkout']);
    expect(world.dig(NAME).rcode).toBe('NXDOMAIN');
  });

  test('failover by policy: slices and the global name move after the policy\'s seconds and return after the delay, hub or no hub', async () => {
    const world = await withOslo({ failover: [policy], globalServices: [globalService] });
    expect(await sources(world)).toEqual(['berlin']);
    expect(world.dig('checkout.example.com').records).toEqual(['10.10.0.11']);
    world.setHub(false);
    await setReady(world, false);
    await world.clock.advance(4900);
    expect(world.dig('checkout.example.com').records).not.toContain('10.20.0.21');
    await world.clock.advance(200);
    expect(world.dig('checkout.example.com').records).toEqual(['10.20.0.21']);
    expect(await sources(world)).toEqual(['oslo']);
    await setReady(world, true);
    await world.clock.advance(14_000);
    expect(world.dig('checkout.example.com').records).toEqual(['10.20.0.21']);
    await world.clock.advance(2000);
    expect(world.dig('checkout.example.com').records).toEqual(['10.10.0.11']);
    expect(await sources(world)).toEqual(['berlin']);
  });

  test('a peer\'s own word moves readiness without the hub, an older one does not, and an unauthorised export stays out', async () => {
    const world = await withOslo();
    world.setHub(false);
    const stranger: ExportFact = { ...checkoutFact('oslo', ['10.20.0.99'], 9), name: 'stranger' };
    world.peers.set('oslo', { cluster: 'oslo', exports: [{ ...checkoutFact('oslo', ['10.20.0.21'], 5), endpoints: [] }, stranger], reachability: [] });
    world.setHub(true);
    world.hub.set('PeerAddress', 'oslo', { cluster: 'oslo', address: '10.20.0.1:4001' });
    await world.clock.advance(13_000);
    world.setHub(false);
    expect(await sources(world)).toEqual(['berlin']);
    world.peers.set('oslo', { cluster: 'oslo', exports: [checkoutFact('oslo', ['10.20.0.21'], 4)], reachability: [] });
    await world.clock.advance(3000);
    expect(await sources(world)).toEqual(['berlin']);
    world.peers.set('oslo', { cluster: 'oslo', exports: [checkoutFact('oslo', ['10.20.0.21'], 6)], reachability: [] });
    await world.clock.advance(3000);
    expect(await sources(world)).toEqual(['berlin', 'oslo']);
    expect(await read(world, ServiceImport, { namespace: 'shop', name: 'stranger' })).toBeUndefined();
    world.peers.delete('oslo');
    await world.clock.advance(1000);
    expect(await sources(world)).toEqual(['berlin', 'oslo']);
    await world.clock.advance(2500);
    expect(await sources(world)).toEqual(['berlin']);
    expect((await world.askAsPeer())).toMatchObject({ cluster: 'berlin', exports: [{ name: 'checkout' }], reachability: [{ cluster: 'oslo', reachable: false }] });
  });

  test('an evacuation moves answers at once, is measured, and ends by itself without the hub', async () => {
    const world = await withOslo({ globalServices: [globalService], failover: [policy] });
    const until = world.clock.now() + 5000;
    const evacuation = { id: 'drill-1', service: shop, cluster: 'berlin', until };
    world.hub.set('Evacuation', 'drill-1', { ...evacuation, active: false });
    await world.clock.advance(300);
    expect(world.heard('DnsSample', 'drill-1')).toMatchObject({ cluster: 'berlin', servedBy: ['berlin'], rcode: 'NOERROR', healthy: ['berlin', 'oslo'] });
    world.hub.set('Evacuation', 'drill-1', { ...evacuation, active: true });
    await world.clock.advance(500);
    expect(world.heard('DnsSample', 'drill-1')).toMatchObject({ servedBy: ['oslo'] });
    expect(world.dig('checkout.example.com').records).toEqual(['10.20.0.21']);
    world.setHub(false);
    await world.clock.advance(5000);
    expect(world.dig('checkout.example.com').records).toEqual(['10.10.0.11']);
    world.setHub(true);
    await world.clock.advance(11_000);
    expect(world.heard('DnsSample', 'drill-1')).toMatchObject({ servedBy: ['berlin'] });
    world.hub.remove('Evacuation', 'drill-1');
    await world.clock.advance(500);
    expect(world.heard('DnsSample', 'drill-1')).toBeUndefined();
  });

  test('a question is answered with reasons and forgotten with it', async () => {
    const world = await withOslo();
    world.hub.set('Question', 'q1', { id: 'q1', dnsName: NAME, dnsType: 'A' });
    await world.clock.advance(20);
    const answer = world.heard('Answer', 'q1');
    expect(answer).toMatchObject({ rcode: 'NOERROR', records: world.dig(NAME).records });
    expect(answer?.lines.join('\n')).toContain('oslo: healthy');
    world.hub.remove('Question', 'q1');
    await world.clock.advance(20);
    expect(world.heard('Answer', 'q1')).toBeUndefined();
  });
});
