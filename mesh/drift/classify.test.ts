import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DriftEntry } from '../model/desired.ts';
import type { DriftDecisionValue, DriftPolicyValue } from '../model/drift.ts';
import { DEFAULT_POLICY, isTolerated, judgeDrift, policyProblems } from './classify.ts';
import { decisionProblem, overridesOf } from './decisions.ts';

const berlin = { name: 'berlin', labels: { env: 'production' }, properties: [{ name: 'region', value: 'europe' }] };
const entry = (over: Partial<DriftEntry> = {}): DriftEntry => ({ object: 'Secret kube-system/cilium-clustermesh', path: '.data.oslo', expected: 'sha256:aa', actual: 'sha256:bb', manager: 'kubectl-edit', firstSeen: 0, ...over });
const policy = (rules: DriftPolicyValue['rules'], over: Partial<DriftPolicyValue> = {}): DriftPolicyValue => ({ ...DEFAULT_POLICY, name: 'strict', rules, ...over });
const judge = (entries: DriftEntry[], { policies = [], decisions = [], now = 1000, omitted = 0 }: { policies?: DriftPolicyValue[]; decisions?: DriftDecisionValue[]; now?: number; omitted?: number } = {}) =>
  judgeDrift({ cluster: berlin, entries, omitted, policies, decisions, now });
const decision = (over: Partial<DriftDecisionValue> = {}): DriftDecisionValue =>
  ({ name: 'd1', cluster: 'berlin', action: 'revert', changes: [{ object: entry().object, path: entry().path, actual: entry().actual }], reason: 'because', requestedBy: 'ann', createdAt: 0, ...over });

describe('without a policy', () => {
  test('a change is suspicious and holds the cluster for seven days', () => {
    const verdict = judge([entry()]);
    expect(verdict.entries[0]).toMatchObject({ class: 'suspicious', action: 'hold', heldUntil: 604_800_000, holdExpired: false, policy: null });
    expect(verdict).toMatchObject({ alert: null, wakeAt: 604_800_000 });
    expect(verdict.held).toBe('Secret kube-system/cilium-clustermesh .data.oslo was changed by kubectl-edit (suspicious); until 1970-01-08T00:00:00.000Z, or until somebody decides with "isthmus drift accept" or "isthmus drift revert"');
  });

  test('a hold that expires is asked about aloud, and holds on', () => {
    const verdict = judge([entry()], { now: 604_800_000 });
    expect(verdict).toMatchObject({ alert: { reason: 'HoldExpired', message: expect.stringContaining('nobody decided in time') }, wakeAt: null });
    expect(verdict.held).toContain('the hold has expired: decide');
  });

  test('what was put back is transient, then suspicious', () => {
    expect(judge([entry({ reason: 'PutBack' })])).toMatchObject({ held: null, wakeAt: 300_000, entries: [{ class: 'transient', action: 'wait', heldUntil: null }] });
    expect(judge([entry({ reason: 'PutBack' })], { now: 300_000 }).entries[0]).toMatchObject({ class: 'suspicious', action: 'hold' });
  });

  test('no drift is no verdict', () => expect(judge([])).toEqual({ entries: [], omitted: 0, problems: [], held: null, alert: null, wakeAt: null }));
});

describe('rules', () => {
  test.each([
    ['drift.manager == "argocd-controller"', entry({ manager: 'argocd-controller' })],
    ['drift.kind == "Secret" && drift.path.startsWith(".data.")', entry()],
    ['drift.actor.contains("Argo CD")', entry({ actor: 'Argo CD application shop' })],
    ['drift.ageSeconds < 60', entry({ firstSeen: 1000 })],
    ['cluster.name == "berlin" && labels["env"] == "production" && properties["region"] == "europe"', entry()],
    ['drift.reason == "Contended"', entry({ reason: 'Contended' })],
    ['drift.object == "Secret kube-system/cilium-clustermesh"', entry()],
  ])('%s', (match, drift) => {
    expect(judge([drift], { policies: [policy([{ match, class: 'acceptable' }])] }).entries[0]).toMatchObject({ class: 'acceptable', action: 'ignore', policy: 'strict' });
    expect(judge([entry({ manager: 'x', object: 'ConfigMap a/b', path: '', firstSeen: -1e9 })], { policies: [policy([{ match: `!(${match})`, class: 'acceptable' }])] }).problems).toEqual([]);
  });

  test('the first that matches decides; dangerous is told aloud', () => {
    const policies = [policy([{ match: 'drift.path == ".data.oslo"', class: 'dangerous' }, { match: 'true', class: 'acceptable' }])];
    expect(judge([entry(), entry({ path: '.data.rome' })], { policies })).toMatchObject({ alert: { reason: 'DangerousDrift' }, entries: [{ class: 'dangerous' }, { class: 'acceptable' }] });
  });

  test('one that cannot be evaluated makes suspicious what reaches it, and says so', () => {
    const policies = [policy([{ match: 'labels["nowhere"] == "x"', class: 'dangerous' }, { match: 'true', class: 'acceptable' }])];
    expect(judge([entry()], { policies })).toMatchObject({ entries: [{ class: 'suspicious' }], problems: [{ policy: 'strict', message: expect.stringContaining('spec.rules[0].match') }] });
  });

  test.each([
    ['drift.owner == "x"', 'owner'], ['this is not CEL', 'is no CEL'], ['drift.path.matches("(a+)+$")', 'matches'], ['[1,2].all(x, [1,2].all(y, x == y))', ''], ['1 + 1', ''], ['a'.repeat(1025), 'characters'],
  ])('a policy with %s is not valid', (match, words) => {
    const problems = policyProblems({ clusters: {}, rules: [{ match: 'true', class: 'acceptable' }, { match, class: 'acceptable' }] });
    if (match !== '1 + 1') expect(problems).toHaveLength(1);
    for (const problem of problems) expect(problem).toMatch(/^spec\.rules\[1\]\.match: /);
    expect(problems.join()).toContain(words);
  });

  test('the first policy by name that selects the cluster judges; one with a wrong selector selects none', () => {
    const all = [{ match: 'true', class: 'acceptable' as const }];
    const policies = [policy(all, { name: 'b' }), policy([], { name: 'a', clusters: { labels: { env: 'test' } } }), policy(all, { name: '0', clusters: { names: [] } })];
    expect(judge([entry()], { policies }).entries[0]).toMatchObject({ policy: 'b' });
  });
});

