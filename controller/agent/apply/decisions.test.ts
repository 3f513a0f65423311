/** What a person decided through the hub, as an agent carries it out: kept, overwritten once, and never beyond what was seen. */
import { describe, expect, test } from 'vitest';
import { ConfigMap, EndpointSlice, Secret, type SecretObject, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import type { DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import { assign, authorise, base64, edit, exportCheckout, peering, peersSecret, read, slices, sources } from '../testing/scene.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { checkoutFact, type World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const { started } = testWorlds();

async function peered(): Promise<World> {
  const world = await started();
  await assign(world, { peering: peering(['oslo', 'rome']) });
  return world;
}
const report = (world: World) => world.heard('AppliedReport', 'berlin')!;
const drift = (world: World): readonly DriftEntry[] => report(world).drift;
const value = async (world: World, key: string): Promise<string | undefined> => {
  const text = (await read<SecretObject>(world, Secret, peersSecret))?.data?.[key];
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString();
};
const override = (action: DriftOverride['action'], { object, path, actual }: DriftEntry, decision = 'd1'): DriftOverride => ({ object, path, action, actual, decision });
async function changed(world: World, text: string | null = 'mine', manager = 'kubectl-edit'): Promise<DriftEntry> {
  await edit(world, Secret, peersSecret, { data: { oslo: text === null ? null : base64(text) } }, manager);
  await world.clock.advance(100);
  return drift(world).find(({ path }) => path === '.data.oslo')!;
}

test('a change is told with its author and time', async () => {
  const world = await peered();
  await edit(world, Secret, peersSecret, { metadata: { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/Secret:kube-system/cilium-clustermesh' } } }, 'argocd-controller');
  await changed(world, 'mine', 'argocd-controller');
  expect(drift(world)).toMatchObject([{ manager: 'argocd-controller', actor: 'Argo CD shop, as argocd-controller (Update)', changedAt: expect.any(Number) }]);
  expect(report(world).inPlaceButDrift).toBeDefined();
  await edit(world, Secret, peersSecret, { metadata: { annotations: { 'isthmus.dev/changed-by': 'ann' } }, data: { oslo: base64('hers') } });
  await world.clock.advance(100);
  expect(drift(world)[0]).toMatchObject({ manager: 'kubectl-edit', actor: 'ann, with kubectl-edit (Update)' });
});

test('what nobody changed follows the next desired state, beside a change that stays', async () => {
  const world = await peered();
  await changed(world);
  const second = await assign(world, { peering: peering(['oslo', 'rome', 'lima']) });
  await world.clock.advance(31_000);
  expect(await value(world, 'oslo')).toBe('mine');
  expect(await value(world, 'lima')).toContain('endpoints:');
  expect(report(world)).toMatchObject({ healthy: false, inPlaceButDrift: second, drift: [{ path: '.data.oslo', manager: 'kubectl-edit' }] });
});

describe('an accepted change', () => {
  test('is desired: the cluster is healthy with it; the next change of it is a new one; taken back, ours stands again', async () => {
    const world = await peered();
    const entry = await changed(world);
    const accepted = await assign(world, { peering: peering(['oslo', 'rome']), overrides: [override('keep', entry)] });
    await world.clock.advance(31_000);
    expect(await value(world, 'oslo')).toBe('mine');
    expect(report(world)).toMatchObject({ id: accepted, healthy: true, drift: [] });

    const newer = await changed(world, 'mine again');
    expect(newer).toMatchObject({ expected: entry.actual, path: '.data.oslo' });
    await changed(world, 'mine');
    await world.clock.advance(31_000);
    expect(report(world)).toMatchObject({ id: accepted, healthy: true, drift: [] });

    const before = await assign(world, { peering: peering(['oslo', 'rome']) });
    await world.clock.advance(31_000);
    expect(await value(world, 'oslo')).toContain('endpoints:');
    expect(report(world)).toMatchObject({ id: before, healthy: true, drift: [] });
  });

  test('may be a deletion, and outlives a restart', async () => {
    const world = await peered();
    const entry = await changed(world, null);
    const accepted = await assign(world, { peering: peering(['oslo', 'rome']), overrides: [override('keep', entry)] });
    await world.clock.advance(31_000);
    await world.stop();
    await world.start();
    await world.clock.advance(31_000);
    expect(await value(world, 'oslo')).toBeUndefined();
    expect(report(world)).toMatchObject({ id: accepted, healthy: true, drift: [] });
  });

  test('may be the deletion of a whole object', async () => {
    const world = await peered();
    const users = { namespace: 'kube-system', name: 'clustermesh-remote-users' };
    await world.kubernetes.delete(ConfigMap, users, {}, signal);
    await world.clock.advance(100);
    const accepted = await assign(world, { peering: peering(['oslo', 'rome']), overrides: [override('keep', drift(world)[0]!)] });
    await world.clock.advance(61_000);
    expect(await read(world, ConfigMap, users)).toBeUndefined();
    expect(report(world)).toMatchObject({ id: accepted, healthy: true, drift: [] });
  });
});

describe('a permission to overwrite', () => {
  test('is used once: the same change made again stays, also after a restart', async () => {
    const world = await peered();
    const entry = await changed(world);
    const reverted = await assign(world, { peering: peering(['oslo', 'rome']), overrides: [override('overwrite', entry)] });
    await world.clock.advance(31_000);
    expect(await value(world, 'oslo')).toContain('endpoints:');
    expect(report(world)).toMatchObject({ id: reverted, healthy: true, drift: [] });
    await changed(world, 'mine');
    await world.clock.advance(1000);
    await world.stop();
    await world.start();
    await world.clock.advance(61_000);
    expect(await value(world, 'oslo')).toBe('mine');
    expect(drift(world)).toMatchObject([{ path: '.data.oslo', actual: entry.actual }]);
  });

  test('is not for a newer change, nor for another member, and what was added goes with it', async () => {
    const world = await peered();
    const entry = await changed(world);
    await edit(world, Secret, peersSecret, { data: { extra: base64('x'), rome: base64('theirs'), oslo: base64('newer') } });
    await world.clock.advance(100);
    const extra = drift(world).find(({ path }) => path === '.data.extra')!;
    await assign(world, { peering: peering(['oslo', 'rome']), overrides: [override('overwrite', entry), override('overwrite', extra, 'd2')] });
    await world.clock.advance(31_000);
    expect([await value(world, 'oslo'), await value(world, 'rome'), await value(world, 'extra')]).toEqual(['newer', 'theirs', undefined]);
    expect(drift(world).map(({ path }) => path)).toEqual(['.data.oslo', '.data.rome']);
  });

  test('does not reach a change that is made between the look and the write', async () => {
    const world = await peered();
    const entry = await changed(world);
    world.refuse = (write) => {
      if (write !== 'patch Secret cilium-clustermesh') return;
      world.refuse = () => {};
      void edit(world, Secret, peersSecret, { data: { oslo: base64('in between') } });
    };
    await assign(world, { peering: peering(['oslo', 'rome']), overrides: [override('overwrite', entry)] });
    await world.clock.advance(61_000);
    expect(await value(world, 'oslo')).toBe('in between');
    expect(drift(world)).toMatchObject([{ path: '.data.oslo' }]);
  });

  test('makes a deleted object again', async () => {
    const world = await peered();
    await world.kubernetes.delete(Secret, peersSecret, {}, signal);
    await world.clock.advance(100);
    const reverted = await assign(world, { peering: peering(['oslo', 'rome']), overrides: [override('overwrite', drift(world)[0]!)] });
    await world.clock.advance(31_000);
    expect(await value(world, 'rome')).toContain('endpoints:');
    expect(report(world)).toMatchObject({ id: reverted, healthy: true, drift: [] });
  });

  /** Argo-style: sets its value again within a second, while a person decides again and again that ours holds. Returns how often it did. */
  async function fought(world: World, rounds: number, first = 0): Promise<number> {
    let healed = 0;
    const heal = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second += 1) {
        if (await value(world, 'oslo') !== 'argo') { await edit(world, Secret, peersSecret, { data: { oslo: base64('argo') } }, 'argocd-controller'); healed += 1; }
        await world.clock.advance(1000);
      }
    };
    await heal(2);
    for (let round = first; round < first + rounds; round += 1) {
      const entry = drift(world).find(({ path }) => path === '.data.oslo')!;
      await assign(world, { peering: peering(['oslo', 'rome']), overrides: [override('overwrite', entry, `d${round}`)] });
      await heal(4);
    }
    return healed;
  }

  test('is of no use against a controller that heals itself: after a few rounds it is named, and we wait', async () => {
    const world = await peered();
    const healed = await fought(world, 8);
    expect(drift(world)).toMatchObject([{ path: '.data.oslo', manager: 'argocd-controller', reason: 'Contended' }]);
    expect(healed).toBeLessThanOrEqual(5);
  });

  test('a fight does not start anew with the agent: its adversary is still named, and waited for', async () => {
    const world = await peered();
    await fought(world, 5);
    expect(drift(world)).toMatchObject([{ reason: 'Contended' }]);
    await world.stop();
    await world.start();
    await world.clock.advance(5000);
    expect(drift(world)).toMatchObject([{ path: '.data.oslo', manager: 'argocd-controller', reason: 'Contended' }]);
    expect(await fought(world, 2, 5)).toBe(0);
  });
});

test('who edits again and again what we leave alone is in no fight with us', async () => {
  const world = await peered();
  for (let round = 0; round < 10; round += 1) {
    await changed(world, `draft ${round}`);
    await world.clock.advance(5000);
  }
  expect(drift(world)).toMatchObject([{ path: '.data.oslo', manager: 'kubectl-edit' }]);
  expect(drift(world)[0]?.reason).toBeUndefined();
});

describe('what follows live facts', () => {
  async function imported(): Promise<{ world: World; service: ServiceObject }> {
    const world = await peered();
    await exportCheckout(world);
    authorise(world);
    await world.clock.advance(2000);
    const [service] = (await world.kubernetes.list<ServiceObject>(Service, { namespace: 'shop', labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, signal)).items;
    return { world, service: service! };
  }

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

  test('is not taken for changed by others where only we wrote, however late we hear of it', async () => {
    const { world } = await imported();
    const random = seededRandom(11);
    const name = 'oslo/shop/checkout';
    const slow = checkoutFact('oslo', ['10.20.0.1', '10.20.0.2'], 2);
    const facts = [undefined, checkoutFact('oslo', ['10.20.0.1']), slow, { ...slow, sessionAffinity: 'ClientIP' as const }, { ...slow, type: 'Headless' as const }, { ...slow, ports: [] }];
    world.watchesLateMilliseconds = 300;
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
    const [slice] = (await world.kubernetes.list(EndpointSlice, { namespace: 'shop', labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, signal)).items;
    const ref = { namespace: 'shop', name: slice!.metadata.name };
    world.writes.length = 0;
    for (let second = 0; second < 600; second += 1) {
      await edit(world, EndpointSlice, ref, { endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }] }, 'other-controller');
      await world.clock.advance(1000);
    }
    const writes = world.writes.filter((write) => write === `patch EndpointSlice ${ref.name}`).length;
    expect(writes).toBeGreaterThan(2);
    expect(writes).toBeLessThanOrEqual(9);
    expect(drift(world)).toMatchObject([{ object: `EndpointSlice shop/${ref.name}`, path: '.endpoints', manager: 'other-controller', reason: 'Contended' }]);
    await world.clock.advance(3_600_000);
    expect(JSON.stringify(await read(world, EndpointSlice, ref))).not.toContain('192.0.2.1');
    expect(drift(world)).toEqual([]);
  });

  test('is waited for over restarts too: an agent that starts again each minute writes no more often', async () => {
    const { world } = await imported();
    const [slice] = (await world.kubernetes.list(EndpointSlice, { namespace: 'shop', labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, signal)).items;
    const ref = { namespace: 'shop', name: slice!.metadata.name };
    world.writes.length = 0;
    for (let second = 0; second < 600; second += 1) {
      await edit(world, EndpointSlice, ref, { endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }] }, 'other-controller');
      await world.clock.advance(1000);
      if (second % 60 === 59) { await world.stop(); await world.start(); }
    }
    const writes = world.writes.filter((write) => write === `patch EndpointSlice ${ref.name}`).length;
    expect(writes).toBeGreaterThan(2);
    expect(writes).toBeLessThanOrEqual(9);
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
