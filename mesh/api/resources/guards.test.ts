import { describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../../ports/kubernetes.ts';
import { CHANGES_NAME, GUARD_NAME, guardObjects, guardProblem, hubAccount } from './guards.ts';

const HUB = hubAccount('isthmus-system');

/** As an API server gives it back: with defaults, and what others added. */
interface Loose { readonly metadata: object; readonly spec: Record<string, unknown> & { matchConstraints?: Record<string, unknown> } }
function served(name: string): { readonly policy: Loose; readonly binding: Loose } {
  const { policy, binding } = structuredClone(guardObjects(HUB).find((pair) => pair.policy.metadata.name === name)) as unknown as { policy: Loose; binding: Loose };
  const rules = policy.spec.matchConstraints?.['resourceRules'] as Record<string, unknown>[];
  policy.spec.matchConstraints = { ...policy.spec.matchConstraints, matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, resourceRules: rules.map((rule) => ({ ...rule, scope: '*' })) };
  return { policy, binding };
}
const problem = (loosen: (objects: { policy: Loose; binding: Loose }) => void, hub = HUB, name = GUARD_NAME): string | undefined => {
  const objects = served(name);
  loosen(objects);
  return guardProblem(name, objects.policy as unknown as KubernetesObject, objects.binding as unknown as KubernetesObject, hub);
};
const match = (more: object) => ({ policy }: { policy: Loose }): void => { policy.spec.matchConstraints = { ...policy.spec.matchConstraints, ...more }; };
const rule = (more: object): object => ({ resourceRules: [{ ...((guardObjects(HUB)[0]!.policy.spec as { matchConstraints: { resourceRules: object[] } }).matchConstraints.resourceRules[0]), ...more }] });

describe('guards', () => {
  it('hold as they are served, and where they are stricter than they must be', () => {
    expect(problem(() => {})).toBeUndefined();
    expect(problem(({ policy }) => { (policy.spec['validations'] as object[]).push({ expression: 'object.metadata.name != "x"' }); })).toBeUndefined();
    expect(problem(match(rule({ apiGroups: ['*'], operations: ['*'], resources: ['*'] })))).toBeUndefined();
    expect(problem(({ binding }) => { binding.spec['validationActions'] = ['Deny', 'Audit']; })).toBeUndefined();
    // Words are nobody's guard.
    expect(problem(({ policy }) => { for (const one of policy.spec['validations'] as Record<string, unknown>[]) delete one['messageExpression']; })).toBeUndefined();
  });

  it.each<[string, (objects: { policy: Loose; binding: Loose }) => void, string]>([
    ['errors pass', ({ policy }) => { policy.spec['failurePolicy'] = 'Ignore'; }, 'has failurePolicy Ignore in place of Fail'],
    ['a condition', ({ policy }) => { policy.spec['matchConditions'] = [{ name: 'x', expression: 'request.userInfo.username != "eve"' }]; }, 'has matchConditions'],
    ['a parameter', ({ policy }) => { policy.spec['paramKind'] = { apiVersion: 'v1', kind: 'ConfigMap' }; }, 'has a paramKind'],
    ['one kind less', match(rule({ resources: ['driftdecisions', 'drills', 'updateruns', 'windowoverrides'] })), 'does not see every new object of approvals'],
    ['updates in place of creations', match(rule({ operations: ['UPDATE'] })), 'does not see every new object of approvals, driftdecisions, drills, updateruns, windowoverrides'],
    ['some names only', match(rule({ resourceNames: ['one'] })), 'does not see every new object'],
    ['objects in namespaces only', match(rule({ scope: 'Namespaced' })), 'does not see every new object'],
    ['an exclusion', match({ excludeResourceRules: [{ apiGroups: ['isthmus.dev'] }] }), 'does not see every new object of the kinds that it guards'],
    ['some objects only', match({ objectSelector: { matchLabels: { guarded: 'yes' } } }), 'does not see every new object of the kinds that it guards'],
    ['another expression', ({ policy }) => { (policy.spec['validations'] as { expression: string }[])[0]!.expression += ' || true'; }, `does not demand "request.resource.resource != 'approvals' || object.spec.approver == request.userInfo.username"`],
    ['a binding of another policy', ({ binding }) => { binding.spec['policyName'] = 'other'; }, 'is of policy other'],
    ['a binding that warns', ({ binding }) => { binding.spec['validationActions'] = ['Warn']; }, 'has validationActions Warn without Deny'],
    ['a binding of some objects', ({ binding }) => { binding.spec['matchResources'] = { objectSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }; }, 'is bound to a part of the objects only'],
  ])('do not hold with %s', (_what, loosen, says) => {
    expect(problem(loosen)).toMatch(/^ValidatingAdmissionPolicy(Binding)? isthmus-people .*; bring it back with "helm upgrade" of the hub's chart, on Kubernetes 1.30 or newer$/);
    expect(problem(loosen)).toContain(says);
  });

  it('do not hold where they are not there, or let somebody else make runs in any name', () => {
    const { policy, binding } = guardObjects(HUB)[0]!;
    expect(guardProblem(GUARD_NAME, undefined, binding, HUB)).toContain('ValidatingAdmissionPolicy isthmus-people is not there');
    expect(guardProblem(GUARD_NAME, policy, undefined, HUB)).toContain('ValidatingAdmissionPolicyBinding isthmus-people is not there');
    expect(guardProblem(GUARD_NAME, policy, binding, 'admin')).toContain('as it should for a hub that is admin');
  });

  it('of changes hold as they are served, and not where changes of a kind are not seen or a variable means something else', () => {
    const of = (loosen: (objects: { policy: Loose; binding: Loose }) => void): string | undefined => problem(loosen, HUB, CHANGES_NAME);
    expect(of(() => {})).toBeUndefined();
    const rules = (policy: Loose): { operations: string[]; resources: string[] } => (policy.spec.matchConstraints!['resourceRules'] as { operations: string[]; resources: string[] }[])[0]!;
    expect(of(({ policy }) => { rules(policy).operations = ['CREATE']; })).toMatch(/does not see every new and changed object of accesspolicies, bundles, certificateauthorities, changewindows, .*meshes, updateruns, updatestrategies/);
    expect(of(({ policy }) => { rules(policy).resources = rules(policy).resources.filter((one) => one !== 'meshes'); })).toContain('every new and changed object of meshes (');
    expect(of(({ policy }) => { (policy.spec['variables'] as { expression: string }[])[0]!.expression = 'false'; })).toContain('has another variable changed than');
    expect(of(({ policy }) => { (policy.spec['validations'] as object[]).pop(); })).toContain('does not demand');
  });
});
