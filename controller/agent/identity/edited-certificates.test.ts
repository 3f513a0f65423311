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
