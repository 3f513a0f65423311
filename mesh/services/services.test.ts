import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClusterView } from '../model/cluster.ts';
import type { ExportPolicyValue } from '../model/policy.ts';
import type { ExportFact } from '../model/service.ts';
import { authoriseExports } from './authorise.ts';
import { derivedName, planSlices } from './derived.ts';
import { planImports } from './merge.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const http = { name: 'http', protocol: 'TCP', port: 80 } as const;

function fact(cluster: string, over: Partial<ExportFact> = {}): ExportFact {
  return {
    cluster, namespace: 'shop', name: 'checkout', version: { epoch: 1, sequence: 1 }, exportedAt: 1000, type: 'ClusterSetIP', ports: [http],
    ipFamilies: ['IPv4'], sessionAffinity: 'None', endpointsOmitted: 0, loadBalancerAddresses: [],
    endpoints: [{ addresses: ['10.1.0.1'], ready: true, ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] }], ...over,
  };
}
const view = (name: string, labels: Record<string, string> = {}): ClusterView => ({ name, labels, properties: [], joined: true, report: null, assignedId: null });
const policy = (over: Partial<ExportPolicyValue> = {}): ExportPolicyValue => ({ name: 'shops', clusters: {}, namespaces: ['shop*'], services: [], ...over });

describe('authoriseExports', () => {
  test('refuses what no policy allows, and says the way out', () => {
    const { allowed, verdicts } = authoriseExports([fact('berlin')], [view('berlin')], []);
    expect(allowed).toEqual([]);
    expect(verdicts['berlin']![0]).toMatchObject({ valid: false, reason: 'NotAllowed' });
    expect(verdicts['berlin']![0]!.message).toMatch(/"berlin".*shop\/checkout.*ExportPolicy/);
  });

  test.each([
    ['everything matches', policy(), true],
    ['other namespace', policy({ namespaces: ['pay'] }), false],
    ['named service', policy({ services: ['check*'] }), true],
    ['other service', policy({ services: ['cart'] }), false],
    ['labels match', policy({ clusters: { labels: { stage: 'prod' } } }), true],
    ['labels differ', policy({ clusters: { labels: { stage: 'test' } } }), false],
  ])('%s', (_, rule, valid) => {
    expect(authoriseExports([fact('berlin')], [view('berlin', { stage: 'prod' })], [rule]).verdicts['berlin']![0]!.valid).toBe(valid);
  });

  test('a cluster unknown to the inventory may export nothing', () => {
    expect(authoriseExports([fact('mallory')], [view('berlin')], [policy()]).allowed).toEqual([]);
  });

  test('conflicts show on every allowed export; a refused export cannot cause one', () => {
    const odd = fact('oslo', { type: 'Headless', exportedAt: 2000 });
    const both = authoriseExports([fact('berlin'), odd], [view('berlin'), view('oslo')], [policy()]);
    expect([both.verdicts['berlin']![0]!.conflictReason, both.verdicts['oslo']![0]!.conflictReason]).toEqual(['TypeConflict', 'TypeConflict']);
    const one = authoriseExports([fact('berlin'), odd], [view('berlin'), view('oslo')], [policy({ clusters: { names: ['berlin'] } })]);
    expect(one.verdicts['berlin']![0]!.conflictReason).toBe('');
  });
});

