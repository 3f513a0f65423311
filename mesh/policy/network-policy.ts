/**
 * A rule as the object that Cilium enforces. Every selector names its clusters itself, so it means the same whether a cluster takes selectors without one as its own
 * (`policy-default-local-cluster`, Cilium `pkg/k8s/apis/cilium.io/utils`) or as everybody's. Labels: Cilium `pkg/k8s/apis/cilium.io/const.go`.
 */
import { accessPortName, type AccessPort, type AccessRule, type AccessSource, type ServicePods } from '../model/access.ts';
import { compareText } from '../model/order.ts';
import { serviceKey } from '../model/service.ts';
import type { Protocol } from '../model/service.ts';

export const CLUSTER_LABEL = 'io.cilium.k8s.policy.cluster';
export const NAMESPACE_LABEL = 'io.kubernetes.pod.namespace';
export const SERVICE_ACCOUNT_LABEL = 'io.cilium.k8s.policy.serviceaccount';

export interface MatchExpression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly MatchExpression[];
}

interface IngressRule {
  /** Absent: the rule lets nobody in. */
  readonly fromEndpoints?: readonly LabelSelector[];
  readonly toPorts?: readonly { readonly ports: readonly { readonly port: string; readonly protocol: Protocol }[] }[];
}

export interface NetworkPolicySpec {
  readonly description: string;
  readonly endpointSelector: LabelSelector;
  readonly enableDefaultDeny: { readonly ingress: boolean; readonly egress: boolean };
  readonly ingress: readonly IngressRule[];
}

export interface NetworkPolicy {
  readonly kind: 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy';
  /** Empty: clusterwide. */
  readonly namespace: string;
  readonly name: string;
  readonly spec: NetworkPolicySpec;
}

export interface Compiled {
  readonly policy: NetworkPolicy | null;
  /** What is not as people may expect it: sentences. Empty: nothing. */
  readonly problems: readonly string[];
}

/** Cilium `pkg/policy/api/rule_validation.go`, `maxPorts`. */
const MOST_PORTS = 40;
const MOST_VALUES = 128;

export const policyObjectName = (policy: string): string => `isthmus-${policy}`;

const oneOf = (key: string, values: readonly string[] | undefined): MatchExpression => (values === undefined ? { key, operator: 'Exists' } : { key, operator: 'In', values });

function chunks<T>(values: readonly T[], most: number): (readonly T[])[] {
  return Array.from({ length: Math.ceil(values.length / most) }, (_, index) => values.slice(index * most, (index + 1) * most));
}

function selectorsOf({ clusters, namespaces, serviceAccounts }: AccessSource): LabelSelector[] {
  const parts = clusters === undefined ? [undefined] : chunks(clusters, MOST_VALUES);
  return parts.map((some) => ({
    matchExpressions: [oneOf(CLUSTER_LABEL, some), oneOf(NAMESPACE_LABEL, namespaces), ...(serviceAccounts === undefined ? [] : [oneOf(SERVICE_ACCOUNT_LABEL, serviceAccounts)])],
  }));
}

const toPorts = (ports: readonly { readonly port: number | string; readonly protocol: Protocol }[]): Pick<IngressRule, 'toPorts'> =>
  ({ toPorts: chunks(ports, MOST_PORTS).map((some) => ({ ports: some.map(({ port, protocol }) => ({ port: String(port), protocol })) })) });

/** undefined: every port. */
function portsOf(rule: AccessRule, service: ServicePods | undefined): { readonly ports: readonly { readonly port: number | string; readonly protocol: Protocol }[] | undefined; readonly missing: readonly AccessPort[] } {
  if (service === undefined) return { ports: rule.ports, missing: [] };
  const asked = rule.ports ?? service.ports;
  const found = asked.flatMap((one) => service.ports.filter(({ port, protocol }) => port === one.port && protocol === one.protocol).map(({ targetPort, protocol }) => ({ port: targetPort, protocol })));
  const unique = [...new Map(found.map((one) => [`${one.port}/${one.protocol}`, one])).entries()].sort(([a], [b]) => compareText(a, b)).map(([, one]) => one);
  return { ports: unique, missing: asked.filter((one) => !service.ports.some(({ port, protocol }) => port === one.port && protocol === one.protocol)) };
}

/** `service`: as it stands in the cluster; undefined: it is not there, so there are no pods to hold the rule for. Not asked of a rule for namespaces. */
export function networkPolicyOf(rule: AccessRule, service: ServicePods | undefined): Compiled {
  const { policy, mode, to } = rule;
  const of = 'service' in to ? to.service : undefined;
  if (of !== undefined) {
    const what = `AccessPolicy ${policy}: Service ${serviceKey(of)}`;
    if (service === undefined) return { policy: null, problems: [] };
    if (Object.keys(service.selector).length === 0) return { policy: null, problems: [`${what} has no selector, so nobody can say which pods are behind it, and nothing is enforced; give it one, or name its namespace in spec.to.namespaces`] };
  }
  const { ports, missing } = portsOf(rule, of === undefined ? undefined : service);
  const problems = of === undefined || missing.length === 0 ? [] : [`AccessPolicy ${policy}: Service ${serviceKey(of)} has no port ${missing.map(accessPortName).join(', ')} here, so that is not let through; correct spec.to.ports`];
  const sources = rule.from.flatMap(selectorsOf);
  // A rule with ports and without sources would let everybody in.
  const ingress: IngressRule = sources.length === 0 || ports?.length === 0 ? {} : { fromEndpoints: sources, ...(ports === undefined ? {} : toPorts(ports)) };
  const [kind, namespace, endpointSelector] = of === undefined
    ? ['CiliumClusterwideNetworkPolicy', '', { matchExpressions: [oneOf(NAMESPACE_LABEL, 'namespaces' in to ? to.namespaces : [])] }] as const
    : ['CiliumNetworkPolicy', of.namespace, { matchLabels: { ...service?.selector } }] as const;
  return {
    policy: {
      kind, namespace, name: policyObjectName(policy),
      spec: { description: `Written by Isthmus for AccessPolicy ${policy}`, endpointSelector, enableDefaultDeny: { ingress: mode === 'DefaultDeny', egress: false }, ingress: [ingress] },
    },
    problems,
  };
}
