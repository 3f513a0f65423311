/** What a change of access policies lets through and what it stops, by the pods that there are: who may be asking is told by what is seen, not by flows. */
import type { AccessObservation, AccessRule, ServicePods } from '../model/access.ts';
import { compareText } from '../model/order.ts';
import { type ServiceKey, serviceKey } from '../model/service.ts';
import { type EndpointLabels, type EndpointPort, ruling, selects, type Surroundings } from './evaluate.ts';
import { CLUSTER_LABEL, NAMESPACE_LABEL, type NetworkPolicy, networkPolicyOf, SERVICE_ACCOUNT_LABEL } from './network-policy.ts';

/** `Unknown`: rests on policies that others made. */
type AccessVerdict = 'Allowed' | 'Denied' | 'Unknown';

export interface AccessPreviewRow {
  readonly from: { readonly cluster: string; readonly namespace: string; readonly serviceAccount: string; readonly endpoints: number };
  readonly to: { readonly cluster: string; /** `shop/checkout`, or the namespace. */ readonly name: string; readonly endpoints: number };
  /** Of the pods; `other ports`: all that no policy names. Sorted. */
  readonly ports: readonly string[];
  readonly today: AccessVerdict;
  readonly tomorrow: AccessVerdict;
}

/** The cluster that holds the rules. */
export interface Holder {
  readonly name: string;
  readonly around: Surroundings;
  /** `enable-policy`. */
  readonly enforcement: 'default' | 'always' | 'never';
  readonly before: readonly AccessRule[];
  readonly after: readonly AccessRule[];
  readonly seen: AccessObservation;
}

export interface Sources {
  readonly cluster: string;
  /** As Cilium calls it. */
  readonly label: string;
  readonly groups: AccessObservation['sources'];
}

/** No port of a pod is called so. */
const ELSE: EndpointPort = { port: 'other ports', protocol: 'TCP' };
const shown = (one: EndpointPort): string => (one === ELSE ? ELSE.port : `${one.port}/${one.protocol}`);

/** Destinations that are worth asking about. */
export function destinationsOf(rules: readonly AccessRule[]): { readonly services: readonly ServiceKey[]; readonly namespaces: readonly string[] } {
  const services = new Map(rules.flatMap(({ to }) => ('service' in to ? [[serviceKey(to.service), to.service] as const] : [])));
  const namespaces = new Set(rules.flatMap(({ to }) => ('service' in to ? [to.service.namespace] : to.namespaces)));
  return { services: [...services].sort(([a], [b]) => compareText(a, b)).map(([, one]) => one), namespaces: [...namespaces].sort(compareText) };
}

/** Every pair of which one of the policies `concerned` says anything, sorted. */
export function previewAccess(holder: Holder, sources: readonly Sources[], concerned: ReadonlySet<string>): readonly AccessPreviewRow[] {
  const { around, seen } = holder;
  const services = new Map(seen.services.map((one): [string, ServicePods] => [serviceKey(one), one]));
  const written = (rules: readonly AccessRule[]): readonly { readonly rule: AccessRule; readonly policy: NetworkPolicy }[] => rules.flatMap((rule) => {
    const { policy } = networkPolicyOf(rule, 'service' in rule.to ? services.get(serviceKey(rule.to.service)) : undefined);
    return policy === null ? [] : [{ rule, policy }];
  });
  const [before, after] = [written(holder.before), written(holder.after)];
  const rows: AccessPreviewRow[] = [];
  for (const target of mergedTargets(holder, services, [...before, ...after].filter(({ rule }) => concerned.has(rule.policy)).map(({ policy }) => policy))) {
    const [was, willBe] = [before, after].map((some) => some.map(({ policy }) => policy).filter((policy) => selects(policy, target.labels))) as [NetworkPolicy[], NetworkPolicy[]];
    const ports = portsOf([...was, ...willBe]);
    for (const { cluster, label, groups } of sources) {
      for (const group of groups) {
        const from = { [CLUSTER_LABEL]: label, [NAMESPACE_LABEL]: group.namespace, ...(group.serviceAccount === '' ? {} : { [SERVICE_ACCOUNT_LABEL]: group.serviceAccount }) };
        const verdicts = new Map<string, { readonly today: AccessVerdict; readonly tomorrow: AccessVerdict; readonly ports: string[] }>();
        for (const port of ports) {
          const verdict = judge(holder, target, ruling(was, from, target.labels, port, around), ruling(willBe, from, target.labels, port, around));
          const kind = `${verdict.today} ${verdict.tomorrow}`;
          const known = verdicts.get(kind);
          if (known === undefined) verdicts.set(kind, { ...verdict, ports: [shown(port)] });
          else known.ports.push(shown(port));
        }
        for (const verdict of verdicts.values()) rows.push({ from: { cluster, ...group }, to: { cluster: holder.name, name: target.name, endpoints: target.endpoints }, ...verdict });
      }
    }
  }
  return rows.sort((a, b) => compareText(keyOf(a), keyOf(b)));
}

