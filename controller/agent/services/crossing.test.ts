/** Services of clusters that are no peers: by their gateways, and never at their pods, whoever tells of them. */
import { expect, test } from 'vitest';
import { Service } from '../../../mesh/api/resources/core.ts';
import { ServiceExport, type ServiceExportObject, ServiceImport, type ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import type { ExportFact } from '../../../mesh/model/service.ts';
import { acrossMeshes } from '../../../mesh/services/crossing.ts';
import { authorise, edit, exportCheckout, read, shop, slices, trusted } from '../testing/scene.ts';
import { checkoutFact, type World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const never = new AbortController().signal;
const { started } = testWorlds();
const gateway = { addresses: ['192.0.2.10'], hostnames: [], ports: [{ name: 'http', protocol: 'TCP' as const, port: 8443 }], problem: '' };
const withGateway = (version: number, ready: readonly string[] = ['10.20.0.21']): ExportFact => ({ ...checkoutFact('oslo', ready, version), gateway });
const written = async (world: World): Promise<string[]> => (await slices(world)).flatMap(({ endpoints, ports }) => (endpoints ?? []).map(({ addresses, conditions }) => `${addresses[0]}:${ports?.[0]?.port}${conditions?.ready === true ? '' : ' unready'}`));
const told = async (world: World, kind: typeof ServiceImport | typeof ServiceExport, type: string): Promise<string> => {
  const found = findCondition((await read<ServiceImportObject | ServiceExportObject>(world, kind, shop))?.status?.conditions as Parameters<typeof findCondition>[0], type);
  return found === undefined ? 'absent' : `${found.status} ${found.reason}: ${found.message}`;
};

async function importing(fact: ExportFact): Promise<World> {
  const world = await started();
  world.hub.set('DesiredRevision', 'berlin', await trusted(world, {}));
  world.hub.set('ImportedFact', 'oslo/shop/checkout', fact);
  await world.clock.advance(50);
  return world;
}

test('an import has the gateway\'s addresses, and follows what its source says of readiness without the hub', async () => {
  const world = await importing(acrossMeshes(withGateway(1)));
  expect(await written(world)).toEqual(['192.0.2.10:8443']);
  expect(await told(world, ServiceImport, 'Reachable')).toMatch(/^True Gateway: .*192\.0\.2\.10/);
  world.hub.set('PeerAddress', 'oslo', { cluster: 'oslo', address: '10.20.0.1:4001' });
  world.peers.set('oslo', { cluster: 'oslo', exports: [withGateway(1)], reachability: [] });
  await world.clock.advance(2000);
  world.peers.set('oslo', { cluster: 'oslo', exports: [withGateway(2, [])], reachability: [] });
  await world.clock.advance(2000);
  expect(await written(world)).toEqual(['192.0.2.10:8443 unready']);
  // In one mesh from now on, with nothing newer from the source.
  world.hub.set('ImportedFact', 'oslo/shop/checkout', withGateway(1));
  world.peers.set('oslo', { cluster: 'oslo', exports: [withGateway(3)], reachability: [] });
  await world.clock.advance(2000);
  expect(await written(world)).toEqual(['10.20.0.21:8080']);
  expect(await told(world, ServiceImport, 'Reachable')).toBe('absent');
});

test('without a way an import has no endpoint, and says what opens one', async () => {
  const world = await importing(acrossMeshes(checkoutFact('oslo', ['10.20.0.21'])));
  expect(await written(world)).toEqual([]);
  expect(await told(world, ServiceImport, 'Ready')).toMatch(/^False NoGateway/);
  expect(await told(world, ServiceImport, 'Reachable')).toMatch(/^False NoGateway: .*type LoadBalancer/);
  world.hub.set('ImportedFact', 'oslo/shop/checkout', acrossMeshes(withGateway(2)));
  await world.clock.advance(50);
  expect(await written(world)).toEqual(['192.0.2.10:8443']);
  expect(await told(world, ServiceImport, 'Ready')).toMatch(/^True Ready/);
});

test('an export tells of its load balancer as soon as it has one, and says what the hub says of the way', async () => {
  const world = await started();
  world.hub.set('DesiredRevision', 'berlin', await trusted(world, {}));
  await exportCheckout(world);
  expect(authorise(world).gateway).toBeUndefined();
  await edit(world, Service, shop, { spec: { type: 'LoadBalancer' } });
  await world.kubernetes.patch(Service, shop, { status: { loadBalancer: { ingress: [{ ip: '192.0.2.44' }] } } }, { type: 'merge', fieldManager: 'load-balancers', subresource: 'status' }, never);
  await world.clock.advance(50);
  const fact = world.heard('ExportFact', 'shop/checkout')!;
  expect(fact.gateway).toEqual({ addresses: ['192.0.2.44'], hostnames: [], ports: [{ name: 'http', protocol: 'TCP', port: 80 }], problem: '' });
  const verdict = { ...shop, valid: true, reason: 'Valid', message: 'ok', conflictReason: '', conflictMessage: '' } as const;
  world.hub.set('ExportVerdict', 'shop/checkout', { ...verdict, crossing: { reason: 'NoGateway', message: 'give it one' } });
  await world.clock.advance(50);
  expect(await told(world, ServiceExport, 'Reachable')).toBe('False NoGateway: give it one');
  world.hub.set('ExportVerdict', 'shop/checkout', verdict);
  await world.clock.advance(50);
  expect(await told(world, ServiceExport, 'Reachable')).toBe('absent');
});
