import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClusterSelector, matchesSelector } from '../model/selector.ts';
import type { FailoverPolicyValue } from '../model/policy.ts';
import { type Clonable, type CloneInput, type CloneOutcome, type ClonePlan, type NamedSelector, planClone } from './clone.ts';

interface Sketch { readonly labels?: Record<string, string>; readonly declared?: Record<string, string>; readonly observed?: Record<string, string> }
const cluster = (name: string, { labels = {}, declared = {}, observed = {} }: Sketch = {}): Clonable => ({
  subject: { name, labels, properties: Object.entries({ ...observed, ...declared }).map(([key, value]) => ({ name: key, value })) },
  declared, hasMeshEndpoint: false, frozen: false, exports: [],
});
const selects = (kind: NamedSelector['kind'], name: string, selector: ClusterSelector): NamedSelector => ({ kind, name, path: ['spec', 'clusters'], selector });
const failover = (name: string, priority: readonly string[]): FailoverPolicyValue =>
  ({ name, service: { namespace: 'shop', name }, priority, minimumReady: 1, unhealthyAfterSeconds: 5, healthyAfterSeconds: 10, failbackDelaySeconds: 60 });
const input = (source: Clonable, target: Clonable, rest: Partial<CloneInput> = {}): CloneInput =>
  ({ source, target, selectors: [], failover: [], globalServices: [], exact: false, check: () => [], ...rest });

const told = ({ changes }: ClonePlan): string[] => changes.map(({ kind, name, path, before, after }) => `${kind}/${name} ${path.join('.')}: ${String(before ?? '-')} -> ${String(after ?? '-')}`);
const effects = (plan: ClonePlan): string[] => plan.effects.map(({ kind, name, joins, asSource }) => `${joins ? 'joins' : 'leaves'} ${kind} ${name}${asSource ? '' : ' (not as source)'}`);

const ATLANTIC = selects('Mesh', 'atlantic', { labels: { environment: 'production', region: 'eu-*' }, exclude_labels: { team: ['payments', 'trading'] } });
const source = cluster('staging-eu', { labels: { environment: 'production', region: 'eu-west', team: 'shop', stage: 'canary' }, declared: { owner: 'ada' } });

describe('what is copied', () => {
  test('only labels that tell the two apart, with the policy that looks at them', () => {
    const plan = planClone(input(source, cluster('prod-eu', { labels: { environment: 'production', region: 'us-east', team: 'trading', stage: 'late' } }), { selectors: [ATLANTIC] }));
    expect(told(plan)).toEqual(['Cluster/prod-eu metadata.labels.region: us-east -> eu-west', 'Cluster/prod-eu metadata.labels.team: trading -> shop']);
    expect(plan.changes[0]?.why).toBe('Mesh atlantic looks at region');
    expect(effects(plan)).toEqual(['joins Mesh atlantic']);
    expect(plan.conflicts).toEqual([]);
    expect(plan.notCopied.map(({ what }) => what)).toEqual(['labels stage', 'properties owner', 'identity, Cilium\'s version, cluster id and pod CIDRs']);
  });

  test('a value that the glob takes already stays', () => {
    const plan = planClone(input(source, cluster('prod-eu', { labels: { environment: 'production', region: 'eu-north' } }), { selectors: [ATLANTIC] }));
    expect(plan).toMatchObject({ changes: [], effects: [], conflicts: [] });
  });

  test('a declared property as a declared property, and a label that would hide it goes', () => {
    const plan = planClone(input(cluster('a', { declared: { tier: 'gold' } }), cluster('b', { labels: { tier: 'lead' }, observed: { tier: 'tin' } }), { selectors: [selects('ExportPolicy', 'shop', { labels: { tier: 'gold' } })] }));
    expect(told(plan)).toEqual(['Cluster/b metadata.labels.tier: lead -> -', 'Cluster/b spec.properties.tier: - -> gold']);
    expect(effects(plan)).toEqual(['joins ExportPolicy shop']);
  });

  test('names of selectors and of failover lists: right after the source, policies first', () => {
    const plan = planClone(input(source, cluster('prod-eu', { labels: source.subject.labels as Record<string, string> }), {
      selectors: [selects('Mesh', 'atlantic', { names: ['oslo', 'staging-eu', 'rome'] })],
      failover: [failover('checkout', ['staging-eu', 'oslo']), failover('cart', ['prod-eu', 'staging-eu']), failover('other', ['oslo'])],
    }));
    expect(told(plan)).toEqual([
      'Mesh/atlantic spec.clusters.names: oslo,staging-eu,rome -> oslo,staging-eu,prod-eu,rome',
      'FailoverPolicy/checkout spec.priority: staging-eu,oslo -> staging-eu,prod-eu,oslo',
    ]);
    expect(plan.notCopied.map(({ what }) => what)).toContain('FailoverPolicy cart, spec.priority');
  });

  test('a label that one policy needs may move the target elsewhere: that is told, and followed where the source is told apart again', () => {
    const plan = planClone(input(cluster('a', { labels: { region: 'eu', tier: 'gold' } }), cluster('b', { labels: { region: 'us' } }), {
      selectors: [
        selects('Mesh', 'europe', { labels: { region: 'eu' } }), selects('Mesh', 'america', { labels: { region: 'us' } }),
        selects('ExportPolicy', 'us-only', { labels: { region: 'us' } }), selects('UpdateStrategy', 'default', { labels: { region: 'us' } }),
        selects('ExportPolicy', 'gold', { labels: { region: 'eu', tier: 'gold' } }),
      ],
    }));
    expect(told(plan)).toEqual(['Cluster/b metadata.labels.region: us -> eu', 'Cluster/b metadata.labels.tier: - -> gold']);
    expect(effects(plan)).toEqual(['joins Mesh europe', 'leaves Mesh america', 'leaves ExportPolicy us-only', 'leaves UpdateStrategy default (not as source)', 'joins ExportPolicy gold']);
  });
});