const keyOf = ({ from, to, ports }: AccessPreviewRow): string => [to.cluster, to.name, from.cluster, from.namespace, from.serviceAccount, ...ports].join(' ');

interface Target { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly endpoints: number; readonly enforcing: number }

/** Pods that are told apart by no service are one target. */
function mergedTargets({ seen, around }: Holder, services: ReadonlyMap<string, ServicePods>, policies: readonly NetworkPolicy[]): readonly Target[] {
  const merged = new Map<string, Target>();
  for (const { labels: own, endpoints, enforcing } of seen.targets) {
    const labels: EndpointLabels = { ...own, [CLUSTER_LABEL]: around.cluster };
    if (!policies.some((policy) => selects(policy, labels))) continue;
    const namespace = labels[NAMESPACE_LABEL] ?? '';
    const behind = [...services].filter(([key, { selector }]) => key.startsWith(`${namespace}/`) && Object.keys(selector).length > 0 && Object.entries(selector).every(([label, value]) => own[label] === value)).map(([key]) => key).sort(compareText);
    const name = behind.length === 0 ? namespace : behind.join(', ');
    const known = merged.get(name);
    merged.set(name, known === undefined ? { name, labels, endpoints, enforcing } : { ...known, endpoints: known.endpoints + endpoints, enforcing: known.enforcing + enforcing });
  }
  return [...merged.values()];
}

function portsOf(policies: readonly NetworkPolicy[]): readonly EndpointPort[] {
  const named = new Map(policies.flatMap(({ spec }) => spec.ingress.flatMap(({ toPorts = [] }) => toPorts.flatMap(({ ports }) => ports.map((port) => [shown(port), port] as const)))));
  return [...[...named].sort(([a], [b]) => compareText(a, b)).map(([, port]) => port), ELSE];
}

function judge({ enforcement, seen }: Holder, target: Target, was: { readonly denies: boolean; readonly allows: boolean }, willBe: { readonly denies: boolean; readonly allows: boolean }): { readonly today: AccessVerdict; readonly tomorrow: AccessVerdict } {
  if (enforcement === 'never') return { today: 'Allowed', tomorrow: 'Allowed' };
  const others = seen.others.filter(({ namespace }) => namespace === '' || namespace === target.labels[NAMESPACE_LABEL]);
  // What could not be read may be anything.
  const doubtful = seen.problems.length > 0;
  const mayAllow = doubtful || others.some(({ policies, denying }) => policies > denying);
  const mayDeny = doubtful || others.some(({ denying }) => denying > 0);
  const allowed: AccessVerdict = mayDeny ? 'Unknown' : 'Allowed';
  const shut: AccessVerdict = mayAllow ? 'Unknown' : 'Denied';
  const always = enforcement === 'always';
  // What is seen to let everything in does so, whatever was assigned.
  const today: AccessVerdict = was.allows ? allowed : target.enforcing === 0 && !always ? 'Allowed' : target.enforcing < target.endpoints && !always ? 'Unknown' : shut;
  const shutByOthers = target.enforcing > 0 && !was.denies && (mayAllow || mayDeny);
  const tomorrow: AccessVerdict = willBe.allows ? allowed : willBe.denies || always ? shut : shutByOthers || (target.enforcing > 0 && (doubtful || others.length > 0)) ? 'Unknown' : 'Allowed';
  return { today, tomorrow };
}
