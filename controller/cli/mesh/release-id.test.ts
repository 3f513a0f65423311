import { expect, test } from 'vitest';
import { apiVersionOf, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { testEnvironment } from '../testing/environment.ts';
import { releaseId } from './release-id.ts';

async function held() {
  const environment = testEnvironment();
  const { client, signal } = environment;
  const mesh = await client.create<MeshObject>(Mesh, { apiVersion: apiVersionOf(Mesh), kind: 'Mesh', metadata: { name: 'europe' }, spec: { clusters: {} } } as MeshObject, { fieldManager: 'test' }, signal);
  const status = { clusters: [{ name: 'berlin', clusterId: 1, desiredId: '' }], heldIds: [{ id: 2, cluster: 'oslo', since: '2030-01-01T00:00:00Z', namedBy: ['berlin'] }], releasedIds: [{ id: 2, cluster: 'oslo', at: '2029-01-01T00:00:00Z', by: 'ann', reason: 'burned down' }] };
  await client.patch<MeshObject>(Mesh, mesh.metadata, { status }, { type: 'merge', subresource: 'status', fieldManager: 'test' }, signal);
  const ask = (id: string, reason = 'gone for good', dryRun = false) => releaseId(environment, { mesh: 'europe', id, reason, dryRun });
  return { environment, ask, asked: async () => (await client.get<MeshObject>(Mesh, { name: 'europe' }, signal))?.spec.releaseIds };
}

test('an id that is held is declared free, for the record', async () => {
  const { environment, ask, asked } = await held();
  await ask('2', 'gone for good', true);
  expect(await asked()).toBeUndefined();
  await ask('2');
  expect(await asked()).toEqual([{ id: 2, cluster: 'oslo', reason: 'gone for good' }]);
  expect(environment.printed()).toBe('Mesh europe: id 2 of oslo would be free; berlin still names it as a peer\'s\nMesh europe: id 2 of oslo is to be free; berlin still names it as a peer\'s\n');
});

test('an id that several cells hold needs the name of who held it', async () => {
  const { environment, asked } = await held();
  const { client, signal } = environment;
  const heldIds = ['oslo', 'rome'].map((cluster) => ({ id: 2, cluster, since: '2030-01-01T00:00:00Z', namedBy: [] }));
  await client.patch<MeshObject>(Mesh, { name: 'europe' }, { status: { heldIds } }, { type: 'merge', subresource: 'status', fieldManager: 'test' }, signal);
  const ask = (cluster?: string) => releaseId(environment, { mesh: 'europe', id: '2', reason: 'gone', cluster, dryRun: false });
  await expect(ask()).rejects.toThrow('holds id 2 of oslo, rome, each in a cell of its own; say which with --cluster');
  await ask('rome');
  expect(await asked()).toEqual([{ id: 2, cluster: 'rome', reason: 'gone' }]);
});

test('what is not held, no id, no reason, and a reason that was given before are refused', async () => {
  const { environment, ask, asked } = await held();
  await expect(ask('1')).rejects.toThrow('Mesh europe does not hold id 1: it is berlin\'s, which is a member');
  await expect(ask('3')).rejects.toThrow('it holds 2 (oslo)');
  await expect(ask('512')).rejects.toThrow('no cluster id');
  await expect(ask('2', ' ')).rejects.toThrow('--reason is empty');
  await expect(ask('2', 'burned down')).rejects.toThrow('held anew since');
  await expect(releaseId(environment, { mesh: 'europa', id: '2', reason: 'x', dryRun: false })).rejects.toThrow('did you mean europe?');
  expect(await asked()).toBeUndefined();
});
