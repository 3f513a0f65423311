import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initRoot } from '../../../certs/index.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { systemRandom } from '../../adapters/random.ts';
import type { NodeObject, SecretObject, WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { parseAddress, parseCidr } from '../../../mesh/model/address.ts';
import { nodeCidrs } from './node-cidrs.ts';
import { readCilium } from './cilium.ts';
import { readForeignTrust } from './foreign-trust.ts';
import { createServiceCidrs } from './service-cidrs.ts';
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

const facts = (metadata: object, properties: Readonly<Record<string, string>> = {}, serviceCidrs?: readonly string[]) =>
  readCilium({ config: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'kube-system', name: 'cilium-config', ...metadata }, data: {} }, agents: undefined, meshServer: undefined, meshService: undefined, nodes: [], serviceCidrs }, 'kube-system', properties, undefined);

const HELM = { 'meta.helm.sh/release-name': 'cilium', 'meta.helm.sh/release-namespace': 'kube-system' };
test.each<[string, object, object | undefined]>([
  ['Helm alone', { annotations: HELM }, { tool: 'Helm', namespace: 'kube-system', name: 'cilium' }],
  ['a HelmRelease of Flux', { annotations: HELM, labels: { 'helm.toolkit.fluxcd.io/name': 'cilium', 'helm.toolkit.fluxcd.io/namespace': 'flux-system' } }, { tool: 'Flux HelmRelease', namespace: 'flux-system', name: 'cilium' }],
  ['a Kustomization of Flux', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'infra', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' } }, { tool: 'Flux Kustomization', namespace: 'flux-system', name: 'infra' }],
  ['an Application', { annotations: { 'argocd.argoproj.io/tracking-id': 'cilium:/ConfigMap:kube-system/cilium-config' } }, { tool: 'Argo CD', name: 'cilium' }],
  ['an Application elsewhere', { annotations: { 'argocd.argoproj.io/tracking-id': 'platform_cilium:/ConfigMap:kube-system/cilium-config' } }, { tool: 'Argo CD', namespace: 'platform', name: 'cilium' }],
  ['an Application, of which only a label tells', { labels: { 'app.kubernetes.io/instance': 'cilium' } }, { tool: 'Argo CD', name: 'cilium', byLabelAlone: true }],
  ['a name that is too long', { labels: { 'helm.toolkit.fluxcd.io/name': 'x'.repeat(254) } }, undefined],
  ['nothing', {}, undefined],
])('Cilium is brought by %s', (_, metadata, release) => { expect(facts(metadata)?.release).toEqual(release); });

test('service ranges are those of the objects; where there are none of these, those that a property tells', async () => {
  expect(facts({}, { 'service-cidrs': '10.96.0.0/12' }, ['10.0.0.0/16'])?.serviceCidrs).toEqual(['10.0.0.0/16']);
  expect(facts({}, { 'service-cidrs': '10.96.0.0/12, fd00::/112' })?.serviceCidrs).toEqual(['10.96.0.0/12', 'fd00::/112']);
  const clock = manualClock();
  let asked = 0;
  let answer = (): readonly object[] => [{ spec: { cidrs: ['10.96.0.0/16', 'fd00::/112'] } }, { spec: { cidrs: ['10.0.0.0/24'] } }, { metadata: {} }];
  const cidrs = createServiceCidrs({ clock, kubernetes: { async list() { asked += 1; return { items: answer() }; } } as unknown as KubernetesClient });
  const signal = new AbortController().signal;
  expect([await cidrs(signal), await cidrs(signal), asked]).toEqual([['10.0.0.0/24', '10.96.0.0/16', 'fd00::/112'], ['10.0.0.0/24', '10.96.0.0/16', 'fd00::/112'], 1]);
  await clock.advance(300_000);
  answer = () => { throw new KubernetesError(500, 'InternalError', 'later'); };
  await expect(cidrs(signal)).rejects.toThrow('later');
  for (const code of [403, 404]) {
    answer = () => { throw new KubernetesError(code, 'Refused', 'no'); };
    expect(await cidrs(signal)).toBeUndefined();
    await clock.advance(3_600_000);
  }
  expect(asked).toBe(4);
});
