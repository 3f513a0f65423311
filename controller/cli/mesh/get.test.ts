import { expect, test } from 'vitest';
import { apiVersionOf, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { getMeshes } from './get.ts';

async function twoMeshes(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  const { client, signal } = environment;
  const make = (name: string, spec: object) => client.create<MeshObject>(Mesh, { apiVersion: apiVersionOf(Mesh), kind: 'Mesh', metadata: { name }, spec } as MeshObject, { fieldManager: 'test' }, signal);
  await make('asia', { clusters: {} });
  const europe = await make('europe', { clusters: {}, topology: { type: 'HubAndSpoke', hubs: { names: ['berlin'] } } });
  const condition = { type: 'Planned', status: 'False', reason: 'ClusterIdConflict', message: 'clusters berlin and oslo: cluster-id is 1 in both', lastTransitionTime: '2030-01-01T12:00:00Z', observedGeneration: 1 };
  await client.patch<MeshObject>(Mesh, europe.metadata, { status: { clusterCount: 2, conflictCount: 1, cellCount: 2, cells: [{ name: 'europe/1', clusters: 1, conflicts: 1 }, { name: 'europe/2', clusters: 1, conflicts: 0 }], conditions: [condition] } }, { type: 'merge', subresource: 'status', fieldManager: 'test' }, signal);
  return environment;
}

test('shows what keeps a mesh from being planned', async () => {
  const environment = await twoMeshes();
  await getMeshes(environment, undefined, 'table');
  expect(environment.printed().split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual([
    'NAME  PLANNED  ROLLED-OUT  CLUSTERS  CONFLICTS  TOPOLOGY  AGE  MESSAGE',
    'asia  unknown  unknown  0  -  FullMesh  0s',
    'europe  ClusterIdConflict  unknown  2  1  HubAndSpoke  0s  clusters berlin and oslo: cluster-id is 1 in both',
    '',
  ]);
});

test('wide: also its cells, and in how many of them something is in the way', async () => {
  const environment = await twoMeshes();
  await getMeshes(environment, undefined, 'wide');
  const [head, asia, europe] = environment.printed().split('\n').map((line) => line.split(/ {2,}/));
  const at = head!.indexOf('CELLS');
  expect([head?.[at + 1], asia?.[at], europe?.[at]]).toEqual(['PEERED', '-', '2 (1 with conflicts)']);
});

test('shows which pairs wait, where nothing else is in the way', async () => {
  const environment = await twoMeshes();
  const at = { lastTransitionTime: '2030-01-01T12:00:00Z', observedGeneration: 1 };
  const conditions = [
    { type: 'Planned', status: 'True', reason: 'Planned', message: 'planned', ...at }, { type: 'RolledOut', status: 'True', reason: 'RolledOut', message: 'rolled out', ...at },
    { type: 'Peered', status: 'False', reason: 'Waiting', message: '1 of 2 pairs wait: berlin waits for oslo: refused', ...at },
  ];
  await environment.client.patch<MeshObject>(Mesh, { name: 'asia' }, { status: { conditions } }, { type: 'merge', subresource: 'status', fieldManager: 'test' }, environment.signal);
  await getMeshes(environment, 'asia', 'table');
  expect(environment.printed()).toContain('1 of 2 pairs wait: berlin waits for oslo: refused');
});

test('one by its name; a name that there is not is told with the one that was meant', async () => {
  const environment = await twoMeshes();
  await getMeshes(environment, 'europe', 'name');
  expect(environment.printed()).toBe('mesh.isthmus.dev/europe\n');
  await expect(getMeshes(environment, 'europa', 'table')).rejects.toThrow('there is no mesh "europa"; did you mean europe?');
  await expect(getMeshes(environment, 'somewhere-else', 'table')).rejects.toThrow('there is no mesh "somewhere-else"; "isthmus mesh get" shows them');
});
