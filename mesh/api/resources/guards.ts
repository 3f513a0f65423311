/** What makes the API server vouch for the people that objects name: one ValidatingAdmissionPolicy and its binding. The chart, the embedded API and the hub's check all have them from here. */
import { OVERRIDE_LONGEST_DAYS, OVERRIDE_LONGEST_SECONDS } from '../../model/change-window.ts';
import type { KubernetesObject, ResourceKind } from '../../ports/kubernetes.ts';
import { Approval, DriftDecision, Drill, UpdateRun, WindowOverride } from './index.ts';

const VERSION = 'v1';
const GROUP = 'admissionregistration.k8s.io';
export const ValidatingAdmissionPolicy: ResourceKind = { group: GROUP, version: VERSION, kind: 'ValidatingAdmissionPolicy', plural: 'validatingadmissionpolicies', namespaced: false };
export const ValidatingAdmissionPolicyBinding: ResourceKind = { group: GROUP, version: VERSION, kind: 'ValidatingAdmissionPolicyBinding', plural: 'validatingadmissionpolicybindings', namespaced: false };

/** Of both. */
export const GUARD_NAME = 'isthmus-people';
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

export function guardObjects(hub: string): { readonly policy: GuardObject; readonly binding: GuardObject } {
  const common = { apiVersion: `${GROUP}/${VERSION}`, metadata: { name: GUARD_NAME } };
  return {
    policy: {
      ...common, kind: ValidatingAdmissionPolicy.kind,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [{ apiGroups: [UpdateRun.group], apiVersions: ['*'], operations: ['CREATE'], resources: [Approval, ...REQUESTED].map(({ plural }) => plural).sort() }] },
        validations: validations(hub),
      },
    },
    binding: { ...common, kind: ValidatingAdmissionPolicyBinding.kind, spec: { policyName: GUARD_NAME, validationActions: ['Deny'] } },
  };
}

interface Rule { readonly [list: string]: readonly string[] | string | undefined }
interface Match { readonly resourceRules?: readonly Rule[]; readonly excludeResourceRules?: readonly unknown[]; readonly namespaceSelector?: object; readonly objectSelector?: object }
interface PolicySpec { readonly failurePolicy?: string; readonly paramKind?: unknown; readonly matchConditions?: readonly unknown[]; readonly matchConstraints?: Match; readonly validations?: readonly Validation[] }
interface BindingSpec { readonly policyName?: string; readonly paramRef?: unknown; readonly validationActions?: readonly string[]; readonly matchResources?: Match }

const WAY_OUT = 'bring it back with "helm upgrade" of the hub\'s chart, on Kubernetes 1.30 or newer';
const isEmpty = (selector: object | undefined): boolean => selector === undefined || Object.values(selector).every((member) => Array.isArray(member) ? member.length === 0 : Object.keys(member as object).length === 0);
const isWide = ({ excludeResourceRules = [], namespaceSelector, objectSelector }: Match): boolean => excludeResourceRules.length === 0 && isEmpty(namespaceSelector) && isEmpty(objectSelector);

/** Why the API server does not vouch for the people in objects, in a sentence; undefined: it does. Whatever else the policy demands only makes it stricter. */
export function guardProblem(policy: KubernetesObject | undefined, binding: KubernetesObject | undefined, hub: string): string | undefined {
  const said = (kind: ResourceKind, what: string): string => `${kind.kind} ${GUARD_NAME} ${what}; ${WAY_OUT}`;
  if (policy === undefined) return said(ValidatingAdmissionPolicy, 'is not there');
  if (binding === undefined) return said(ValidatingAdmissionPolicyBinding, 'is not there');
  const wrong = policyProblem((policy as Partial<GuardObject>).spec as PolicySpec, hub);
  if (wrong !== undefined) return said(ValidatingAdmissionPolicy, wrong);
  const loose = bindingProblem((binding as Partial<GuardObject>).spec as BindingSpec);
  return loose === undefined ? undefined : said(ValidatingAdmissionPolicyBinding, loose);
}

function policyProblem({ failurePolicy, paramKind, matchConditions = [], matchConstraints = {}, validations: found = [] }: PolicySpec, hub: string): string | undefined {
  if (failurePolicy !== 'Fail') return `has failurePolicy ${failurePolicy ?? 'none'} in place of Fail`;
  if (paramKind !== undefined) return 'has a paramKind, and so may let pass what no parameter names';
  if (matchConditions.length > 0) return 'has matchConditions, and so may let pass what they do not name';
  const covers = (plural: string): boolean => (matchConstraints.resourceRules ?? []).some((rule) => (
    [['apiGroups', UpdateRun.group], ['apiVersions', UpdateRun.version], ['operations', 'CREATE'], ['resources', plural]] as const).every(([list, wanted]) => rule[list]?.includes(wanted) === true || rule[list]?.includes('*') === true)
    && rule['resourceNames'] === undefined && (rule['scope'] ?? '*') !== 'Namespaced');
  const uncovered = [Approval, ...REQUESTED].map(({ plural }) => plural).filter((plural) => !covers(plural));
  if (uncovered.length > 0 || !isWide(matchConstraints)) return `does not see every new object of ${uncovered.length > 0 ? uncovered.sort().join(', ') : 'the kinds that it guards'} (spec.matchConstraints)`;
  const missing = validations(hub).find(({ expression }) => !found.some((one) => one.expression === expression));
  return missing === undefined ? undefined : `does not demand ${JSON.stringify(missing.expression)} (spec.validations), as it should for a hub that is ${hub}`;
}

function bindingProblem({ policyName, paramRef, validationActions = [], matchResources = {} }: BindingSpec): string | undefined {
  if (policyName !== GUARD_NAME) return `is of policy ${policyName ?? 'none'}`;
  if (!validationActions.includes('Deny')) return `has validationActions ${validationActions.join(', ')} without Deny`;
  return paramRef !== undefined || (matchResources.resourceRules ?? []).length > 0 || !isWide(matchResources) ? 'is bound to a part of the objects only (spec.matchResources, spec.paramRef)' : undefined;
}
