/** Who is here that access policies are about, told when the hub asks: pods summed by what policies tell them apart by. Nothing is watched for it. */
import { CiliumClusterwideNetworkPolicy, CiliumEndpoint, type CiliumEndpointObject, CiliumNetworkPolicy, type CiliumPolicyObject } from '../../../mesh/api/resources/cilium.ts';
import { Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { type AccessObservation, type AccessQuestion, MAX_ACCESS_GROUPS, MAX_ACCESS_SERVICES, type ServicePods } from '../../../mesh/model/access.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import { compareText } from '../../../mesh/model/order.ts';
import type { ServiceKey } from '../../../mesh/model/service.ts';
import { NAMESPACE_LABEL, SERVICE_ACCOUNT_LABEL } from '../../../mesh/policy/network-policy.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { messageOf } from '../../runtime/errors.ts';
import { notServed } from '../../runtime/served.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { servicePods } from './services.ts';

const NetworkPolicy: ResourceKind = { group: 'networking.k8s.io', version: 'v1', kind: 'NetworkPolicy', plural: 'networkpolicies', namespaced: true };
const NOT_OURS = `app.kubernetes.io/managed-by!=${AGENT_FIELD_MANAGER}`;
const PAGE = 500;
/** Endpoints that are looked at; the rest is said to be left out. */
const MOST_ENDPOINTS = 50_000;
const MOST_POLICIES = 5000;
const LABEL_SOURCE = 'k8s:';

const policyLabels = (endpoint: CiliumEndpointObject): Readonly<Record<string, string>> => Object.fromEntries((endpoint.status?.identity?.labels ?? []).flatMap((label) => {
  if (!label.startsWith(LABEL_SOURCE)) return [];
  const [key = '', ...value] = label.slice(LABEL_SOURCE.length).split('=');
  return [[key, value.join('=')]];
}));

export function createAccessAnswers({ ports, state, publisher }: { readonly ports: Pick<AgentPorts, 'kubernetes' | 'log'>; readonly state: AgentState; readonly publisher: Publisher }) {
  const { kubernetes, log } = ports;

  /** As many as `most`; true where there are more. */
  async function each<T extends KubernetesObject>(kind: ResourceKind, options: { readonly namespace?: string; readonly labelSelector?: string }, most: number, take: (object: T) => void, signal: CancelSignal): Promise<boolean> {
    let taken = 0;
    for (let next: string | undefined = ''; next !== undefined;) {
      const page: { readonly items: readonly T[]; readonly continueToken?: string } = await kubernetes.list<T>(kind, { ...options, limit: PAGE, ...(next === '' ? {} : { continueToken: next }) }, signal);
      for (const object of page.items) take(object);
      taken += page.items.length;
      next = page.continueToken;
      if (taken >= most && next !== undefined) return true;
    }
    return false;
  }

  async function servicesOf(keys: readonly ServiceKey[], signal: CancelSignal): Promise<(ServiceKey & ServicePods)[]> {
    const found: (ServiceKey & ServicePods)[] = [];
    for (const { namespace, name } of keys.slice(0, MAX_ACCESS_SERVICES)) {
      const object = await kubernetes.get<ServiceObject>(Service, { namespace, name }, signal);
      if (object !== undefined) found.push({ namespace, name, ...servicePods(object) });
    }
    return found;
  }

  async function othersOf(namespaces: readonly string[], signal: CancelSignal): Promise<AccessObservation['others']> {
    const found = new Map<string, { policies: number; denying: number }>();
    const count = (place: string, policies: number, denying: number): void => {
      const known = found.get(place) ?? { policies: 0, denying: 0 };
      found.set(place, { policies: known.policies + policies, denying: known.denying + denying });
    };
    const denies = ({ spec }: CiliumPolicyObject): number => (Array.isArray(spec?.['ingressDeny']) && spec['ingressDeny'].length > 0 ? 1 : 0);
    // A kind that is not served has no policies.
    const all: typeof each = (...given) => each(...given).catch((error: unknown) => { if (notServed(error) === 'absent') return false; throw error; });
    for (const namespace of namespaces) {
      await all<CiliumPolicyObject>(CiliumNetworkPolicy, { namespace, labelSelector: NOT_OURS }, MOST_POLICIES, (object) => count(namespace, 1, denies(object)), signal);
      await all(NetworkPolicy, { namespace }, MOST_POLICIES, () => count(namespace, 1, 0), signal);
    }
    await all<CiliumPolicyObject>(CiliumClusterwideNetworkPolicy, { labelSelector: NOT_OURS }, MOST_POLICIES, (object) => count('', 1, denies(object)), signal);
    return [...found].sort(([a], [b]) => compareText(a, b)).map(([namespace, counts]) => ({ namespace, ...counts }));
  }

  async function observe({ services: asked, namespaces }: AccessQuestion, signal: CancelSignal): Promise<AccessObservation> {
    const problems: string[] = [];
    const attempt = async <T>(what: string, work: Promise<T>, instead: T): Promise<T> => work.catch((error: unknown) => {
      if (signal.aborted) throw error;
      problems.push(`${what} cannot be read: ${messageOf(error).slice(0, 256)}`);
      return instead;
    });
    const services = await attempt('Services', servicesOf(asked, signal), []);
    const keys = new Set([NAMESPACE_LABEL, ...services.flatMap(({ selector }) => Object.keys(selector))]);
    const sources = new Map<string, { readonly namespace: string; readonly serviceAccount: string; endpoints: number }>();
    const targets = new Map<string, { readonly labels: Readonly<Record<string, string>>; endpoints: number; enforcing: number }>();
    const more = await attempt('CiliumEndpoints', each<CiliumEndpointObject>(CiliumEndpoint, {}, MOST_ENDPOINTS, (endpoint) => {
      const labels = policyLabels(endpoint);
      const namespace = labels[NAMESPACE_LABEL];
      if (namespace === undefined) return;
      const serviceAccount = labels[SERVICE_ACCOUNT_LABEL] ?? '';
      const source = sources.get(`${namespace}/${serviceAccount}`) ?? { namespace, serviceAccount, endpoints: 0 };
      source.endpoints += 1;
      sources.set(`${namespace}/${serviceAccount}`, source);
      if (!namespaces.includes(namespace)) return;
      const told = Object.fromEntries(Object.entries(labels).filter(([key]) => keys.has(key)));
      const text = canonicalJson(told);
      const target = targets.get(text) ?? { labels: told, endpoints: 0, enforcing: 0 };
      target.endpoints += 1;
      if (endpoint.status?.policy?.ingress?.enforcing === true) target.enforcing += 1;
      targets.set(text, target);
    }, signal), false);
    if (more) problems.push(`of its pods only the first ${MOST_ENDPOINTS} were looked at`);
    const others = await attempt('policies of others', othersOf(namespaces, signal), []);
    const [someSources, sourcesOmitted] = largest([...sources.values()], ({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`);
    const [someTargets, targetsOmitted] = largest([...targets.values()], ({ labels }) => canonicalJson(labels));
    return { sources: someSources, sourcesOmitted, targets: someTargets, targetsOmitted, services, others, problems };
  }

  return {
    /** Runs until `signal` aborts. */
    start(signal: CancelSignal): void {
      state.subscribe((type, name) => {
        const question = type === 'Question' ? state.get('Question', name) : undefined;
        if (question?.access === undefined) return;
        void observe(question.access, signal).then((access) => {
          if (!signal.aborted && state.get('Question', name) !== undefined) publisher.set('Answer', name, { id: name, lines: [], records: [], rcode: '', access });
        }, (error: unknown) => { if (!signal.aborted) log.warn({ error: messageOf(error) }, 'who access policies are about could not be said'); });
      });
    },
  };
}

function largest<T extends { readonly endpoints: number }>(groups: readonly T[], name: (group: T) => string): readonly [readonly T[], number] {
  const sorted = [...groups].sort((a, b) => b.endpoints - a.endpoints || compareText(name(a), name(b)));
  return [sorted.slice(0, MAX_ACCESS_GROUPS), sorted.slice(MAX_ACCESS_GROUPS).reduce((sum, { endpoints }) => sum + endpoints, 0)];
}
