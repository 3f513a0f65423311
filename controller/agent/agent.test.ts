import { afterEach, describe, expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, EndpointSlice, type EndpointSliceObject, Namespace, Node, Secret, type SecretObject, Service, type ServiceObject } from '../../mesh/api/resources/core.ts';
import { ServiceExport, type ServiceExportObject, ServiceImport, type ServiceImportObject } from '../../mesh/api/resources/multicluster.ts';
import { renderPeering } from '../../mesh/cilium/peering.ts';
import type { PeeringState } from '../../mesh/model/desired.ts';
import type { ExportFact } from '../../mesh/model/service.ts';
import type { ObjectRef, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../adapters/digest.ts';
import { checkoutFact, createWorld, revision, type World } from './testing/world.ts';

const signal = new AbortController().signal;
const shop = { namespace: 'shop', name: 'checkout' };
const secretRef = { namespace: 'kube-system', name: 'cilium-clustermesh' };
const NAME = 'checkout.shop.svc.clusterset.local';
const worlds: World[] = [];

async function started(): Promise<World> {
  const world = await createWorld();
  worlds.push(world);
  await world.start();
  return world;
}
afterEach(async () => { for (const world of worlds.splice(0)) await world.stop(); });

const peering = (peers: readonly string[]): PeeringState => ({
  clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, ciliumVersion: '1.18.12', namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
  peers: peers.map((name, index) => ({ name, clusterId: index + 2, endpoint: { address: `${name}.mesh.example`, port: 2379 } })),
});

async function trustedRevision(world: World, state: Parameters<typeof revision>[0]) {
  const secret = await world.kubernetes.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, signal);
  const bundlePem = Buffer.from(secret?.data?.['ca.crt'] ?? '', 'base64').toString();
  return revision({ trust: { trustDomain: 'mesh.example', sequence: 1, bundlePem }, ...state });
}

const make = (world: World, kind: ResourceKind, object: object) => world.kubernetes.create(kind, object as never, { fieldManager: 'kubectl-create' }, signal);
const read = <T>(world: World, kind: ResourceKind, ref: ObjectRef): Promise<T | undefined> => world.kubernetes.get(kind, ref, signal) as Promise<T | undefined>;

async function exportCheckout(world: World): Promise<void> {
  await make(world, Service, { apiVersion: 'v1', kind: 'Service', metadata: shop, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], selector: { app: 'checkout' } } });
  await make(world, EndpointSlice, {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { namespace: 'shop', name: 'checkout-1', labels: { 'kubernetes.io/service-name': 'checkout' } }, addressType: 'IPv4',
    endpoints: [{ addresses: ['10.10.0.11'], conditions: { ready: true } }], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  });
  await make(world, ServiceExport, { apiVersion: 'multicluster.x-k8s.io/v1beta1', kind: 'ServiceExport', metadata: shop });
  await world.clock.advance(20);
}

/** What a hub does with an export that a policy allows. */
function authorise(world: World): ExportFact {
  const fact = world.heard('ExportFact', 'shop/checkout')!;
  world.hub.set('ImportedFact', 'berlin/shop/checkout', fact);
  world.hub.set('ExportVerdict', 'shop/checkout', { namespace: 'shop', name: 'checkout', valid: true, reason: 'Valid', message: 'ok', conflictReason: '', conflictMessage: '' });
  return fact;
}

const setReady = (world: World, ready: boolean) => world.kubernetes.patch(EndpointSlice, { namespace: 'shop', name: 'checkout-1' },
  { endpoints: [{ addresses: ['10.10.0.11'], conditions: { ready } }] }, { type: 'merge', fieldManager: 'endpointslice-controller' }, signal);

