/** What Cilium does with our policies, on labels of endpoints: `pkg/k8s/apis/cilium.io/utils` (which selectors are completed how) and `pkg/policy` (who is let in). Of policies of others it knows nothing. */
import type { Protocol } from '../model/service.ts';
import { CLUSTER_LABEL, type LabelSelector, type MatchExpression, NAMESPACE_LABEL, type NetworkPolicy } from './network-policy.ts';

/** Without `k8s:`. */
export type EndpointLabels = Readonly<Record<string, string>>;

export interface Surroundings {
  /** `cluster-name`. */
  readonly cluster: string;
  /** `policy-default-local-cluster`: a selector that names no cluster means the policy's own; else any. */
  readonly defaultLocalCluster: boolean;
}

/** Of a pod: its port's number, or its name where a policy names it so. */
export interface EndpointPort { readonly port: string; readonly protocol: Protocol }

export interface Ruling {
  /** Something that selects the endpoint lets nothing in but what is allowed. */
  readonly denies: boolean;
  readonly allows: boolean;
}

function holds({ key, operator, values = [] }: MatchExpression, labels: EndpointLabels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In': return value !== undefined && values.includes(value);
    case 'NotIn': return value === undefined || !values.includes(value);
    case 'Exists': return value !== undefined;
    case 'DoesNotExist': return value === undefined;
  }
}

const matches = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: EndpointLabels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) && matchExpressions.every((expression) => holds(expression, labels));

const names = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector, key: string): boolean => Object.hasOwn(matchLabels, key) || matchExpressions.some((expression) => expression.key === key);

/** As Cilium completes it. */
function isPeer({ namespace }: NetworkPolicy, selector: LabelSelector, labels: EndpointLabels, { cluster, defaultLocalCluster }: Surroundings): boolean {
  if (!names(selector, NAMESPACE_LABEL) && (namespace === '' ? labels[NAMESPACE_LABEL] === undefined : labels[NAMESPACE_LABEL] !== namespace)) return false;
  if (!names(selector, CLUSTER_LABEL) && defaultLocalCluster && labels[CLUSTER_LABEL] !== cluster) return false;
  return matches(selector, labels);
}

export const selects = ({ namespace, spec }: NetworkPolicy, labels: EndpointLabels): boolean => (namespace === '' || labels[NAMESPACE_LABEL] === namespace) && matches(spec.endpointSelector, labels);

/** `to`: an endpoint of the cluster that has the policies. */
export function ruling(policies: readonly NetworkPolicy[], from: EndpointLabels, to: EndpointLabels, { port, protocol }: EndpointPort, around: Surroundings): Ruling {
  const here = policies.filter((policy) => selects(policy, to));
  return {
    denies: here.some(({ spec }) => spec.enableDefaultDeny.ingress),
    allows: here.some((policy) => policy.spec.ingress.some(({ fromEndpoints = [], toPorts }) =>
      fromEndpoints.some((selector) => isPeer(policy, selector, from, around))
      && (toPorts === undefined || toPorts.some(({ ports }) => ports.some((one) => one.port === port && one.protocol === protocol))))),
  };
}
