/** What somebody else does to imports: put back, shown with who it was, never fought over; and nothing of our own is taken for it. */
import { describe, expect, test } from 'vitest';
import { EndpointSlice, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { ServiceImport, type ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { assign, authorise, edit, exportCheckout, peering, read, slices, sources } from '../testing/scene.ts';
import { checkoutFact, type World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const { started } = testWorlds();
const drift = (world: World): readonly DriftEntry[] => world.heard('AppliedReport', 'berlin')!.drift;

async function imported(): Promise<{ world: World; service: ServiceObject }> {
  const world = await started();
  await assign(world, { peering: peering(['oslo', 'rome']) });
  await exportCheckout(world);
  authorise(world);
  await world.clock.advance(2000);
  const [service] = (await world.kubernetes.list<ServiceObject>(Service, { namespace: 'shop', labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, signal)).items;
  return { world, service: service! };
}

/** Ten minutes in which another controller changes a slice every second; few writes of ours answer it. */
async function foughtOver(world: World, eachMinute = async (): Promise<void> => {}): Promise<{ readonly namespace: string; readonly name: string }> {
  const [slice] = (await world.kubernetes.list(EndpointSlice, { namespace: 'shop', labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, signal)).items;
  const ref = { namespace: 'shop', name: slice!.metadata.name };
  world.writes.length = 0;
  for (let second = 0; second < 600; second += 1) {
    await edit(world, EndpointSlice, ref, { endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }] }, 'other-controller');
    await world.clock.advance(1000);
    if (second % 60 === 59) await eachMinute();
  }
  const writes = world.writes.filter((write) => write === `patch EndpointSlice ${ref.name}`).length;
  expect(writes).toBeGreaterThan(2);
  expect(writes).toBeLessThanOrEqual(9);
  return ref;
}

describe('what follows live facts', () => {
  test('is put back, and shown for a while with who it was', async () => {
    const { world, service } = await imported();
    const ref = { namespace: 'shop', name: service.metadata.name };
    await edit(world, Service, ref, { spec: { sessionAffinity: 'ClientIP' } });
    await world.clock.advance(1000);
    expect((await read<ServiceObject>(world, Service, ref))?.spec?.sessionAffinity).toBe('None');
    expect(drift(world)).toMatchObject([{ object: `Service shop/${service.metadata.name}`, path: '.spec.sessionAffinity', expected: '"None"', actual: '"ClientIP"', manager: 'kubectl-edit', reason: 'PutBack' }]);
    await world.clock.advance(130_000);
    expect(drift(world)).toEqual([]);
  });

  test('that somebody deletes is made again, and said', async () => {
    const { world, service } = await imported();
    const ref = { namespace: 'shop', name: service.metadata.name };
    await world.kubernetes.delete(Service, ref, {}, signal);
    await world.clock.advance(1000);
    expect(await read(world, Service, ref)).toBeDefined();
    expect(drift(world)).toContainEqual(expect.objectContaining({ object: `Service shop/${service.metadata.name}`, path: '', actual: 'absent', reason: 'PutBack' }));
  });

  test.each([300, 20_000])('is not taken for changed by others where only we wrote, though we hear of it up to %i ms later', async (late) => {
    const { world } = await imported();
    const random = seededRandom(11);
    const name = 'oslo/shop/checkout';
    const slow = checkoutFact('oslo', ['10.20.0.1', '10.20.0.2'], 2);
    const facts = [undefined, checkoutFact('oslo', ['10.20.0.1']), slow, { ...slow, sessionAffinity: 'ClientIP' as const }, { ...slow, type: 'Headless' as const }, { ...slow, ports: [] }];
    world.watchesLateMilliseconds = late;
    for (let round = 0; round < 150; round += 1) {
      const fact = facts[Math.floor(random.uniform() * facts.length)];
      if (fact === undefined) world.hub.remove('ImportedFact', name);
      else world.hub.set('ImportedFact', name, fact);
      if (random.uniform() < 0.2) world.hub.remove('ImportedFact', 'berlin/shop/checkout');
      if (random.uniform() < 0.2) authorise(world);
      await world.clock.advance(Math.floor(random.uniform() * 500));
      expect(drift(world), `round ${round}`).toEqual([]);
    }
  });

  test('has its addresses as long as there is a Service, however late we hear of that', async () => {
    const { world } = await imported();
    const stop = new AbortController();
    const told: string[] = [];
    const { resourceVersion } = await world.kubernetes.list(ServiceImport, {}, signal);
    const watching = (async () => {
      for await (const event of world.kubernetes.watch<ServiceImportObject>(ServiceImport, { resourceVersion }, stop.signal)) if (event.type !== 'BOOKMARK') told.push(event.type === 'DELETED' ? 'gone' : (event.object.spec.ips ?? []).length > 0 ? 'addressed' : 'not yet');
    })();
    world.watchesLateMilliseconds = 300;
    for (let round = 0; round < 50; round += 1) {
      for (const cluster of ['berlin', 'oslo']) world.hub.remove('ImportedFact', `${cluster}/shop/checkout`);
      await world.clock.advance(1000);
      world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.1']));
      await world.clock.advance(1000);
    }
    stop.abort();
    await watching.catch(() => {});
    const steps = told.filter((state, index) => state !== told[index - 1]);
    expect(steps).toEqual(Array.from({ length: 50 }, () => ['gone', 'not yet', 'addressed']).flat());
  });

  test('is not taken for changed by others where it went with a Service that we replaced', async () => {
    const { world } = await imported();
    world.hub.remove('ImportedFact', 'berlin/shop/checkout');
    const headless = { ...checkoutFact('oslo', ['10.20.0.1']), type: 'Headless' as const };
    // Between the two the API refuses the Service: it would have no port.
    for (const fact of [headless, { ...headless, type: 'ClusterSetIP' as const, ports: [] }, headless]) {
      world.hub.set('ImportedFact', 'oslo/shop/checkout', fact);
      await world.clock.advance(2000);
      expect(drift(world)).toEqual([]);
    }
    expect(await sources(world)).toEqual(['oslo']);
  });

  test('hangs on the Service that stands, however late we hear that the one before it is gone', async () => {
    const { world, service } = await imported();
    world.hub.remove('ImportedFact', 'berlin/shop/checkout');
    const random = seededRandom(12);
    const fact = checkoutFact('oslo', ['10.20.0.1']);
    world.watchesLateMilliseconds = 300;
    for (let round = 0; round < 100; round += 1) {
      world.hub.set('ImportedFact', 'oslo/shop/checkout', random.uniform() < 0.5 ? fact : { ...fact, type: 'Headless' });
      await world.clock.advance(Math.floor(random.uniform() * 200));
      const stands = await read(world, Service, { namespace: 'shop', name: service.metadata.name });
      expect((await slices(world)).map(({ metadata }) => metadata.ownerReferences?.[0]?.uid), `round ${round}`).toEqual([stands?.metadata.uid]);
    }
  });

  test('is not fought over: a controller that changes it every second costs few writes, is named, and is waited for', async () => {
    const { world } = await imported();
    const ref = await foughtOver(world);
    expect(drift(world)).toMatchObject([{ object: `EndpointSlice shop/${ref.name}`, path: '.endpoints', manager: 'other-controller', reason: 'Contended' }]);
    await world.clock.advance(3_600_000);
    expect(JSON.stringify(await read(world, EndpointSlice, ref))).not.toContain('192.0.2.1');
    expect(drift(world)).toEqual([]);
  });

  test('is waited for over restarts too: an agent that starts again each minute writes no more often', async () => {
    const { world } = await imported();
    const ref = await foughtOver(world, async () => { await world.stop(); await world.start(); });
    expect(drift(world)).toContainEqual(expect.objectContaining({ object: `EndpointSlice shop/${ref.name}`, manager: 'other-controller', reason: 'Contended' }));
  });

  test('new facts of our own are no change by others', async () => {
    const { world } = await imported();
    const [fact] = world.hub === undefined ? [] : [authorise(world)];
    world.hub.set('ImportedFact', 'berlin/shop/checkout', { ...fact!, version: { epoch: fact!.version.epoch + 1, sequence: 1 }, endpoints: [{ addresses: ['10.10.0.99'], ready: true, ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] }] });
    await world.clock.advance(5000);
    expect(drift(world)).toEqual([]);
  });
});
