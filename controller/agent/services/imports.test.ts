/** What may happen to an import's namespace, its objects and its source. */
import { describe, expect, test } from 'vitest';
import { EndpointSlice, Namespace, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { ServiceExport, type ServiceExportObject, ServiceImport, type ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { derivedName } from '../../../mesh/services/derived.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { authorise, edit, exportCheckout, make, read, shop, slices } from '../testing/scene.ts';
import { checkoutFact, type World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const derivedRef = { namespace: 'shop', name: derivedName(shop, sha256Hex) };
const NAME = 'checkout.shop.svc.clusterset.local';
const { made, started } = testWorlds();

async function importing(fact = checkoutFact('oslo', ['10.20.0.21'])): Promise<World> {
  const world = await started();
  world.hub.set('ImportedFact', 'oslo/shop/checkout', fact);
  await world.clock.advance(100);
  return world;
}
const derived = (world: World) => read<ServiceObject>(world, Service, derivedRef);
const imported = (world: World) => read<ServiceImportObject>(world, ServiceImport, shop);
const addresses = async (world: World): Promise<string[]> => (await slices(world)).flatMap(({ endpoints }) => (endpoints ?? []).flatMap((endpoint) => endpoint.addresses)).sort();
const quiet = async (world: World): Promise<readonly string[]> => {
  world.writes.length = 0;
  await world.clock.advance(120_000);
  return world.writes;
};

describe('somebody else', () => {
  test('deletes or changes a slice, the Service or the ServiceImport: all three are ours and live, so they are healed at once', async () => {
    const world = await importing();
    const [slice] = await slices(world);
    await world.kubernetes.delete(EndpointSlice, { namespace: 'shop', name: slice!.metadata.name }, {}, signal);
    await world.clock.advance(100);
    expect(await addresses(world)).toEqual(['10.20.0.21']);
    await edit(world, EndpointSlice, { namespace: 'shop', name: slice!.metadata.name }, { endpoints: [{ addresses: ['6.6.6.6'] }] });
    await world.clock.advance(100);
    expect(await addresses(world)).toEqual(['10.20.0.21']);
    await edit(world, Service, derivedRef, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } });
    await world.clock.advance(100);
    expect((await derived(world))?.metadata.labels?.['app.kubernetes.io/managed-by']).toBe('isthmus-agent');
    await world.kubernetes.delete(ServiceImport, shop, {}, signal);
    await world.clock.advance(100);
    expect((await imported(world))?.spec.ips).toEqual((await derived(world))?.spec?.clusterIPs);
    expect(await quiet(world)).toEqual([]);
  });

  test('has a Service of the derived name: it is left alone, said, and the import comes when it is gone', async () => {
    const world = await made();
    await make(world, Service, { apiVersion: 'v1', kind: 'Service', metadata: derivedRef, spec: { ports: [{ port: 1 }], selector: { app: 'theirs' } } });
    await world.start();
    world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.21']));
    await world.clock.advance(10_000);
    expect((await derived(world))?.spec).toMatchObject({ ports: [{ port: 1 }], selector: { app: 'theirs' } });
    expect(world.log.lines.some(({ fields }) => String(fields['error']).includes(`Service shop/${derivedRef.name}: was made by someone else`))).toBe(true);
    world.hub.remove('ImportedFact', 'oslo/shop/checkout');
    await world.clock.advance(61_000);
    expect(await derived(world)).toBeDefined();
    expect(await imported(world)).toBeUndefined();
    world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.21']));
    await world.clock.advance(100);
    await world.kubernetes.delete(Service, derivedRef, {}, signal);
    await world.clock.advance(61_000);
    expect(await addresses(world)).toEqual(['10.20.0.21']);
  });

  test('refuses the Service by an admission rule, and takes the rule away later', async () => {
    const world = await made();
    world.refuse = (write) => { if (write.includes(derivedRef.name)) throw new KubernetesError(400, 'BadRequest', 'admission webhook denied the request'); };
    await world.start();
    world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.21']));
    await world.clock.advance(300_000);
    expect(await derived(world)).toBeUndefined();
    world.refuse = () => {};
    await world.clock.advance(61_000);
    expect(await addresses(world)).toEqual(['10.20.0.21']);
  });
});

describe('namespaces', () => {
  test('one that goes takes its imports, one that comes back gets them again; names follow', async () => {
    const world = await importing();
    await world.kubernetes.delete(Namespace, { name: 'shop' }, {}, signal);
    await world.clock.advance(5000);
    expect([await imported(world), await derived(world), await slices(world)]).toEqual([undefined, undefined, []]);
    expect(world.dig(NAME).rcode).toBe('NXDOMAIN');
    await make(world, Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    await world.clock.advance(5000);
    expect(await addresses(world)).toEqual(['10.20.0.21']);
    expect(world.dig(NAME).rcode).toBe('NOERROR');
  });
});

test('a hub that shares nothing is believed at once: names do not exist, and what an earlier life imported goes', async () => {
  const world = await importing();
  await world.stop();
  world.snapshot = undefined;
  world.setHub(false);
  world.hub.remove('ImportedFact', 'oslo/shop/checkout');
  await world.start();
  expect([world.dig(NAME).rcode, (await addresses(world)).length]).toEqual(['SERVFAIL', 1]);
  world.setHub(true);
  await world.clock.advance(10_000);
  expect([world.dig(NAME).rcode, await addresses(world), await imported(world)]).toEqual(['NXDOMAIN', [], undefined]);
});

describe('sizes and kinds', () => {
  test('a service of 1,000 endpoints is exported with 500, told whole, and imported in slices of 100', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => `10.10.${index >> 8}.${index & 255}`);
    const world = await started();
    await exportCheckout(world, many);
    const fact = authorise(world);
    expect([fact.endpoints.length, fact.endpointsOmitted]).toEqual([500, 500]);
    await world.clock.advance(100);
    expect((await slices(world)).map(({ endpoints }) => endpoints?.length)).toEqual([100, 100, 100, 100, 100]);
    expect(await quiet(world)).toEqual([]);
  });

  test('two families are two slices, a headless service has endpoints by name, and a change of type replaces the Service', async () => {
    const plain = checkoutFact('oslo', ['10.20.0.21']);
    const dual = { ...plain, ipFamilies: ['IPv4', 'IPv6'] as const, endpoints: plain.endpoints.map((endpoint) => ({ ...endpoint, addresses: ['10.20.0.21', 'fd00::21'], hostname: 'db-0' })) };
    const world = await importing(dual);
    expect((await slices(world)).map(({ addressType }) => addressType).sort()).toEqual(['IPv4', 'IPv6']);
    const before = (await derived(world))?.metadata.uid;
    world.hub.set('ImportedFact', 'oslo/shop/checkout', { ...dual, type: 'Headless', version: { epoch: 2, sequence: 1 } });
    await world.clock.advance(1000);
    expect((await derived(world))?.spec?.clusterIP).toBe('None');
    expect((await derived(world))?.metadata.uid).not.toBe(before);
    expect((await imported(world))?.spec.ips ?? []).toEqual([]);
    expect([...new Set((await slices(world)).flatMap(({ metadata }) => metadata.ownerReferences?.map(({ uid }) => uid)))]).toEqual([(await derived(world))?.metadata.uid]);
    expect(world.dig(NAME).records).toEqual(['10.20.0.21']);
    expect(world.dig(NAME, 'AAAA').records).toEqual(['fd00::21']);
    expect(world.dig(`db-0.oslo.${NAME}`).records).toEqual(['10.20.0.21']);
    expect(await quiet(world)).toEqual([]);
  });

  test('hundreds of imports are written once each', async () => {
    const world = await started();
    for (let index = 0; index < 300; index += 1) world.hub.set('ImportedFact', `oslo/shop/s${index}`, { ...checkoutFact('oslo', [`10.20.${index >> 8}.${index & 255}`]), name: `s${index}` });
    await world.clock.advance(2000);
    expect((await world.kubernetes.list(ServiceImport, { namespace: 'shop' }, signal)).items).toHaveLength(300);
    expect(world.dig('s299.shop.svc.clusterset.local').rcode).toBe('NOERROR');
    expect(await quiet(world)).toEqual([]);
  });
});

test('conditions of an export carry the generation that they were made for', async () => {
  const world = await importing();
  await exportCheckout(world);
  authorise(world);
  await world.clock.advance(100);
  const object = await read<ServiceExportObject>(world, ServiceExport, shop);
  expect(object?.metadata.generation).toBeGreaterThan(0);
  expect(object?.status?.conditions?.map(({ type, observedGeneration }) => [type, observedGeneration]).sort()).toEqual(['Conflict', 'Ready', 'Valid'].map((type) => [type, object?.metadata.generation]));
});