const sources = async (world: World): Promise<(string | undefined)[]> => (await world.kubernetes.list<EndpointSliceObject>(EndpointSlice, { namespace: 'shop', labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, signal))
  .items.map(({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/source-cluster']);

const secretKeys = async (world: World): Promise<string[]> => Object.keys((await read<SecretObject>(world, Secret, secretRef))?.data ?? {}).sort();

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

describe('the desired state', () => {
  test('is written, read back and reported; a damaged or foreign one is refused', async () => {
    const world = await started();
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: null });
    const good = await trustedRevision(world, { peering: peering(['oslo']) });
    world.hub.set('DesiredRevision', 'berlin', good);
    await world.clock.advance(50);
    expect(world.heard('AppliedReport', 'berlin')).toEqual({ id: good.id, appliedAt: expect.any(Number), healthy: true, message: '', drift: [] });
    const secret = await read<SecretObject>(world, Secret, secretRef);
    expect(await secretKeys(world)).toEqual(['oslo']);
    expect(secret?.metadata.annotations?.['isthmus.dev/desired']).toBe(good.id);
    expect(JSON.parse(secret?.metadata.annotations?.['isthmus.dev/written'] ?? '')).toEqual({ oslo: sha256Hex(Buffer.from(secret?.data?.['oslo'] ?? '', 'base64').toString()) });
    expect((await read<SecretObject>(world, Secret, { ...secretRef, name: 'cilium-kvstoremesh' }))?.data?.['oslo']).toBeDefined();
    expect((await read<ConfigMapObject>(world, ConfigMap, { ...secretRef, name: 'clustermesh-remote-users' }))?.data?.['users.yaml']).toContain('remote-oslo');

    world.hub.set('DesiredRevision', 'berlin', { ...good, content: good.content.replaceAll('oslo', 'evil') });
    await world.clock.advance(50);
    world.hub.set('DesiredRevision', 'berlin', { ...good, cluster: 'oslo' });
    await world.clock.advance(50);
    const refusals = world.log.lines.filter(({ message }) => message === 'the other side refused a change').map(({ fields }) => String(fields['error']));
    expect(refusals).toEqual([expect.stringContaining('changed on the way'), expect.stringContaining('is for cluster "oslo", this is "berlin"')]);
    expect(await secretKeys(world)).toEqual(['oslo']);
  });

  test('without peering takes away what we wrote', async () => {
    const world = await started();
    world.hub.set('DesiredRevision', 'berlin', await trustedRevision(world, { peering: peering(['oslo']) }));
    await world.clock.advance(50);
    const without = await trustedRevision(world, { mesh: null });
    world.hub.set('DesiredRevision', 'berlin', without);
    await world.clock.advance(50);
    expect(await read(world, Secret, secretRef)).toBeUndefined();
    expect(await read(world, ConfigMap, { ...secretRef, name: 'clustermesh-remote-users' })).toBeUndefined();
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: without.id, healthy: true });
  });

  test('a change by another field manager is drift: reported with both digests, never overwritten, given back by an annotation', async () => {
    const world = await started();
    const first = await trustedRevision(world, { peering: peering(['oslo']) });
    world.hub.set('DesiredRevision', 'berlin', first);
    await world.clock.advance(50);
    const ours = Buffer.from((await read<SecretObject>(world, Secret, secretRef))?.data?.['oslo'] ?? '', 'base64').toString();
    await world.kubernetes.patch(Secret, secretRef, { data: { oslo: Buffer.from('mine').toString('base64'), extra: 'eA==' } }, { type: 'merge', fieldManager: 'kubectl-edit' }, signal);
    const changedAt = world.clock.now();
    await world.clock.advance(50);
    const entry = { object: 'Secret kube-system/cilium-clustermesh', manager: 'kubectl-edit', firstSeen: changedAt };
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({
      id: first.id, healthy: false,
      drift: [{ ...entry, path: '.data.extra', expected: 'absent' }, { ...entry, path: '.data.oslo', expected: `sha256:${sha256Hex(ours)}`, actual: `sha256:${sha256Hex('mine')}` }],
    });
    expect(JSON.stringify(world.heard('AppliedReport', 'berlin'))).not.toContain('mine');
    expect(world.heard('AppliedReport', 'berlin')?.message).toContain('isthmus.dev/drift=revert');

    world.hub.set('DesiredRevision', 'berlin', await trustedRevision(world, { peering: peering(['oslo', 'virginia']) }));
    await world.clock.advance(60_000);
    expect((await read<SecretObject>(world, Secret, secretRef))?.data?.['oslo']).toBe(Buffer.from('mine').toString('base64'));
    expect(world.heard('AppliedReport', 'berlin')?.drift[0]?.firstSeen).toBe(changedAt);

    await world.kubernetes.patch(Secret, secretRef, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } }, { type: 'merge', fieldManager: 'kubectl-annotate' }, signal);
    await world.clock.advance(100);
    expect(await secretKeys(world)).toEqual(['oslo', 'virginia']);
    expect((await read<SecretObject>(world, Secret, secretRef))?.metadata.annotations?.['isthmus.dev/drift']).toBeUndefined();
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ healthy: true, drift: [] });
  });
});

describe('objects that others made first', () => {
  const others = (world: World, data: Record<string, string>, labels = {}) => world.kubernetes.create(Secret, {
    apiVersion: 'v1', kind: 'Secret', metadata: { ...secretRef, labels }, type: 'Opaque', data,
  } as SecretObject, { fieldManager: 'helm' }, signal);

  test('with other data are held, by name of who made them', async () => {
    const world = await started();
    await others(world, { paris: 'eA==' });
    world.hub.set('DesiredRevision', 'berlin', await trustedRevision(world, { peering: peering(['oslo']) }));
    await world.clock.advance(50);
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: null, healthy: false, drift: [{ object: 'Secret kube-system/cilium-clustermesh', path: '', manager: 'helm' }] });
    expect(await secretKeys(world)).toEqual(['paris']);
  });

  test('with our data and a label of their own are held at that label; once it is gone they are ours', async () => {
    const world = await started();
    const data = renderPeering(peering(['oslo'])).find(({ name }) => name === secretRef.name)!.data;
    await others(world, Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])), { 'app.kubernetes.io/managed-by': 'Helm' });
    const wanted = await trustedRevision(world, { peering: peering(['oslo']) });
    world.hub.set('DesiredRevision', 'berlin', wanted);
    await world.clock.advance(50);
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: null, healthy: false, drift: [{ path: '.metadata.labels.app.kubernetes.io/managed-by', manager: 'helm' }] });
    await world.kubernetes.patch(Secret, secretRef, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } }, { type: 'merge', fieldManager: 'helm' }, signal);
    await world.clock.advance(50);
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: wanted.id, healthy: true, drift: [] });
  });
});

describe('services', () => {
  async function withOslo(state: Parameters<typeof revision>[0] = {}): Promise<World> {
    const world = await started();
    world.hub.set('DesiredRevision', 'berlin', await trustedRevision(world, state));
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
    const desired = await trustedRevision(world, { peering: peering(['oslo']), globalServices: [{ name: 'checkout', host: 'checkout.example.com', service: shop, ttlSeconds: 5 }] });
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
