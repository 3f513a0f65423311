import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initRoot } from '../../../certs/index.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { systemRandom } from '../../adapters/random.ts';
import type { NodeObject, SecretObject, WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { parseAddress, parseCidr } from '../../../mesh/model/address.ts';
import { nodeCidrs } from './node-cidrs.ts';
import { readForeignTrust } from './foreign-trust.ts';
import { remoteUsersMount } from './remote-users.ts';

const node = (...addresses: string[]): NodeObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) } });

test('node addresses, exactly, and beside each other in one', () => {
  expect(nodeCidrs([])).toBeUndefined();
  expect(nodeCidrs([node('192.0.2.4', 'fd00::1'), node('192.0.2.5'), node('192.0.2.6'), node('192.0.2.7'), node('192.0.2.9'), node('host')])).toEqual(['192.0.2.4/30', '192.0.2.9/32', 'fd00:0:0:0:0:0:0:1/128']);
  expect(nodeCidrs(Array.from({ length: 65 }, (_, index) => node(`10.0.${index}.1`)))).toBeUndefined();
  const values = fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(values, (all) => {
    const ranges = nodeCidrs(all.map((value) => node(`10.0.0.${value}`)))!.map((cidr) => parseCidr(cidr)!);
    const held = Array.from({ length: 256 }, (_, value) => value).filter((value) => { const at = parseAddress(`10.0.0.${value}`)!.value; return ranges.some(({ first, last }) => first <= at && at <= last); });
    expect(held).toEqual([...all].sort((a, b) => a - b));
  }));
});

test('what the mesh server makes of its users: mounted, required, not at all, or not told', () => {
  const server = (volumes?: object[]): WorkloadObject => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'clustermesh-apiserver' }, spec: { template: { spec: volumes === undefined ? {} : { volumes } } } });
  const users = (optional?: boolean) => ({ name: 'etcd-users-config', configMap: { name: 'clustermesh-remote-users', ...(optional === undefined ? {} : { optional }) } });
  expect(remoteUsersMount(undefined, true)).toBeUndefined();
  expect(remoteUsersMount(server(), true)).toBeUndefined();
  expect(remoteUsersMount(server([{ name: 'etcd-data-dir', emptyDir: {} }]), true)).toBe('NotMounted');
  expect(remoteUsersMount(server([users()]), false)).toBe('RequiredAndMissing');
  expect(remoteUsersMount(server([users()]), true)).toBe('Mounted');
  expect(remoteUsersMount(server([users(true)]), false)).toBe('Mounted');
  expect(remoteUsersMount(server([{ name: 'x', projected: { sources: [{ secret: {} }, { configMap: { name: 'clustermesh-remote-users', optional: true } }] } }]), false)).toBe('Mounted');
});

test('of certificates that others made: roots, who signed, names; of Isthmus\' own nothing', () => {
  const [ours, other] = [1, 2].map(() => initRoot('mesh.example', 86_400_000, p256Signer, systemRandom, Date.UTC(2030, 0)).certificatePem);
  const digest = sha256Hex;
  const secret = (role: string, texts: Record<string, string>, labels: Record<string, string> = {}): SecretObject => ({
    apiVersion: 'v1', kind: 'Secret', metadata: { name: `clustermesh-apiserver-${role}-cert`, labels }, data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
  });
  expect(readForeignTrust([secret('server', { 'ca.crt': ours! }, { 'app.kubernetes.io/managed-by': 'isthmus-agent' })], digest)).toEqual({});
  const { foreignTrust, serverNames } = readForeignTrust([secret('server', { 'ca.crt': `${ours}${other}`, 'tls.crt': ours! }), secret('remote', { 'ca.crt': 'none', 'tls.crt': 'none' })], digest);
  expect(foreignTrust?.roots).toHaveLength(2);
  expect(foreignTrust?.signedBy).toHaveLength(1);
  expect([foreignTrust?.roots.includes(foreignTrust.signedBy[0]!), serverNames]).toEqual([true, undefined]);
  expect(readForeignTrust([secret('server', { 'ca.crt': ours!, 'tls.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' })], digest)).toMatchObject({ foreignTrust: { signedBy: [] } });
});