test.each<[string, ClusterSelector, string[]]>([
  ['match_expressions', { match_expressions: [{ key: 'tier', operator: 'In', values: ['gold'] }, { key: 'region', operator: 'Exists' }] }, ['Cluster/b metadata.labels.tier: tin -> gold']],
  ['CEL', { cel: 'labels.tier == "gold" && labels.region != "mars"' }, ['Cluster/b metadata.labels.tier: tin -> gold']],
  ['CEL with a name in brackets', { cel: 'labels["tier"] in ["gold"]' }, ['Cluster/b metadata.labels.tier: tin -> gold']],
])('selectors by %s', (_, selector, expected) => {
  const plan = planClone(input(cluster('a', { labels: { tier: 'gold', region: 'eu', owner: 'ada' } }), cluster('b', { labels: { tier: 'tin', region: 'eu', owner: 'ben' } }), { selectors: [selects('Mesh', 'm', selector)] }));
  expect(told(plan)).toEqual(expected);
  expect(effects(plan)).toEqual(['joins Mesh m']);
  expect(plan.conflicts).toEqual([]);
});

test('an expression that no label explains is a conflict, not a guess', () => {
  const plan = planClone(input(cluster('a', { labels: { tier: 'gold' } }), cluster('b', { labels: { tier: 'gold' } }), { selectors: [selects('Mesh', 'm', { cel: 'cluster.name.startsWith("a")' })] }));
  expect(plan.changes).toEqual([]);
  expect(plan.conflicts.map(({ reason }) => reason)).toEqual(['SelectorNotFollowed']);
});

describe('what is not taken away, unless asked', () => {
  const only = selects('ExportPolicy', 'ledger', { labels: { ledger: 'yes' } });
  const [a, b] = [cluster('a'), cluster('b', { labels: { ledger: 'yes' } })];
  test('without --exact', () => {
    const plan = planClone(input(a, b, { selectors: [only] }));
    expect(told(plan)).toEqual([]);
    expect(plan.notCopied).toContainEqual({ what: 'ExportPolicy ledger', why: 'selects b and not a; --exact would take b out' });
  });
  test('with it', () => { expect(told(planClone(input(a, b, { selectors: [only], exact: true })))).toEqual(['Cluster/b metadata.labels.ledger: yes -> -']); });
});

