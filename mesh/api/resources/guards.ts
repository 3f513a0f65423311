/** What makes the API server vouch for the people that objects name: ValidatingAdmissionPolicies and their bindings. The chart, the embedded API and the hub's check all have them from here. */
import { OVERRIDE_LONGEST_DAYS, OVERRIDE_LONGEST_SECONDS } from '../../model/change-window.ts';
import type { KubernetesObject, ResourceKind } from '../../ports/kubernetes.ts';
import { CHANGES_DEMANDED, CHANGES_STAMPED } from './guard-changes.ts';
import { Approval, DriftDecision, Drill, UpdateRun, WindowOverride } from './index.ts';

const VERSION = 'v1';
const GROUP = 'admissionregistration.k8s.io';
export const ValidatingAdmissionPolicy: ResourceKind = { group: GROUP, version: VERSION, kind: 'ValidatingAdmissionPolicy', plural: 'validatingadmissionpolicies', namespaced: false };
export const ValidatingAdmissionPolicyBinding: ResourceKind = { group: GROUP, version: VERSION, kind: 'ValidatingAdmissionPolicyBinding', plural: 'validatingadmissionpolicybindings', namespaced: false };

/** Of policy and binding: who approves and asks. */
export const GUARD_NAME = 'isthmus-people';
/** Likewise: who changes what is there, and who pauses, stops and resumes. */
export const CHANGES_NAME = 'isthmus-changes';
/** Name of the hub's service account. */
const ACCOUNT = 'isthmus-hub';
/** Whom the API server takes the hub for that runs in a pod of this namespace. */
export const hubAccount = (namespace: string): string => `system:serviceaccount:${namespace}:${ACCOUNT}`;

/** Kinds whose `spec.requestedBy` is a person; who an approval is of stands in `spec.approver`. */
const REQUESTED = [DriftDecision, Drill, UpdateRun, WindowOverride];

interface Validation { readonly expression: string; readonly message?: string; readonly messageExpression?: string }
export interface GuardObject extends KubernetesObject { readonly spec: unknown }

/** CEL of a text; quotes within are escaped. */
const text = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** `hub`: the user whose UpdateRuns may name somebody else, as the runs are that follow from what people have decided. */
const validations = (hub: string): readonly Validation[] => [
  {
    expression: `request.resource.resource != 'approvals' || object.spec.approver == request.userInfo.username`,
    messageExpression: `'spec.approver is ' + object.spec.approver + ', and you are ' + request.userInfo.username + ': nobody approves in the name of another; write your own name there, or let "isthmus run approve" write it'`,
  },
  {
    expression: `request.resource.resource != 'approvals' || !has(object.spec.groups) || object.spec.groups.all(group, group in request.userInfo.groups)`,
    messageExpression: `'spec.groups has ' + object.spec.groups.filter(group, !(group in request.userInfo.groups)).join(', ') + ', and you, ' + request.userInfo.username + ', are not in it; leave out what "kubectl auth whoami" does not show'`,
  },
  {
    expression: `request.resource.resource == 'approvals' || object.spec.requestedBy == request.userInfo.username || (request.resource.resource == 'updateruns' && request.userInfo.username == ${text(hub)})`,
    messageExpression: `'spec.requestedBy is ' + object.spec.requestedBy + ', and you are ' + request.userInfo.username + ': nobody asks in the name of another; write your own name there, or let the isthmus command write it'`,
  },
  {
    // Nobody opens closed windows for good. The hub judges it as well.
    expression: `request.resource.resource != 'windowoverrides' || timestamp(object.spec.expiresAt) <= timestamp(object.metadata.creationTimestamp) + duration('${OVERRIDE_LONGEST_SECONDS}s')`,
    messageExpression: `'spec.expiresAt is ' + object.spec.expiresAt + ', and an override lasts ${OVERRIDE_LONGEST_DAYS} days at most; give an earlier time, and make another when it is over'`,
  },
];

interface ResourceRule { readonly apiGroups: readonly string[]; readonly apiVersions: readonly string[]; readonly operations: readonly string[]; readonly resources: readonly string[] }
interface Demands { readonly resourceRules: readonly ResourceRule[]; readonly variables?: readonly { readonly name: string; readonly expression: string }[]; readonly validations: readonly Validation[] }

/** What is demanded of objects, by the name of the policy that does. */
const demandsOf = (hub: string): ReadonlyMap<string, Demands> => new Map<string, Demands>([
  [GUARD_NAME, {
    resourceRules: [{ apiGroups: [UpdateRun.group], apiVersions: ['*'], operations: ['CREATE'], resources: [Approval, ...REQUESTED].map(({ plural }) => plural).sort() }],
    validations: validations(hub),
  }],
  [CHANGES_NAME, CHANGES_DEMANDED],
]);

interface GuardPair { readonly policy: GuardObject; readonly binding: GuardObject }

/** In the order of their names in `GUARDS`. */
export const guardObjects = (hub: string): readonly GuardPair[] => [...demandsOf(hub)].map(([name, { resourceRules, variables, validations: demanded }]) => {
  const common = { apiVersion: `${GROUP}/${VERSION}`, metadata: { name } };
  return {
    policy: {
      ...common, kind: ValidatingAdmissionPolicy.kind,
      spec: { failurePolicy: 'Fail', matchConstraints: { resourceRules }, ...(variables === undefined ? {} : { variables }), validations: demanded },
    },
    binding: { ...common, kind: ValidatingAdmissionPolicyBinding.kind, spec: { policyName: name, validationActions: ['Deny'] } },
  };
});

