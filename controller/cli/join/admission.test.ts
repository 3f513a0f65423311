import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { testIssuer } from '../../../certs/service-account/testing/issuer.ts';
import { Cluster, ClusterAdmission, JoinToken } from '../../../mesh/api/resources/index.ts';
import type { ClusterAdmissionObject } from '../../../mesh/api/resources/cluster-admission.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { joinCluster } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-jwks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (content: unknown): string => {
  const path = join(folder, 'jwks.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const issuer = testIssuer('one');
const options = { label: [], property: [], namespace: 'isthmus-system', ttl: '600', output: 'helm', dryRun: false, issuer: 'https://berlin.example' } as const;

async function withTrust(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  const data = { 'bundle.pem': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', trustDomain: 'bank.example', sequence: '1', hubAddress: 'hub.example:8443' };
  await environment.client.create<ConfigMapObject>(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'isthmus-trust', namespace: 'isthmus-system' }, data }, { fieldManager: 'test' }, environment.signal);
  return environment;
}
const admission = ({ client, signal }: TestEnvironment) => client.get<ClusterAdmissionObject>(ClusterAdmission, { name: 'berlin' }, signal);

test('declares the issuer\'s public keys and prints what the agent needs: nothing of it is secret', async () => {
  const environment = await withTrust();
  await joinCluster(environment, 'berlin', { ...options, jwks: file({ keys: [{ ...issuer.key, x5t: 'left out' }] }) });
  expect((await admission(environment))?.spec).toEqual({ issuer: 'https://berlin.example', jwks: { keys: [issuer.key] }, namespace: 'isthmus-system', serviceAccount: 'isthmus-agent', maxAgeSeconds: 3600 });
  expect((await environment.client.list(JoinToken, {}, environment.signal)).items).toEqual([]);
  expect(environment.printed()).toContain('--set identity.join.serviceAccountToken=true \\\n  --set identity.join.trustDomain=bank.example \\\n  --set-string identity.join.audience=isthmus:bank.example');
  expect(environment.printed()).not.toContain('join.token');
});

test('again: the keys are replaced, what was used stays; after a revocation it is made anew', async () => {
  const environment = await withTrust();
  const { client, signal } = environment;
  await joinCluster(environment, 'berlin', { ...options, jwks: file({ keys: [issuer.key] }) });
  const first = await admission(environment);
  await joinCluster(environment, 'berlin', { ...options, jwks: file({ keys: [issuer.key, testIssuer('two', 'ES256').key] }) });
  expect((await admission(environment))?.metadata.uid).toBe(first?.metadata.uid);
  expect((await admission(environment))?.spec.jwks.keys).toHaveLength(2);
  await environment.sleep(1000);
  await client.patch(Cluster, { name: 'berlin' }, { spec: { revoked: { at: new Date(environment.now()).toISOString(), reason: 'stolen' } } }, { type: 'merge', fieldManager: 'test' }, signal);
  await environment.sleep(2000);
  await joinCluster(environment, 'berlin', { ...options, jwks: file({ keys: [issuer.key] }) });
  const second = await admission(environment);
  expect(second?.metadata.uid).not.toBe(first?.metadata.uid);
  // Declared as of the theft, and seen by the hub later than the object was made.
  await environment.sleep(2000);
  const revocation = { at: new Date(environment.now()).toISOString(), reason: 'stolen', clusters: 0, usersRemoved: 0, podsReplaced: 0 };
  await client.patch(Cluster, { name: 'berlin' }, { status: { revocation } }, { type: 'merge', fieldManager: 'isthmus-hub', subresource: 'status' }, signal);
  await environment.sleep(2000);
  await joinCluster(environment, 'berlin', { ...options, jwks: file({ keys: [issuer.key] }) });
  expect((await admission(environment))?.metadata.uid).not.toBe(second?.metadata.uid);
});

test.each<[string, unknown, RegExp]>([
  ['no JSON', 'hello', /is no JSON/],
  ['no keys', {}, /has no "keys"; give what "kubectl get --raw \/openid\/v1\/jwks" prints/],
  ['a private key', { keys: [{ ...issuer.key, d: 'AA' }] }, /holds a private key/],
  ['an unknown type', { keys: [{ kid: 'x', kty: 'oct' }] }, /kty/],
  ['a key twice', { keys: [issuer.key, issuer.key] }, /is there twice/],
])('refuses a file with %s', async (_, content, text) => {
  const environment = await withTrust();
  await expect(joinCluster(environment, 'berlin', { ...options, jwks: file(content) })).rejects.toThrow(text);
  expect(await admission(environment)).toBeUndefined();
});

test('refuses halves', async () => {
  const environment = await withTrust();
  await expect(joinCluster(environment, 'berlin', options)).rejects.toThrow('--issuer and --jwks: give both');
  await expect(joinCluster(environment, 'berlin', { ...options, jwks: file({ keys: [issuer.key] }), output: 'token' })).rejects.toThrow('there is no token to copy');
  await expect(joinCluster(environment, 'berlin', { ...options, jwks: file({ keys: [issuer.key] }), serviceAccount: 'agent' })).rejects.toThrow('write NAMESPACE/NAME');
});
