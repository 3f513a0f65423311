/**
 * A Cluster as other tools read it: the fields of a ClusterProfile (kubernetes-sigs/cluster-inventory-api, KEP-4322), property names of KEP-2149 where there are such.
 * Changes when the cluster does, never with time alone.
 */
import type { ClusterStatusValue, StatusProperty } from '../model/cluster-status.ts';
import { type Condition, findCondition, setCondition } from '../model/condition.ts';
import type { Instant } from '../model/instant.ts';
import { sortedByName } from '../model/order.ts';

export const PROFILE_MANAGER = 'isthmus';

const MOST_VALUE = 1024;
const MOST_NAME = 253;
const OWN_PREFIX = 'isthmus.dev/';
const HEALTHY = 'ControlPlaneHealthy';

interface ProfileProperty { readonly name: string; readonly value: string; readonly lastObservedTime?: string }

export interface ProfileContent {
  readonly spec: { readonly displayName: string; readonly clusterManager: { readonly name: string } };
  readonly status: {
    readonly version?: { readonly kubernetes: string };
    readonly properties: readonly ProfileProperty[];
    readonly conditions: readonly Condition[];
  };
}

export interface ProfileSource {
  readonly name: string;
  readonly status: ClusterStatusValue | undefined;
  /** Of the whole fleet: clusters with one trust domain are one cluster set. */
  readonly trustDomain: string;
  readonly previous: readonly Condition[];
}

export function profileOf({ name, status = {}, trustDomain, previous }: ProfileSource, now: Instant): ProfileContent {
  const { kubernetesVersion } = status;
  return {
    spec: { displayName: propertyOf(status, 'display-name') ?? name, clusterManager: { name: PROFILE_MANAGER } },
    status: {
      ...(kubernetesVersion === undefined || kubernetesVersion === '' ? {} : { version: { kubernetes: kubernetesVersion } }),
      properties: properties(name, status, trustDomain),
      conditions: setCondition(previous.filter(({ type }) => type === HEALTHY), health(status), now),
    },
  };
}

const propertyOf = ({ properties: all }: ClusterStatusValue, name: string): string | undefined => all?.find((property) => property.name === name)?.value;

/** Names are unique, as the API asks; empty values are left out, it refuses them. A declared property was never observed, so it has no time. */
function properties(name: string, status: ClusterStatusValue, trustDomain: string): readonly ProfileProperty[] {
  const all = new Map<string, ProfileProperty>();
  const add = (property: string, value: string | undefined, observedAt?: string): void => {
    if (value === undefined || value === '' || property.length > MOST_NAME || all.has(property)) return;
    all.set(property, { name: property, value: cut(value), ...(observedAt === undefined ? {} : { lastObservedTime: observedAt }) });
  };
  const timeOf = ({ source, observedAt }: StatusProperty): string | undefined => (source === 'observed' ? observedAt : undefined);
  const region = status.properties?.find((property) => property.name === 'region');
  add('cluster.clusterset.k8s.io', name);
  add('clusterset.k8s.io', trustDomain);
  add('clusterset.k8s.io/cluster-id', status.uid, status.observedAt?.['uid']);
  if (region === undefined) add('topology.kubernetes.io/region', list(status.capabilities?.['region']), status.observedAt?.['capabilities.region']);
  else add('topology.kubernetes.io/region', region.value, timeOf(region));
  add('topology.kubernetes.io/zone', list(status.capabilities?.['zone']), status.observedAt?.['capabilities.zone']);
  for (const property of status.properties ?? []) add(property.name.includes('/') ? property.name : `${OWN_PREFIX}${property.name}`, property.value, timeOf(property));
  for (const [capability, values] of Object.entries(status.capabilities ?? {})) add(`${OWN_PREFIX}capability.${capability}`, list(values), status.observedAt?.[`capabilities.${capability}`]);
  return sortedByName([...all.values()]);
}

/** Never between the halves of one character: half of one is not what the server would give back, and would be written again and again. */
const cut = (text: string): string => (/[\ud800-\udbff]$/.test(text.slice(0, MOST_VALUE)) ? text.slice(0, MOST_VALUE - 1) : text.slice(0, MOST_VALUE));

/** As many whole values as fit. */
function list(values: readonly string[] | undefined): string | undefined {
  if (values === undefined) return undefined;
  let text = '';
  for (const value of values) {
    const longer = text === '' ? value : `${text},${value}`;
    if (longer.length > MOST_VALUE) break;
    text = longer;
  }
  return text;
}

/** Nobody probes the API server from here. What its agent says is the evidence, and without the agent nothing is known; so it is never False. */
function health(status: ClusterStatusValue): Omit<Condition, 'lastTransitionTime'> {
  const conditions = (status.conditions ?? []) as readonly Condition[];
  const unknown = (reason: string, message: string): Omit<Condition, 'lastTransitionTime'> => ({ type: HEALTHY, status: 'Unknown', reason, message });
  if (findCondition(conditions, 'Joined')?.status !== 'True') return unknown('NotJoined', 'no agent has joined as this cluster yet');
  if (findCondition(conditions, 'Connected')?.status !== 'True') return unknown('AgentNotConnected', 'its agent is not connected to the hub, so nothing newer is known');
  if (status.nodes === undefined || status.kubernetesVersion === undefined) return unknown('NotReported', 'its agent is connected and has not yet said what it read from the API server');
  if (findCondition(conditions, 'Applied')?.reason === 'Unhealthy') return unknown('AgentReportsTrouble', 'its agent is connected and does not find what it applied through the API server complete');
  return { type: HEALTHY, status: 'True', reason: 'AgentReports', message: 'its agent is connected and works through the API server; the API server itself is not probed from here' };
}
