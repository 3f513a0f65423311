/** Certificate Secrets of the mesh that a person edits, in a whole agent. */
import { expect, test } from 'vitest';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { assign, base64, edit, peering, read } from '../testing/scene.ts';
import { createWorld } from '../testing/world.ts';

test('are left alone and named; the hub is not asked again and again; deleted, they come back', async () => {
  const world = await createWorld();
  await world.start();
  await assign(world, { peering: peering(['oslo']) });
  await world.clock.advance(61_000);
  const ref = { namespace: 'kube-system', name: 'clustermesh-apiserver-remote-cert' };
  expect((await read<SecretObject>(world, Secret, ref))?.data?.['tls.crt']).toBeDefined();
  await edit(world, Secret, ref, { data: { 'tls.crt': base64('mine') } });
  const asked = world.hubCalls.length;
  world.writes.length = 0;
  await world.clock.advance(3_600_000);
  expect([world.hubCalls.slice(asked), world.writes]).toEqual([[], []]);
  expect((await read<SecretObject>(world, Secret, ref))?.data?.['tls.crt']).toBe(base64('mine'));
  expect(world.log.lines.map(({ fields }) => String(fields['problem'])).filter((problem) => problem.includes('remote-cert: was changed by kubectl-edit'))).toHaveLength(1);
  await world.kubernetes.delete(Secret, ref, {}, new AbortController().signal);
  await world.clock.advance(61_000);
  expect((await read<SecretObject>(world, Secret, ref))?.data?.['tls.crt']).not.toBe(base64('mine'));
  await world.stop();
});

test('are told as drift by digest, and written over where a person decided so, once and not over a newer change', async () => {
  const world = await createWorld();
  await world.start();
  await assign(world, { peering: peering(['oslo']) });
  await world.clock.advance(61_000);
  const ref = { namespace: 'kube-system', name: 'clustermesh-apiserver-remote-cert' };
  const drift = () => world.heard('AppliedReport', 'berlin')!.drift;
  const value = async () => (await read<SecretObject>(world, Secret, ref))?.data?.['tls.crt'];
  await edit(world, Secret, ref, { data: { 'tls.crt': base64('mine') } });
  await world.clock.advance(61_000);
  expect(drift()).toMatchObject([{ object: 'Secret kube-system/clustermesh-apiserver-remote-cert', path: '.data.tls.crt', actual: expect.stringMatching(/^sha256:/), manager: 'kubectl-edit' }]);
  const [{ object, path, actual }] = drift() as [ReturnType<typeof drift>[number]];
  const overrides = [{ object, path, actual, action: 'overwrite' as const, decision: 'd1' }];

  await edit(world, Secret, ref, { data: { 'tls.crt': base64('newer') } });
  const reverted = await assign(world, { peering: peering(['oslo']), overrides });
  await world.clock.advance(120_000);
  expect(await value()).toBe(base64('newer'));

  await edit(world, Secret, ref, { data: { 'tls.crt': base64('mine') } });
  await world.clock.advance(120_000);
  expect(Buffer.from((await value())!, 'base64').toString()).toContain('BEGIN CERTIFICATE');
  expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: reverted, healthy: true, drift: [] });

  await edit(world, Secret, ref, { data: { 'tls.crt': base64('mine') } });
  await world.clock.advance(120_000);
  expect(await value()).toBe(base64('mine'));
  expect(drift()).toHaveLength(1);
  await world.stop();
});
