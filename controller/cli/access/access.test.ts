import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AccessPolicyObject } from '../../../mesh/api/resources/access-policy.ts';
import type { AccessAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { AccessPolicy, apiVersionOf } from '../../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { listAccess } from './list.ts';
import { previewAccess } from './preview.ts';

const POLICY = `apiVersion: isthmus.dev/v1alpha1
kind: AccessPolicy
metadata: {name: to-checkout}
spec:
  from: [{clusters: {names: [oslo]}, namespaces: [web], serviceAccounts: [front]}, {clusters: {}}]
  to: {service: {namespace: shop, name: checkout}, ports: [{port: 443}]}
`;

function file(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'isthmus-access-')), 'policy.yaml');
  writeFileSync(path, text);
  return path;
}

const row = (namespace: string, today: 'Allowed' | 'Denied' | 'Unknown', tomorrow: 'Allowed' | 'Denied' | 'Unknown') =>
  ({ from: { cluster: 'oslo', namespace, serviceAccount: namespace === 'web' ? 'front' : '', endpoints: 4 }, to: { cluster: 'berlin', name: 'shop/checkout', endpoints: 3 }, ports: ['8443/TCP'], today, tomorrow });
const ANSWER: AccessAnswer = {
  policy: 'to-checkout', clusters: ['berlin'], rows: [row('cron', 'Allowed', 'Denied'), row('till', 'Unknown', 'Unknown'), row('web', 'Allowed', 'Allowed')], rowsOmitted: 0,
  totals: { stopped: 1, letThrough: 0, unchanged: 1, unknown: 1 }, conflicts: ['nobody matches'], restsOn: ['this goes by pods'],
};

/** A hub that answers at once, and remembers what it was asked. */
function answering(): { readonly environment: TestEnvironment; readonly asked: InquiryObject['spec'][] } {
  const asked: InquiryObject['spec'][] = [];
  const environment = testEnvironment();
  const client = {
    ...environment.client,
    create: async (_kind: unknown, object: KubernetesObject) => { asked.push((object as InquiryObject).spec); return { ...object, metadata: { name: 'asked' } }; },
    get: async () => ({ apiVersion: '', kind: 'Inquiry', metadata: { name: 'asked' }, spec: {}, status: { answeredAt: '', answer: JSON.stringify(ANSWER) } }),
    delete: async () => {},
  } as unknown as TestEnvironment['client'];
  return { environment: { ...environment, connect: () => Promise.resolve(client) }, asked };
}

describe('preview', () => {
  test('shows what changes and what is not known, and on what it rests', async () => {
    const { environment, asked } = answering();
    await previewAccess(environment, undefined, { file: file(POLICY), output: 'table' });
    expect(asked).toEqual([{ access: { name: 'to-checkout', spec: { from: [{ clusters: { names: ['oslo'] }, namespaces: ['web'], serviceAccounts: ['front'] }, { clusters: {} }], to: { service: { namespace: 'shop', name: 'checkout' }, ports: [{ port: 443 }] } } } }]);
    expect(environment.printed().split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, '  '))).toEqual([
      'FROM  PODS  TO  PODS  PORTS  TODAY  TOMORROW',
      'oslo/cron  4  berlin: shop/checkout  3  8443/TCP  allowed  denied',
      'oslo/till  4  berlin: shop/checkout  3  8443/TCP  not known  not known',
      '', '1 would be stopped, 0 let through, 1 stay as they are, 1 rest on what is not known', '! nobody matches', '- this goes by pods', '',
    ]);
  });

  test('of one that there is, with everything', async () => {
    const { environment, asked } = answering();
    await previewAccess(environment, 'to-checkout', { remove: true, cluster: 'berlin', all: true, output: 'name' });
    expect(asked).toEqual([{ access: { name: 'to-checkout', remove: true, cluster: 'berlin' } }]);
    expect(environment.printed()).toBe('oslo/cron\noslo/till\noslo/web/front\n');
  });

  test.each<[string, string | undefined, { readonly file?: string; readonly remove?: boolean }, string]>([
    ['nothing', undefined, {}, 'give the name of an AccessPolicy, or one in a file'],
    ['both', 'a', { file: file(POLICY) }, 'give the name of an AccessPolicy, or one in a file'],
    ['what is not there as if it were not', undefined, { file: file(POLICY), remove: true }, '--remove: goes with the name'],
    ['another kind', undefined, { file: file('{apiVersion: v1, kind: Service}') }, 'is "v1" "Service"; give an AccessPolicy of isthmus.dev/v1alpha1'],
    ['several', undefined, { file: file(`${POLICY}---\n${POLICY}`) }, 'several documents'],
    ['no YAML', undefined, { file: file('a: [') }, 'is no YAML that can be read'],
  ])('refuses %s', async (_, name, options, message) => {
    await expect(previewAccess(answering().environment, name, { ...options, output: 'table' })).rejects.toThrow(message);
  });
});

test('the list says in words who may reach what, and what keeps it from being in force', async () => {
  const environment = testEnvironment();
  const { client, signal } = environment;
  await listAccess(environment, { output: 'table' });
  expect(environment.complained()).toBe('there are no access policies: what is reachable is reachable for all\n');
  const spec = { mode: 'DefaultDeny', from: [{ clusters: { names: ['oslo'] }, namespaces: ['web'], serviceAccounts: ['front'] }, { clusters: {} }], to: { service: { namespace: 'shop', name: 'checkout' }, clusters: { labels: { region: 'eu' } }, ports: [{ port: 443, protocol: 'TCP' }] } } as AccessPolicyObject['spec'];
  const made = await client.create<AccessPolicyObject>(AccessPolicy, { apiVersion: apiVersionOf(AccessPolicy), kind: 'AccessPolicy', metadata: { name: 'to-checkout' }, spec }, { fieldManager: 'test' }, signal);
  const condition = { type: 'RolledOut', status: 'False' as const, reason: 'Pending', message: 'waits for a run: paris', lastTransitionTime: '2030-01-01T11:00:00Z' };
  await client.update(AccessPolicy, { ...made, status: { clusterCount: 2, inForceCount: 1, conditions: [condition] } }, { fieldManager: 'test', subresource: 'status' }, signal);
  await listAccess(environment, { output: 'table' });
  expect(environment.printed().split('\n')[1]?.trimEnd().replaceAll(/ {2,}/g, '  ')).toBe(
    'to-checkout  DefaultDeny  web as front of oslo; any namespace of any cluster  shop/checkout (443/TCP) in {"labels":{"region":"eu"}}  1 of 2  Pending: waits for a run: paris');
});