describe('planImports', () => {
  test('what it says of a conflict stays short, however many clusters and ports differ', () => {
    const ports = (offset: number) => Array.from({ length: 100 }, (_, index) => ({ name: `a-port-with-a-long-name-${index}`, protocol: 'TCP' as const, port: 1 + offset + index }));
    const [plan] = planImports(Array.from({ length: 100 }, (_, index) => fact(`cluster-${index}`, { exportedAt: index, ports: ports(index) })));
    expect(plan!.conflictMessage.length).toBeLessThan(8192);
    expect(plan!.conflictMessage).toMatch(/^ports of shop\/checkout differ: cluster-0 \(oldest\) has .* and 91 more; /);
  });

  test('the oldest export wins, equal ages by cluster name; every conflict is named', () => {
    const [plan] = planImports([
      fact('oslo', { exportedAt: 500, type: 'Headless', sessionAffinity: 'ClientIP', ipFamilies: ['IPv6'], ports: [{ ...http, port: 8000 }] }), fact('berlin'),
    ]);
    expect(plan).toMatchObject({ type: 'Headless', sessionAffinity: 'ClientIP', ipFamilies: ['IPv6'], clusters: ['berlin', 'oslo'] });
    expect(plan!.conflictReason).toBe('PortConflict,TypeConflict,SessionAffinityConflict,IPFamilyConflict');
    expect(planImports([fact('oslo', { type: 'Headless' }), fact('berlin')])[0]!.type).toBe('ClusterSetIP');
  });

  test('ports are a union; a clash of name or of number goes to the older export', () => {
    const [plan] = planImports([
      fact('berlin', { exportedAt: 1 }),
      fact('oslo', { exportedAt: 2, ports: [{ ...http, port: 81 }, { name: 'web', protocol: 'TCP', port: 80 }, { name: 'metrics', protocol: 'TCP', port: 9090 }] }),
    ]);
    expect(plan!.ports.map((port) => `${port.name}:${port.port}`)).toEqual(['http:80', 'metrics:9090']);
    expect(plan!.conflictReason).toBe('PortConflict');
  });

  test('an unnamed port gets a name once it is not alone, as a Service demands', () => {
    const unnamed = { name: '', protocol: 'TCP', port: 80 } as const;
    expect(planImports([fact('berlin', { ports: [unnamed] })])[0]!.ports).toEqual([unnamed]);
    const [plan] = planImports([fact('berlin', { ports: [unnamed] }), fact('oslo', { ports: [{ name: 'tls', protocol: 'TCP', port: 443 }] })]);
    expect(plan!.ports.map((port) => port.name)).toEqual(['tcp-80', 'tls']);
  });

  test('equal exports in another order of fields are no conflict', () => {
    const ports = [http, { name: 'tls', protocol: 'TCP', port: 443 } as const];
    expect(planImports([fact('berlin', { ports }), fact('oslo', { ports: [...ports].reverse() })])[0]!.conflictReason).toBe('');
  });

  test('the order of facts does not matter; ports are valid for a Service and only what someone exports', () => {
    const port = fc.record({ name: fc.constantFrom('a', 'b', 'c', ''), protocol: fc.constantFrom('TCP' as const, 'UDP' as const), port: fc.integer({ min: 80, max: 83 }) });
    const ports = fc.uniqueArray(port, { minLength: 1, maxLength: 3, selector: (value) => value.name });
    const facts = fc.array(fc.record({ cluster: fc.constantFrom('a', 'b', 'c', 'd'), exportedAt: fc.integer({ min: 1, max: 3 }), ports }), { minLength: 1, maxLength: 4 })
      .map((list) => [...new Map(list.map((entry) => [entry.cluster, fact(entry.cluster, entry)])).values()]);
    fc.assert(fc.property(facts.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))), ([list, shuffled]) => {
      const [plan] = planImports(list);
      expect(planImports(shuffled)).toEqual([plan]);
      expect(new Set(plan!.ports.map((entry) => entry.name)).size).toBe(plan!.ports.length);
      expect(new Set(plan!.ports.map((entry) => `${entry.protocol}/${entry.port}`)).size).toBe(plan!.ports.length);
      if (plan!.ports.length > 1) expect(plan!.ports.every((entry) => entry.name !== '')).toBe(true);
      for (const entry of plan!.ports) expect(list.some((one) => one.ports.some((other) => other.port === entry.port && other.protocol === entry.protocol))).toBe(true);
    }));
  });
});

