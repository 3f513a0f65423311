/** What a person decided through the hub, as an agent carries it out: kept, overwritten once, and never beyond what was seen. */
import { describe, expect, test } from 'vitest';
import { ConfigMap, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import { assign, base64, edit, peering, peersSecret, read } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
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
