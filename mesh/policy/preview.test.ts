/** Verdicts of a preview, by what is seen. */
import { expect, test } from 'vitest';
import type { AccessObservation, AccessRule } from '../model/access.ts';
import { compileAccess, createAccessCompiler } from './compile.ts';
import { destinationsOf, type Holder, previewAccess } from './preview.ts';

const rule: AccessRule = { policy: 'a', mode: 'DefaultDeny', to: { service: { namespace: 'shop', name: 'checkout' } }, from: [{ clusters: ['oslo'] }] };
const seen: AccessObservation = {
  sources: [], sourcesOmitted: 0, targetsOmitted: 0, others: [], problems: [], services: [{ namespace: 'shop', name: 'checkout', selector: { app: 'checkout' }, ports: [{ port: 80, protocol: 'TCP', targetPort: '8080' }] }],
  targets: [{ labels: { 'io.kubernetes.pod.namespace': 'shop', app: 'checkout', version: '1' }, endpoints: 2, enforcing: 0 }, { labels: { 'io.kubernetes.pod.namespace': 'shop', app: 'checkout', version: '2' }, endpoints: 1, enforcing: 0 }, { labels: { 'io.kubernetes.pod.namespace': 'shop', app: 'cart' }, endpoints: 9, enforcing: 0 }],
};
const enforcing = { ...seen, targets: seen.targets.map((target) => ({ ...target, enforcing: target.endpoints })) };
const other = (denying: number): AccessObservation['others'] => [{ namespace: 'shop', policies: 1, denying }];

function verdicts(over: Partial<Holder>): string[] {
  const holder: Holder = { name: 'berlin', around: { cluster: 'berlin', defaultLocalCluster: true }, enforcement: 'default', before: [], after: [rule], seen, ...over };
  const groups = (['oslo', 'paris'] as const).map((cluster) => ({ cluster, label: cluster, groups: [{ namespace: 'web', serviceAccount: 'front', endpoints: 1 }] }));
  return previewAccess(holder, groups, new Set(['a'])).map(({ from, to, ports, today, tomorrow }) => `${from.cluster} -> ${to.name} (${to.endpoints}) ${ports.join(' ')}: ${today} ${tomorrow}`);
}

test.each<[string, Partial<Holder>, readonly string[]]>([
  ['a policy that is new', {}, ['oslo -> shop/checkout (3) 8080/TCP: Allowed Allowed', 'oslo -> shop/checkout (3) other ports: Allowed Denied', 'paris -> shop/checkout (3) 8080/TCP other ports: Allowed Denied']],
  ['one that goes', { before: [rule], after: [], seen: enforcing }, ['oslo -> shop/checkout (3) 8080/TCP: Allowed Allowed', 'oslo -> shop/checkout (3) other ports: Denied Allowed', 'paris -> shop/checkout (3) 8080/TCP other ports: Denied Allowed']],
  ['one that only allows, where nothing is shut', { after: [{ ...rule, mode: 'Allow' }] }, ['oslo -> shop/checkout (3) 8080/TCP other ports: Allowed Allowed', 'paris -> shop/checkout (3) 8080/TCP other ports: Allowed Allowed']],
  ['one that only allows, where Cilium shuts everything', { after: [{ ...rule, mode: 'Allow' }], enforcement: 'always' }, ['oslo -> shop/checkout (3) 8080/TCP: Denied Allowed', 'oslo -> shop/checkout (3) other ports: Denied Denied', 'paris -> shop/checkout (3) 8080/TCP other ports: Denied Denied']],
  ['a cluster that enforces nothing', { enforcement: 'never' }, ['oslo -> shop/checkout (3) 8080/TCP other ports: Allowed Allowed', 'paris -> shop/checkout (3) 8080/TCP other ports: Allowed Allowed']],
  ['policies of others that allow', { seen: { ...seen, others: other(0) } }, ['oslo -> shop/checkout (3) 8080/TCP: Allowed Allowed', 'oslo -> shop/checkout (3) other ports: Allowed Unknown', 'paris -> shop/checkout (3) 8080/TCP other ports: Allowed Unknown']],
  ['policies of others that deny', { seen: { ...enforcing, others: other(1) } }, ['oslo -> shop/checkout (3) 8080/TCP: Denied Unknown', 'oslo -> shop/checkout (3) other ports: Denied Denied', 'paris -> shop/checkout (3) 8080/TCP other ports: Denied Denied']],
  ['what could not be read', { seen: { ...enforcing, problems: ['policies of others cannot be read'] } }, ['oslo -> shop/checkout (3) 8080/TCP other ports: Unknown Unknown', 'paris -> shop/checkout (3) 8080/TCP other ports: Unknown Unknown']],
])('of %s', (_, over, expected) => {
  expect(verdicts(over)).toEqual(expected);
});

test('asks for what the rules are about, and no more', () => {
  expect(destinationsOf([rule, { ...rule, policy: 'b' }, { ...rule, policy: 'c', to: { namespaces: ['till'] } }])).toEqual({ services: [{ namespace: 'shop', name: 'checkout' }], namespaces: ['shop', 'till'] });
});

test('rules that say the same as before are the same objects, so that nothing is planned anew', () => {
  const compile = createAccessCompiler();
  const cluster = (name: string, region: string) => ({ name, labels: { region }, properties: [], joined: true, assignedId: null, report: { properties: {}, kubernetesVersion: '', agentVersion: '', nodes: { total: 1, ready: 1 }, peerAddress: '', cilium: { version: '1.19.6', clusterName: name, clusterId: 1, maxConnectedClusters: 255, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster' } } }) as const;
  const policy = { name: 'a', mode: 'DefaultDeny', from: [{ clusters: { labels: { region: 'eu' } } }], to: { namespaces: ['shop'] } } as const;
  const fleet = [cluster('berlin', 'eu'), cluster('oslo', 'eu'), cluster('virginia', 'us')];
  const first = compile([policy], fleet, new Map()).rules;
  const second = compile([{ ...policy }], fleet.map((one) => ({ ...one })), new Map()).rules;
  expect(first).toEqual(compileAccess([policy], fleet, new Map()).rules);
  expect([...second].every(([name, rules]) => rules === first.get(name))).toBe(true);
  const third = compile([policy], [...fleet, cluster('paris', 'eu')], new Map()).rules;
  expect(third.get('berlin')).not.toBe(first.get('berlin'));
  expect(compile([], fleet, new Map()).rules.size).toBe(0);
});
