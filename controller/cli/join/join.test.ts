import { expect, test } from 'vitest';
import { Cluster, JoinToken } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import type { JoinTokenObject } from '../../../mesh/api/resources/join-token.ts';
import { decodeJoinToken } from '../../runtime/join-token.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { joinCluster } from './index.ts';

const options = { label: [], property: [], namespace: 'isthmus-system', ttl: '600', output: 'token', dryRun: false } as const;

async function withTrust(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  await environment.client.create<ConfigMapObject>(ConfigMap, {
    apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'isthmus-trust', namespace: 'isthmus-system' },
    data: { 'bundle.pem': 'PEM', trustDomain: 'bank.example', sequence: '1', hubAddress: 'hub.example:8443' },
  }, { fieldManager: 'test' }, environment.signal);
  return environment;
}
const tokens = async ({ client, signal }: TestEnvironment): Promise<readonly JoinTokenObject[]> => (await client.list<JoinTokenObject>(JoinToken, {}, signal)).items;

test('a token is bound to its cluster for ten minutes, and only the digest of its secret is kept', async () => {
  const environment = await withTrust();
  await joinCluster(environment, 'berlin', { ...options, label: ['region=europe'], property: ['country=de'] });
  const content = decodeJoinToken(environment.printed());
  if ('problem' in content) throw new Error(content.problem);
  expect(content).toMatchObject({ cluster: 'berlin', hub: 'hub.example:8443', trustDomain: 'bank.example', ca: 'PEM' });
  const [token, ...more] = await tokens(environment);
  expect(more).toEqual([]);
  expect(token?.spec).toEqual({ cluster: 'berlin', secretSha256: sha256Hex(content.secret), expiresAt: '2030-01-01T12:10:00.000Z' });
  expect(JSON.stringify(token)).not.toContain(content.secret);
  expect(await environment.client.get<ClusterObject>(Cluster, { name: 'berlin' }, environment.signal)).toMatchObject({ metadata: { labels: { region: 'europe' } }, spec: { properties: { country: 'de' } } });
});

test('joining again keeps labels that were not given this time', async () => {
  const environment = await withTrust();
  await joinCluster(environment, 'berlin', { ...options, label: ['region=europe'] });
  await environment.client.patch(Cluster, { name: 'berlin' }, { metadata: { labels: { team: 'payments' } } }, { type: 'merge', fieldManager: 'somebody' }, environment.signal);
  await joinCluster(environment, 'berlin', { ...options, label: ['region=eu-central'] });
  expect((await environment.client.get(Cluster, { name: 'berlin' }, environment.signal))?.metadata.labels).toEqual({ region: 'eu-central', team: 'payments' });
  expect(await tokens(environment)).toHaveLength(2);
});

test('a dry run makes nothing', async () => {
  const environment = await withTrust();
  await joinCluster(environment, 'berlin', { ...options, dryRun: true });
  expect(await tokens(environment)).toEqual([]);
  expect(await environment.client.get(Cluster, { name: 'berlin' }, environment.signal)).toBeUndefined();
});

test.each([
  ['Berlin', {}, 'CLUSTER: "Berlin" is not a DNS label'],
  ['a'.repeat(33), {}, 'at most 32'],
  ['default', {}, 'outside any mesh'],
  ['berlin', { ttl: '0' }, '--ttl 0'],
  ['berlin', { label: ['region'] }, 'KEY=VALUE'],
])('%s with %j is refused before anything is made', async (name, given, sentence) => {
  const environment = await withTrust();
  await expect(joinCluster(environment, name, { ...options, ...given })).rejects.toThrow(sentence);
  expect(await tokens(environment)).toEqual([]);
});

test('without a hub there is one sentence', async () => {
  await expect(joinCluster(testEnvironment(), 'berlin', options)).rejects.toThrow('ConfigMap isthmus-system/isthmus-trust');
});
