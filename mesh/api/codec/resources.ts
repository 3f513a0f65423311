/** What a report says of a cluster's identity, capabilities and resources: wire ↔ model. Absent stays absent: unknown is not nothing. */
import type { ClusterReport, ClusterResources, LabelledRequests, ResourceAmounts } from '../../model/cluster.ts';
import type * as wire from '../gen/isthmus/v1/cluster.ts';
import { BOUNDS, list, name, present, text, wholeNumber } from './bounds.ts';

type Inventory = Pick<ClusterReport, 'uid' | 'capabilities' | 'resources' | 'requestedBy'>;
type WireInventory = Pick<wire.ClusterReport, 'uid' | 'capabilities' | 'resources' | 'requestedBy'>;

export function inventoryToWire({ uid, capabilities, resources, requestedBy }: Inventory): WireInventory {
  return {
    uid,
    capabilities: capabilities === undefined ? undefined : { byKind: Object.fromEntries(Object.entries(capabilities).map(([kind, names]) => [kind, { names }])) },
    resources: resources === undefined ? undefined : { capacity: resources.capacity, allocatable: resources.allocatable, requested: resources.requested },
    requestedBy: requestedBy === undefined ? undefined : { groups: requestedBy.map(({ label, value, ...amounts }) => ({ label, value, amounts })) },
  };
}

export function inventoryFromWire(field: string, { uid, capabilities, resources, requestedBy }: WireInventory): Inventory {
  return {
    ...(uid === undefined ? {} : { uid: text(`${field}.uid`, name(`${field}.uid`, uid), BOUNDS.capabilityLength) }),
    ...(capabilities === undefined ? {} : { capabilities: capabilitiesFromWire(`${field}.capabilities`, capabilities) }),
    ...(resources === undefined ? {} : { resources: resourcesFromWire(`${field}.resources`, resources) }),
    ...(requestedBy === undefined ? {} : { requestedBy: groupsFromWire(`${field}.requestedBy`, requestedBy) }),
  };
}

function capabilitiesFromWire(field: string, { byKind }: wire.Capabilities): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(list(field, Object.entries(byKind), BOUNDS.capabilities).map(([kind, { names }]) => {
    const at = `${field}[${JSON.stringify(text(field, name(field, kind), BOUNDS.capabilityLength))}]`;
    return [kind, list(at, names, BOUNDS.capabilityValues).map((value, index) => text(`${at}[${index}]`, name(`${at}[${index}]`, value), BOUNDS.capabilityLength))];
  }));
}

function resourcesFromWire(field: string, { capacity, allocatable, requested }: wire.ClusterResources): ClusterResources {
  return {
    capacity: amountsFromWire(`${field}.capacity`, capacity),
    allocatable: amountsFromWire(`${field}.allocatable`, allocatable),
    ...(requested === undefined ? {} : { requested: amountsFromWire(`${field}.requested`, requested) }),
  };
}

function groupsFromWire(field: string, { groups }: wire.RequestGroups): readonly LabelledRequests[] {
  return list(field, groups, BOUNDS.requestGroups).map(({ label, value, amounts }, index) => ({
    label: text(`${field}[${index}].label`, name(`${field}[${index}].label`, label), BOUNDS.labelKeyLength),
    value: text(`${field}[${index}].value`, value, BOUNDS.labelValueLength),
    ...amountsFromWire(`${field}[${index}].amounts`, amounts),
  }));
}

function amountsFromWire(field: string, given: wire.ResourceAmounts | undefined): ResourceAmounts {
  const { cpuMilli, memoryBytes, pods, gpus } = present(field, given);
  return {
    cpuMilli: amount(`${field}.cpuMilli`, cpuMilli), memoryBytes: amount(`${field}.memoryBytes`, memoryBytes), pods: amount(`${field}.pods`, pods),
    gpus: Object.fromEntries(list(`${field}.gpus`, Object.entries(gpus), BOUNDS.gpuResources).map(([resource, count]) => {
      const known = text(`${field}.gpus`, name(`${field}.gpus`, resource), BOUNDS.capabilityLength);
      return [known, amount(`${field}.gpus[${JSON.stringify(known)}]`, count)];
    })),
  };
}

const amount = (field: string, value: number): number => wholeNumber(field, value, 0, Number.MAX_SAFE_INTEGER);
