/** From AccessPolicies to what Cilium enforces. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccessPolicyValue, AccessRule, ServicePods } from '../model/access.ts';
import type { CiliumFacts, ClusterView } from '../model/cluster.ts';
import { compileAccess } from './compile.ts';
import { ruling } from './evaluate.ts';
import { CLUSTER_LABEL, NAMESPACE_LABEL, networkPolicyOf, SERVICE_ACCOUNT_LABEL, type NetworkPolicy } from './network-policy.ts';

const facts = (clusterName: string, version: string, settings: CiliumFacts['settings'] = {}): CiliumFacts => ({
  version, clusterName, clusterId: 1, maxConnectedClusters: 255, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', settings,
});
const cluster = (name: string, over: { readonly cilium?: CiliumFacts | null; readonly labels?: Record<string, string>; readonly joined?: boolean; readonly revoked?: true } = {}): ClusterView => ({
  name, labels: { name, ...over.labels }, properties: [], joined: over.joined ?? true, ...(over.revoked === undefined ? {} : { revoked: over.revoked }), assignedId: null,
  report: { properties: {}, kubernetesVersion: '1.36.3', agentVersion: 'x', cilium: over.cilium === undefined ? facts(name, '1.19.6') : over.cilium, nodes: { total: 1, ready: 1 }, peerAddress: '' },
});
const policy = (name: string, over: Partial<AccessPolicyValue> = {}): AccessPolicyValue =>
  ({ name, mode: 'DefaultDeny', from: [{ clusters: { names: ['oslo'] }, namespaces: ['web'] }], to: { service: { namespace: 'shop', name: 'checkout' } }, ...over });
const pods: ServicePods = { selector: { app: 'checkout' }, ports: [{ port: 80, protocol: 'TCP', targetPort: '8080' }, { port: 53, protocol: 'UDP', targetPort: 'dns' }] };
const EUROPE = ['berlin', 'oslo', 'paris'].map((name) => cluster(name));
const reasons = (policies: readonly AccessPolicyValue[], clusters: readonly ClusterView[], assigned = new Map<string, readonly AccessRule[]>()) =>
  compileAccess(policies, clusters, assigned).policies.flatMap(({ conflicts }) => conflicts.map(({ reason }) => reason));

describe('compiled for clusters', () => {
  test('each holder gets the same rule, with the clusters that the selector means today', () => {
    const { rules, policies } = compileAccess([policy('a', { from: [{ clusters: { names: ['o*', 'p*'] }, namespaces: ['web', 'app'] }, { serviceAccounts: ['front'] }], to: { service: { namespace: 'shop', name: 'checkout' }, clusters: { names: ['berlin', 'paris'] }, ports: [{ port: 443, protocol: 'TCP' }, { port: 80, protocol: 'TCP' }] } })], EUROPE, new Map());
    const rule: AccessRule = {
      policy: 'a', mode: 'DefaultDeny', to: { service: { namespace: 'shop', name: 'checkout' } }, ports: [{ port: 80, protocol: 'TCP' }, { port: 443, protocol: 'TCP' }],
      from: [{ clusters: ['oslo', 'paris'], namespaces: ['app', 'web'] }, { serviceAccounts: ['front'] }],
    };
    expect([...rules]).toEqual([['berlin', [rule]], ['paris', [rule]]]);
    expect(policies).toEqual([{ policy: 'a', clusters: ['berlin', 'paris'], conflicts: [] }]);
  });

  test.each<[string, readonly AccessPolicyValue[], readonly ClusterView[], string]>([
    ['nobody to let in', [policy('a', { from: [{ clusters: { names: ['rome'] } }] })], EUROPE, 'NoSource'],
    ['nowhere to hold', [policy('a', { to: { namespaces: ['shop'], clusters: { names: ['rome'] } } })], EUROPE, 'NoDestination'],
    ['no Cilium where it is named', [policy('a', { to: { namespaces: ['shop'], clusters: { names: ['rome', 'oslo'] } } })], [...EUROPE, cluster('rome', { cilium: null })], 'CiliumMissing'],
    ['Cilium 1.15', [policy('a')], [...EUROPE, cluster('rome', { cilium: facts('rome', '1.15.7') })], 'CiliumTooOld'],
    ['a cluster that enforces nothing', [policy('a')], [...EUROPE, cluster('rome', { cilium: facts('rome', '1.19.6', { 'enable-policy': 'never' }) })], 'NotEnforced'],
    ['one that always denies', [policy('a', { mode: 'Allow' })], [...EUROPE, cluster('rome', { cilium: facts('rome', '1.19.6', { 'enable-policy': 'always' }) })], 'DenyUnavoidable'],
    ['two clusters of one name in Cilium', [policy('a', { from: [{ clusters: { names: ['rome'] } }] })], [...EUROPE, cluster('rome', { cilium: facts('default', '1.19.6') }), cluster('bern', { cilium: facts('default', '1.19.6') })], 'AmbiguousClusterName'],
    ['one destination, two modes', [policy('a'), policy('b', { mode: 'Allow' })], EUROPE, 'ModesDiffer'],
    ['more than fits', Array.from({ length: 257 }, (_, index) => policy(`a-${String(index).padStart(3, '0')}`)), EUROPE, 'TooMuch'],
  ])('says it: %s', (_, policies, clusters, reason) => {
    expect(reasons(policies, clusters)).toContain(reason);
  });

  test('a name that two clusters have in Cilium lets in the own pods at most', () => {
    const twins = ['rome', 'bern'].map((name) => cluster(name, { cilium: facts('default', '1.19.6') }));
    const { rules } = compileAccess([policy('a', { from: [{ clusters: { names: ['rome'] } }] })], [...EUROPE, ...twins], new Map());
    expect(rules.get('rome')?.[0]?.from).toEqual([{ clusters: ['default'] }]);
    expect(['bern', 'berlin'].map((name) => rules.get(name)?.[0]?.from)).toEqual([[], []]);
  });

  test('what cannot be read changes nothing; who was cut off is nobody', () => {
    const held: AccessRule = { policy: 'a', mode: 'DefaultDeny', to: { namespaces: ['shop'] }, from: [] };
    for (const broken of [policy('a', { problem: 'spec: is empty' }), policy('a', { to: { namespaces: ['shop'], clusters: { cel: 'nonsense(' } } }), policy('a', { from: [{ clusters: { names: [] } }] })]) {
      const { rules, policies } = compileAccess([broken], EUROPE, new Map([['oslo', [held]], ['gone', [held]]]));
      expect([...rules]).toEqual([['oslo', [held]]]);
      expect(policies[0]?.conflicts[0]?.message).toMatch(/Until then clusters keep what they have of it$/);
    }
    const cut = compileAccess([policy('a')], [cluster('berlin'), cluster('oslo', { revoked: true })], new Map());
    expect([...cut.rules.keys()]).toEqual(['berlin']);
    expect(cut.rules.get('berlin')?.[0]?.from).toEqual([]);
  });
});

describe('as a policy of Cilium', () => {
  const rule: AccessRule = { policy: 'a', mode: 'DefaultDeny', to: { service: { namespace: 'shop', name: 'checkout' } }, from: [{ clusters: ['oslo'], namespaces: ['web'] }] };

  test('lets nobody in where nobody is meant: never everybody through a port', () => {
    expect(networkPolicyOf({ ...rule, from: [] }, pods).policy?.spec.ingress).toEqual([{}]);
    expect(networkPolicyOf({ ...rule, ports: [{ port: 81, protocol: 'TCP' }] }, pods)).toMatchObject({ policy: { spec: { ingress: [{}] } }, problems: [expect.stringContaining('no port 81/TCP here')] });
    expect(networkPolicyOf(rule, { ...pods, ports: [] }).policy?.spec.ingress).toEqual([{}]);
  });

  test('opens the ports of pods that the ports of the Service lead to', () => {
    expect(networkPolicyOf(rule, pods).policy?.spec.ingress[0]?.toPorts).toEqual([{ ports: [{ port: '8080', protocol: 'TCP' }, { port: 'dns', protocol: 'UDP' }] }]);
    expect(networkPolicyOf({ ...rule, ports: [{ port: 53, protocol: 'UDP' }] }, pods).policy?.spec.ingress[0]?.toPorts).toEqual([{ ports: [{ port: 'dns', protocol: 'UDP' }] }]);
  });

  test('of 500 clusters and 100 ports keeps within what Cilium takes', () => {
    const clusters = Array.from({ length: 500 }, (_, index) => `cluster-${index}`);
    const ports = Array.from({ length: 100 }, (_, index) => ({ port: 1000 + index, protocol: 'TCP' as const }));
    const ingress = networkPolicyOf({ ...rule, to: { namespaces: ['shop'] }, from: [{ clusters }], ports }, undefined).policy?.spec.ingress[0];
    const values = ingress?.fromEndpoints?.map(({ matchExpressions }) => matchExpressions?.[0]?.values ?? []) ?? [];
    expect(values.map(({ length }) => length)).toEqual([128, 128, 128, 116]);
    expect(values.flat()).toEqual(clusters);
    expect(ingress?.toPorts?.map((one) => one.ports.length)).toEqual([40, 40, 20]);
  });

  test('without its Service is nothing, and a Service without a selector says so', () => {
    expect(networkPolicyOf(rule, undefined)).toEqual({ policy: null, problems: [] });
    expect(networkPolicyOf(rule, { ...pods, selector: {} })).toMatchObject({ policy: null, problems: [expect.stringContaining('has no selector')] });
  });

  test.each(['1.16.19', '1.17.18', '1.18.12', '1.19.6', '1.20.0'])('is the same for Cilium %s, whatever it does by default', (version) => {
    const [held] = compileAccess([policy('a')], ['berlin', 'oslo'].map((name) => cluster(name, { cilium: facts(name, version) })), new Map()).rules.get('berlin') ?? [];
    expect(networkPolicyOf(held!, pods).policy).toEqual(networkPolicyOf(rule, pods).policy);
  });

  test('names its clusters itself: what it means does not rest on policy-default-local-cluster', () => {
    const bare: NetworkPolicy = { ...networkPolicyOf(rule, pods).policy!, spec: { ...networkPolicyOf(rule, pods).policy!.spec, ingress: [{ fromEndpoints: [{ matchLabels: { app: 'front' } }] }] } };
    const from = { [CLUSTER_LABEL]: 'oslo', [NAMESPACE_LABEL]: 'shop', app: 'front' };
    const to = { [CLUSTER_LABEL]: 'berlin', [NAMESPACE_LABEL]: 'shop', app: 'checkout' };
    const asked = { port: '8080', protocol: 'TCP' } as const;
    expect([true, false].map((defaultLocalCluster) => ruling([bare], from, to, asked, { cluster: 'berlin', defaultLocalCluster }).allows)).toEqual([false, true]);
    expect([true, false].map((defaultLocalCluster) => ruling([networkPolicyOf(rule, pods).policy!], { ...from, [NAMESPACE_LABEL]: 'web' }, to, asked, { cluster: 'berlin', defaultLocalCluster }).allows)).toEqual([true, true]);
  });
});

/** The dumb twin: reads what people wrote, knows no compiler and no selectors of Cilium. */
describe('Cilium does what is written', () => {
  interface Pod { readonly cluster: string; readonly namespace: string; readonly account: string; readonly app: string }
  const [CLUSTERS, NAMESPACES, ACCOUNTS, APPS] = [['berlin', 'oslo', 'paris'], ['shop', 'web'], ['front', 'back'], ['checkout', 'cart']] as const;
  const PORTS = [80, 90] as const;
  const some = <T>(values: readonly T[]) => fc.option(fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 }), { nil: undefined });
  const anyPolicy = fc.record({
    mode: fc.constantFrom('DefaultDeny' as const, 'Allow' as const),
    from: fc.array(fc.record({ clusters: some(CLUSTERS), namespaces: some(NAMESPACES), serviceAccounts: some(ACCOUNTS) }), { minLength: 1, maxLength: 3 }),
    app: fc.option(fc.constantFrom(...APPS), { nil: undefined }), namespaces: fc.uniqueArray(fc.constantFrom(...NAMESPACES), { minLength: 1 }), holders: some(CLUSTERS), ports: some(PORTS),
  });
  type Written = typeof anyPolicy extends fc.Arbitrary<infer T> ? T : never;
  const anyPod: fc.Arbitrary<Pod> = fc.record({ cluster: fc.constantFrom(...CLUSTERS), namespace: fc.constantFrom(...NAMESPACES), account: fc.constantFrom(...ACCOUNTS), app: fc.constantFrom(...APPS) });

  const concerns = ({ app, namespaces, holders }: Written, to: Pod): boolean => (holders?.includes(to.cluster as never) ?? true) && (app === undefined ? namespaces.includes(to.namespace as never) : to.app === app && to.namespace === 'shop');
  function isAllowed(policies: readonly Written[], from: Pod, to: Pod, port: number): boolean {
    const here = policies.filter((one) => concerns(one, to));
    const lets = here.some((one) => (one.ports?.includes(port as never) ?? true)
      && one.from.some(({ clusters, namespaces, serviceAccounts }) => (clusters?.includes(from.cluster as never) ?? true) && (namespaces?.includes(from.namespace as never) ?? true) && (serviceAccounts?.includes(from.account as never) ?? true)));
    return lets || !here.some(({ mode }) => mode === 'DefaultDeny');
  }

  const value = ({ mode, from, app, namespaces, holders, ports }: Written, index: number): AccessPolicyValue => ({
    name: `p${index}`, mode,
    from: from.map((one) => ({ ...(one.clusters === undefined ? {} : { clusters: { names: one.clusters } }), ...(one.namespaces === undefined ? {} : { namespaces: one.namespaces }), ...(one.serviceAccounts === undefined ? {} : { serviceAccounts: one.serviceAccounts }) })),
    to: {
      ...(app === undefined ? { namespaces } : { service: { namespace: 'shop', name: app } }), ...(holders === undefined ? {} : { clusters: { names: holders } }),
      ...(ports === undefined ? {} : { ports: ports.map((port) => ({ port, protocol: 'TCP' as const })) }),
    },
  });
  const labels = ({ cluster: of, namespace, account, app }: Pod) => ({ [CLUSTER_LABEL]: of, [NAMESPACE_LABEL]: namespace, [SERVICE_ACCOUNT_LABEL]: account, app });

  test.each([true, false])('with policy-default-local-cluster %s, whoever asks whom', (defaultLocalCluster) => {
    fc.assert(fc.property(fc.array(anyPolicy, { maxLength: 4 }), anyPod, anyPod, fc.constantFrom(...PORTS), (policies, from, to, port) => {
      const { rules } = compileAccess(policies.map(value), EUROPE, new Map());
      // The ports of pods are those of their Services here, so that both kinds of destination mean the same.
      const service = (app: string): ServicePods => ({ selector: { app }, ports: PORTS.map((one) => ({ port: one, protocol: 'TCP', targetPort: String(one) })) });
      const written = (rules.get(to.cluster) ?? []).flatMap((rule) => networkPolicyOf(rule, 'service' in rule.to ? service(rule.to.service.name) : undefined).policy ?? []);
      const { denies, allows } = ruling(written, labels(from), labels(to), { port: String(port), protocol: 'TCP' }, { cluster: to.cluster, defaultLocalCluster });
      expect(allows || !denies).toBe(isAllowed(policies, from, to, port));
    }), { numRuns: 300 });
  });
});