describe('a decision', () => {
  test('on exactly this change ends the hold; on an earlier one it does not', () => {
    expect(judge([entry()], { decisions: [decision()] })).toMatchObject({ held: null, entries: [{ decision: 'd1', heldUntil: null }] });
    expect(judge([entry({ actual: 'sha256:newer' })], { decisions: [decision()] }).held).not.toBeNull();
    expect(judge([entry()], { decisions: [decision({ cluster: 'oslo' })] }).held).not.toBeNull();
  });

  test('is refused where the hub would have to know a secret, with what to do instead', () => {
    expect(decisionProblem('accept', { object: 'Secret kube-system/clustermesh-apiserver-remote-cert', path: '.data.tls.crt', actual: 'sha256:bb' })).toContain('revert it, and the hub\'s authority issues it anew');
    expect(decisionProblem('accept', { object: 'Secret kube-system/cilium-clustermesh', path: '.data.oslo.etcd-client.key', actual: 'sha256:bb' })).toContain('key material');
    expect(decisionProblem('accept', { object: 'Secret kube-system/cilium-clustermesh', path: '', actual: 'sha256:bb' })).toContain('one by one');
    expect(decisionProblem('accept', { object: 'Service shop/derived-1', path: '.spec.ports', actual: '[]' })).toContain('exporting cluster');
    expect(decisionProblem('revert', { object: 'ConfigMap kube-system/a', path: '.metadata.labels.x', actual: 'unknown' })).toContain('not known');
    expect(decisionProblem('accept', { object: 'Secret kube-system/cilium-clustermesh', path: '.data.oslo', actual: 'sha256:bb' })).toBeUndefined();
    expect(decisionProblem('revert', { object: 'Secret kube-system/clustermesh-apiserver-remote-cert', path: '', actual: 'sha256:bb' })).toBeUndefined();
  });

  test('becomes part of the cluster\'s desired state; the newest on a change counts', () => {
    const overrides = overridesOf([decision({ action: 'accept' }), decision({ name: 'd2', createdAt: 5 }), decision({ name: 'd3', cluster: 'oslo', action: 'accept' })]);
    expect([...overrides]).toEqual([
      ['berlin', [{ object: entry().object, path: '.data.oslo', actual: 'sha256:bb', action: 'overwrite', decision: 'd2' }]],
      ['oslo', [{ object: entry().object, path: '.data.oslo', actual: 'sha256:bb', action: 'keep', decision: 'd3' }]],
    ]);
  });
});

test('whatever the rules: a verdict changes at wakeAt and not before, is tolerated only where it holds nothing, and a cluster is held exactly where an entry holds', () => {
  const classes = fc.constantFrom('acceptable' as const, 'transient' as const, 'suspicious' as const, 'dangerous' as const);
  const drifts = fc.array(fc.record({ path: fc.constantFrom('.data.a', '.data.b', '.data.c'), manager: fc.constantFrom('x', 'y'), firstSeen: fc.integer({ min: 0, max: 2000 }) }), { maxLength: 4 });
  fc.assert(fc.property(drifts, classes, classes, fc.integer({ min: 0, max: 4 }), fc.integer({ min: 60, max: 64 }), fc.integer({ min: 0, max: 70_000 }), (found, first, second, transientSeconds, holdSeconds, now) => {
    const policies = [policy([{ match: 'drift.manager == "x"', class: first }, { match: 'drift.path != ".data.c"', class: second }], { transientSeconds, holdSeconds })];
    const entries = found.map((one) => entry(one));
    const verdict = judge(entries, { policies, now });
    const holding = verdict.entries.filter(({ heldUntil }) => heldUntil !== null);
    expect(verdict.held !== null).toBe(holding.length > 0);
    if (isTolerated(verdict)) expect(verdict.held).toBeNull();
    if (holding.some(({ heldUntil }) => heldUntil! <= now)) expect(verdict.alert?.reason).toBe('HoldExpired');
    if (verdict.wakeAt !== null) {
      expect(verdict.wakeAt).toBeGreaterThan(now);
      const quiet = judge(entries.map((one) => ({ ...one, firstSeen: Math.min(one.firstSeen, now) })), { policies, now: verdict.wakeAt - 1 });
      expect(quiet).toEqual(verdict);
    } else expect(judge(entries.map((one) => ({ ...one, firstSeen: Math.min(one.firstSeen, now) })), { policies, now: now + 1e9 })).toEqual(verdict);
  }), { numRuns: 500 });
});