/** What writes down who changed something, where the API server has such policies (`version` of the group: v1, v1beta1). Without them names are there that callers gave, and were theirs. */
export const stampObjects = (version: string): readonly GuardObject[] => {
  const common = { apiVersion: `${GROUP}/${version}`, metadata: { name: CHANGES_NAME } };
  const { resourceRules, variables, expressions } = CHANGES_STAMPED;
  return [
    {
      ...common, kind: 'MutatingAdmissionPolicy',
      spec: { failurePolicy: 'Fail', reinvocationPolicy: 'IfNeeded', matchConstraints: { resourceRules }, variables, mutations: expressions.map((expression) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })) },
    },
    { ...common, kind: 'MutatingAdmissionPolicyBinding', spec: { policyName: CHANGES_NAME } },
  ];
};

interface Rule { readonly [list: string]: readonly string[] | string | undefined }
interface Match { readonly resourceRules?: readonly Rule[]; readonly excludeResourceRules?: readonly unknown[]; readonly namespaceSelector?: object; readonly objectSelector?: object }
interface PolicySpec {
  readonly failurePolicy?: string; readonly paramKind?: unknown; readonly matchConditions?: readonly unknown[]; readonly matchConstraints?: Match;
  readonly variables?: Demands['variables']; readonly validations?: readonly Validation[];
}
interface BindingSpec { readonly policyName?: string; readonly paramRef?: unknown; readonly validationActions?: readonly string[]; readonly matchResources?: Match }

const WAY_OUT = 'bring it back with "helm upgrade" of the hub\'s chart, on Kubernetes 1.30 or newer';
const isEmpty = (selector: object | undefined): boolean => selector === undefined || Object.values(selector).every((member) => Array.isArray(member) ? member.length === 0 : Object.keys(member as object).length === 0);
const isWide = ({ excludeResourceRules = [], namespaceSelector, objectSelector }: Match): boolean => excludeResourceRules.length === 0 && isEmpty(namespaceSelector) && isEmpty(objectSelector);

export const GUARDS: readonly string[] = [GUARD_NAME, CHANGES_NAME];

/** Why the API server does not vouch for the people in objects, in a sentence; undefined: it does. Whatever else the policy demands only makes it stricter. `name`: one of `GUARDS`. */
export function guardProblem(name: string, policy: KubernetesObject | undefined, binding: KubernetesObject | undefined, hub: string): string | undefined {
  const said = (kind: ResourceKind, what: string): string => `${kind.kind} ${name} ${what}; ${WAY_OUT}`;
  if (policy === undefined) return said(ValidatingAdmissionPolicy, 'is not there');
  if (binding === undefined) return said(ValidatingAdmissionPolicyBinding, 'is not there');
  const wrong = policyProblem((policy as Partial<GuardObject>).spec as PolicySpec, demandsOf(hub).get(name)!, hub);
  if (wrong !== undefined) return said(ValidatingAdmissionPolicy, wrong);
  const loose = bindingProblem(name, (binding as Partial<GuardObject>).spec as BindingSpec);
  return loose === undefined ? undefined : said(ValidatingAdmissionPolicyBinding, loose);
}

/** Plurals of what no rule of `match` sees. */
function unseen({ resourceRules: found = [] }: Match, wanted: readonly ResourceRule[]): string[] {
  const sees = (rule: Rule, list: string, value: string): boolean => rule[list]?.includes(value) === true || rule[list]?.includes('*') === true;
  const covers = (plural: string, operation: string): boolean => found.some((rule) => (
    ([['apiGroups', UpdateRun.group], ['apiVersions', UpdateRun.version], ['operations', operation], ['resources', plural]] as const).every(([list, value]) => sees(rule, list, value))
    && rule['resourceNames'] === undefined && (rule['scope'] ?? '*') !== 'Namespaced'));
  return [...new Set(wanted.flatMap(({ operations, resources }) => resources.filter((plural) => !operations.every((operation) => covers(plural, operation)))))].sort();
}

function policyProblem({ failurePolicy, paramKind, matchConditions = [], matchConstraints = {}, variables: named = [], validations: found = [] }: PolicySpec, demands: Demands, hub: string): string | undefined {
  if (failurePolicy !== 'Fail') return `has failurePolicy ${failurePolicy ?? 'none'} in place of Fail`;
  if (paramKind !== undefined) return 'has a paramKind, and so may let pass what no parameter names';
  if (matchConditions.length > 0) return 'has matchConditions, and so may let pass what they do not name';
  const uncovered = unseen(matchConstraints, demands.resourceRules);
  const what = demands.resourceRules.some(({ operations }) => operations.includes('UPDATE')) ? 'every new and changed object' : 'every new object';
  if (uncovered.length > 0 || !isWide(matchConstraints)) return `does not see ${what} of ${uncovered.length > 0 ? uncovered.join(', ') : 'the kinds that it guards'} (spec.matchConstraints)`;
  const other = (demands.variables ?? []).find(({ name, expression }) => named.find((one) => one.name === name)?.expression !== expression);
  if (other !== undefined) return `has another variable ${other.name} than ${JSON.stringify(other.expression)} (spec.variables)`;
  const missing = demands.validations.find(({ expression }) => !found.some((one) => one.expression === expression));
  return missing === undefined ? undefined : `does not demand ${JSON.stringify(missing.expression)} (spec.validations), as it should for a hub that is ${hub}`;
}

function bindingProblem(name: string, { policyName, paramRef, validationActions = [], matchResources = {} }: BindingSpec): string | undefined {
  if (policyName !== name) return `is of policy ${policyName ?? 'none'}`;
  if (!validationActions.includes('Deny')) return `has validationActions ${validationActions.join(', ')} without Deny`;
  return paramRef !== undefined || (matchResources.resourceRules ?? []).length > 0 || !isWide(matchResources) ? 'is bound to a part of the objects only (spec.matchResources, spec.paramRef)' : undefined;
}
