import { expect, test } from 'vitest';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { queryFleet } from './query.ts';

async function withClusters(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  for (const [name, region, stage] of [['berlin', 'europe', 'canary'], ['oslo', 'europe', 'frozen'], ['virginia', 'us', 'production']] as const) {
    await environment.client.create(Cluster, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name, labels: { region, stage } }, spec: {} } as never, { fieldManager: 'test' }, environment.signal);
  }
  return environment;
}

test.each([
  ['region=europe,stage!=frozen', 'berlin'],
  ['', 'berlin oslo virginia'],
  ['region in (us,asia)', 'virginia'],
  ['region=eu*', 'berlin oslo'],
  ['region=mars', ''],
])('%j is %j', async (query, names) => {
  const environment = await withClusters();
  await queryFleet(environment, query, 'name');
  expect(environment.printed()).toBe(names.split(' ').filter((name) => name !== '').map((name) => `cluster.isthmus.dev/${name}\n`).join(''));
});

test('what is not known is said to be unknown', async () => {
  const environment = await withClusters();
  await queryFleet(environment, 'name=berlin', 'table');
  expect(environment.printed()).toBe('NAME     READY     REGION   STAGE    CILIUM      ID          CURRENT   DRIFT   LAST CHANGE\nberlin   Unknown   europe   canary   <unknown>   <unknown>   <none>    0       <unknown>\n');
  await queryFleet(environment, 'name=nobody', 'table');
  expect(environment.complained()).toBe('No cluster matches.\n');
});

test('a wrong query is pointed at', async () => {
  await expect(queryFleet(testEnvironment(), 'region=europe,=x', 'name')).rejects.toThrow(/\n {2}region=europe,=x\n {2} {14}\^/);
});