describe('conflicts', () => {
  test.each<[string, Clonable, Clonable, NamedSelector, RegExp]>([
    ['what agents observe', cluster('a', { observed: { 'cilium-version': '1.18.1' } }), cluster('b', { observed: { 'cilium-version': '1.17.1' } }), selects('Mesh', 'm', { labels: { 'cilium-version': '1.18.*' } }), /^Mesh m: spec.clusters looks at cilium-version, which agents observe/],
    ['a name by glob', cluster('a'), cluster('b-1'), { ...selects('Mesh', 'm', { names: ['b-*'] }) }, /^Mesh m: .* names holds no "b-1", only globs that match it; edit/],
  ])('%s', (_, a, b, selector, message) => {
    const plan = planClone(input(a, b, { selectors: [selector], exact: true }));
    expect(plan.changes).toEqual([]);
    expect(plan.conflicts.map((conflict) => conflict.message)).toEqual([expect.stringMatching(message)]);
  });

  test('a full failover list', () => {
    const full = ['a', ...Array.from({ length: 63 }, (_, index) => `c${index}`)];
    expect(planClone(input(cluster('a'), cluster('b'), { failover: [failover('checkout', full)] })).conflicts[0]?.reason).toBe('ListFull');
  });

  test('the same cluster twice', () => { expect(planClone(input(source, source, { selectors: [ATLANTIC] })).conflicts[0]?.reason).toBe('SameCluster'); });

  test('the planner sees target and selectors as they would be, and its word counts', () => {
    const target = cluster('prod-eu', { labels: { environment: 'staging' } });
    const conflict = { reason: 'CidrOverlap', message: 'overlap', clusters: ['prod-eu'] };
    const plan = planClone(input(source, target, {
      selectors: [selects('Mesh', 'm', { names: ['staging-eu'], labels: { environment: 'production' } })],
      check: ({ target: after, selectors: [mesh] }) => (after.subject.labels['environment'] === 'production' && mesh?.selector.names?.includes('prod-eu') === true ? [conflict] : []),
    }));
    expect(plan.conflicts).toEqual([conflict]);
  });
});

describe('any two clusters', () => {
  const key = fc.constantFrom('region', 'team', 'tier'), value = fc.constantFrom('a', 'b', 'c*', 'cc');
  const texts = fc.dictionary(key, fc.constantFrom('a', 'b', 'cc'), { maxKeys: 3 });
  const sketch = fc.record({ labels: texts, declared: texts });
  const globs = fc.dictionary(key, fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 2 })), { maxKeys: 2 });
  const selector = fc.record({ labels: globs, exclude_labels: globs, names: fc.subarray(['source', 'target', 's*', 'x'], { minLength: 1 }) }, { requiredKeys: [] });
  const policies = fc.array(fc.record({ kind: fc.constantFrom('Mesh' as const, 'ExportPolicy' as const, 'UpdateStrategy' as const), selector }), { maxLength: 4 });

  test('without conflicts the target is part of all that the source is part of, and cloning again changes nothing', () => {
    let clean = 0;
    fc.assert(fc.property(sketch, sketch, policies, fc.boolean(), (from, to, some, exact) => {
      const selectors = some.map(({ kind, selector: one }, index) => selects(kind, `p${index}`, one as ClusterSelector));
      const [a, b] = [cluster('source', from), cluster('target', to)];
      let seen: CloneOutcome = { target: b, selectors, failover: [] };
      const plan = planClone(input(a, b, { selectors, exact, check: (outcome) => { seen = outcome; return []; } }));
      if (plan.conflicts.length > 0) return;
      clean += 1;
      const { target: after, selectors: selectorsAfter } = seen;
      for (const one of selectorsAfter.filter(({ kind }) => kind !== 'UpdateStrategy')) {
        const [wanted, is] = [a, after].map(({ subject }) => matchesSelector(one.selector, subject));
        if (wanted === true || exact) expect(is).toBe(wanted);
      }
      expect(planClone(input(a, after, { selectors: selectorsAfter, exact })).changes).toEqual([]);
    }), { numRuns: 500 });
    expect(clean).toBeGreaterThan(200);
  });
});
