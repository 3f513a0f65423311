/** What the agent's report says of identity, capabilities and resources → the status, and since when each of it is so. */
import { canonicalJson } from '../model/canonical.ts';
import {
  type ClusterResources, MAX_CAPABILITIES, MAX_CAPABILITY_LENGTH, MAX_CAPABILITY_VALUES, MAX_GPU_RESOURCES, MAX_REQUEST_GROUPS, type ResourceAmounts,
} from '../model/cluster.ts';
import type { ClusterStatusValue, StatusAmounts } from '../model/cluster-status.ts';
import { type Instant, toRfc3339 } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import type { ClusterFacts } from './facts.ts';

type CapacityStatus = Pick<ClusterStatusValue, 'uid' | 'capabilities' | 'resources' | 'requestedBy'>;

/** Without a report what was believed stays; what a report does not say is unknown. */
export function foldCapacity({ report }: Pick<ClusterFacts, 'report'>, previous: ClusterStatusValue): CapacityStatus {
  if (report === null) return { uid: previous.uid, capabilities: previous.capabilities, resources: previous.resources, requestedBy: previous.requestedBy };
  const { uid, capabilities, resources, requestedBy } = report;
  return {
    uid: uid?.slice(0, MAX_CAPABILITY_LENGTH),
    capabilities: capabilities === undefined ? undefined : Object.fromEntries(
      Object.entries(capabilities).sort(([a], [b]) => compareText(a, b)).slice(0, MAX_CAPABILITIES)
        .map(([kind, names]) => [kind.slice(0, MAX_CAPABILITY_LENGTH), [...names].sort(compareText).slice(0, MAX_CAPABILITY_VALUES).map((name) => name.slice(0, MAX_CAPABILITY_LENGTH))]),
    ),
    resources: resources === undefined ? undefined : resourcesOf(resources),
    requestedBy: requestedBy === undefined ? undefined : [...requestedBy]
      .sort((a, b) => compareText(a.label, b.label) || compareText(a.value, b.value)).slice(0, MAX_REQUEST_GROUPS)
      .map(({ label, value, ...amounts }) => ({ label, value, ...amountsOf(amounts) })),
  };
}

const resourcesOf = ({ capacity, allocatable, requested }: ClusterResources): CapacityStatus['resources'] =>
  ({ capacity: amountsOf(capacity), allocatable: amountsOf(allocatable), ...(requested === undefined ? {} : { requested: amountsOf(requested) }) });

const amountsOf = ({ cpuMilli, memoryBytes, pods, gpus }: ResourceAmounts): StatusAmounts =>
  ({ cpuMilli, memoryBytes, pods, gpus: Object.fromEntries(Object.entries(gpus).sort(([a], [b]) => compareText(a, b)).slice(0, MAX_GPU_RESOURCES)) });

/** When each observed field became what it is: the earlier time where it has not changed, `now` where it has, nothing where it is unknown. */
export function foldObservedAt(status: ClusterStatusValue, previous: ClusterStatusValue, now: Instant): Record<string, string> | undefined {
  const [after, before] = [observed(status), observed(previous)];
  const times = Object.keys(after).sort().map((field): [string, string] => {
    const earlier = canonicalJson(after[field]) === canonicalJson(before[field]) ? previous.observedAt?.[field] : undefined;
    return [field, earlier ?? toRfc3339(now)];
  });
  return times.length === 0 ? undefined : Object.fromEntries(times);
}

/** What only the agent can know. What it applied and the drift carry times of their own. */
function observed({ uid, cilium, kubernetesVersion, agentVersion, nodes, exports, capabilities = {}, resources, requestedBy }: ClusterStatusValue): Record<string, unknown> {
  const all: Record<string, unknown> = {
    uid, cilium, kubernetesVersion, agentVersion, nodes, exports, requestedBy,
    'resources.capacity': resources?.capacity, 'resources.allocatable': resources?.allocatable, 'resources.requested': resources?.requested,
    ...Object.fromEntries(Object.entries(capabilities).map(([kind, names]) => [`capabilities.${kind}`, names])),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