describe('derived objects', () => {
  test('the name is base32hex of SHA-256 of namespace/name, as Cilium makes it', () => {
    // echo -n shop/checkout | sha256sum, its first 50 bits read by an independent big-number conversion
    const bits = BigInt(`0x${digest('shop/checkout')}`) >> 206n;
    expect(derivedName({ namespace: 'shop', name: 'checkout' }, digest)).toBe(`derived-${bits.toString(32).padStart(10, '0')}`);
  });

  test('slices hold one serving cluster and one family, with the labels that Cilium, kube-proxy and the conformance suite look for', () => {
    const dual = fact('berlin', { ipFamilies: ['IPv4', 'IPv6'], endpoints: [
      { addresses: ['10.1.0.2'], ready: false, hostname: 'web-1', zone: 'z1', ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] },
      { addresses: ['10.1.0.1', 'fd00::1'], ready: true, ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] },
    ] });
    const facts = [dual, fact('oslo')];
    const slices = planSlices(planImports(facts)[0]!, facts, ['berlin'], digest);
    const derived = derivedName(dual, digest);
    expect(slices.map((slice) => [slice.name, slice.addressType, slice.endpoints.map((endpoint) => `${endpoint.addresses.join()} ${endpoint.ready}`)])).toEqual([
      [`${derived}-berlin-v4-0`, 'IPv4', ['10.1.0.1 true', '10.1.0.2 false']], [`${derived}-berlin-v6-0`, 'IPv6', ['fd00::1 true']],
    ]);
    expect(slices[0]!.labels).toMatchObject({
      'multicluster.kubernetes.io/service-name': 'checkout', 'multicluster.kubernetes.io/source-cluster': 'berlin',
      'kubernetes.io/service-name': derived, 'endpointslice.kubernetes.io/managed-by': 'isthmus-agent',
    });
    expect(slices[0]!.endpoints[1]).toMatchObject({ hostname: 'web-1', zone: 'z1' });
  });

  test('a clashing port goes only to clusters that expose it, under the import\'s name', () => {
    const facts = [
      fact('berlin', { exportedAt: 1 }),
      fact('oslo', { exportedAt: 2, ports: [{ ...http, port: 81 }], endpoints: [{ addresses: ['10.2.0.1'], ready: true, ports: [{ name: 'http', protocol: 'TCP', port: 8081 }] }] }),
      fact('rome', { exportedAt: 3, ports: [{ ...http, name: 'web' }], endpoints: [{ addresses: ['10.3.0.1'], ready: true, ports: [{ name: 'web', protocol: 'TCP', port: 8082 }] }] }),
    ];
    const slices = planSlices(planImports(facts)[0]!, facts, ['berlin', 'oslo', 'rome'], digest);
    expect(slices.map((slice) => [slice.labels['multicluster.kubernetes.io/source-cluster'], slice.ports])).toEqual([
      ['berlin', [{ ...http, port: 8080 }]], ['rome', [{ ...http, port: 8082 }]],
    ]);
  });

  test('at most 100 endpoints a slice, names of at most 63 characters, nothing lost', () => {
    const endpoints = Array.from({ length: 250 }, (_, index) => ({ addresses: [`10.1.${index >> 8}.${index & 255}`], ready: true, ports: [{ name: 'http', protocol: 'TCP' as const, port: 8080 }] }));
    const cluster = 'c'.repeat(32);
    const slices = planSlices(planImports([fact(cluster)])[0]!, [fact(cluster, { endpoints })], [cluster], digest);
    expect(slices.map((slice) => slice.endpoints.length)).toEqual([100, 100, 50]);
    expect(Math.max(...slices.map((slice) => slice.name.length))).toBeLessThanOrEqual(63);
    expect(new Set(slices.flatMap((slice) => slice.endpoints.flatMap((endpoint) => endpoint.addresses))).size).toBe(250);
  });
});
