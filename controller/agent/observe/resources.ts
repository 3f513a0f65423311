/** Sums over nodes and pods, and what there is of either: capacity, allocatable, requests and capabilities. Pure. */
import type { NodeObject, ResourceList } from '../../../mesh/api/resources/core.ts';
import {
  type ClusterResources, type LabelledRequests, MAX_CAPABILITY_VALUES, MAX_GPU_RESOURCES, MAX_LABEL_VALUES, OTHER_VALUES, type ResourceAmounts, WITHOUT_LABEL,
} from '../../../mesh/model/cluster.ts';
import { parseQuantity } from '../../../mesh/model/compare.ts';
import { matchesGlob } from '../../../mesh/model/glob.ts';
import { compareText } from '../../../mesh/model/order.ts';

/** What is kept of a pod that holds resources. `gpus` are those that the globs of GPU resources match. */
export interface PodShare {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly gpus: Readonly<Record<string, number>>;
}

/** Rounded up, as `MilliValue` and `Value` of a Kubernetes quantity; a hair below the next number is that number, for sums are of binary fractions. */
const wholeUp = (value: number): number => Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(Number(value.toPrecision(15))));

/** Lists of nodes carry many resources; what counts here is processors, memory and what the globs say are GPUs. */
export function amountsOf(resources: Iterable<readonly [string, number]>, isGpu: (name: string) => boolean): Omit<ResourceAmounts, 'pods'> & { readonly pods: number } {
  const all = new Map(resources);
  return {
    cpuMilli: wholeUp((all.get('cpu') ?? 0) * 1000), memoryBytes: wholeUp(all.get('memory') ?? 0), pods: wholeUp(all.get('pods') ?? 0),
    gpus: Object.fromEntries([...all].filter(([name, amount]) => amount > 0 && isGpu(name)).sort(([a], [b]) => compareText(a, b)).slice(0, MAX_GPU_RESOURCES).map(([name, amount]) => [name, wholeUp(amount)])),
  };
}

export const gpuTest = (globs: readonly string[]) => (resource: string): boolean => isExtended(resource) && globs.some((glob) => matchesGlob(glob, resource));

/** Kubernetes' `IsExtendedResourceName`: with a domain that is not its own. */
const isExtended = (name: string): boolean => name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name) && !name.startsWith('requests.');

/** undefined: a node has not said what it has. Without nodes there is nothing, and that is known. */
export function nodeResources(nodes: readonly NodeObject[], isGpu: (name: string) => boolean): Pick<ClusterResources, 'capacity' | 'allocatable'> | undefined {
  const given = nodes.map(({ status }) => ({ capacity: status?.capacity, allocatable: status?.allocatable ?? status?.capacity }));
  if (given.some(({ capacity }) => capacity === undefined)) return undefined;
  const sum = (lists: readonly (ResourceList | undefined)[]): ResourceAmounts => {
    const total = new Map<string, number>();
    for (const list of lists) for (const [name, text] of Object.entries(list ?? {})) total.set(name, (total.get(name) ?? 0) + (parseQuantity(String(text)) ?? 0));
    return amountsOf(total, isGpu);
  };
  return { capacity: sum(given.map(({ capacity }) => capacity)), allocatable: sum(given.map(({ allocatable }) => allocatable)) };
}

/** Each kind sorted; a kind with nothing in it is known to have nothing. `storageClasses` undefined: unknown. */
export function capabilitiesOf(nodes: readonly NodeObject[], storageClasses: readonly string[] | undefined, isGpu: (name: string) => boolean): Record<string, readonly string[]> {
  const distinct = (of: (node: NodeObject) => readonly (string | undefined)[]): string[] =>
    [...new Set(nodes.flatMap(of))].filter((value) => value !== undefined && value !== '').sort().slice(0, MAX_CAPABILITY_VALUES) as string[];
  const extended = ({ status }: NodeObject): string[] => Object.entries(status?.capacity ?? {}).flatMap(([name, text]) => (isExtended(name) && (parseQuantity(String(text)) ?? 0) > 0 ? [name] : []));
  return {
    architecture: distinct(({ metadata, status }) => [status?.nodeInfo?.architecture ?? metadata.labels?.['kubernetes.io/arch']]),
    'extended-resource': distinct(extended),
    gpu: distinct((node) => extended(node).filter(isGpu)),
    'kubelet-version': distinct(({ status }) => [status?.nodeInfo?.kubeletVersion]),
    'operating-system': distinct(({ metadata, status }) => [status?.nodeInfo?.operatingSystem ?? metadata.labels?.['kubernetes.io/os']]),
    region: distinct(({ metadata }) => [metadata.labels?.['topology.kubernetes.io/region']]),
    ...(storageClasses === undefined ? {} : { 'storage-class': [...storageClasses].sort().slice(0, MAX_CAPABILITY_VALUES) }),
    zone: distinct(({ metadata }) => [metadata.labels?.['topology.kubernetes.io/zone']]),
  };
}

class Sum {
  cpuMilli = 0;
  memoryBytes = 0;
  pods = 0;
  readonly gpus = new Map<string, number>();

  add({ cpuMilli, memoryBytes, gpus }: Omit<PodShare, 'namespace' | 'labels'>, pods = 1): void {
    this.cpuMilli += cpuMilli;
    this.memoryBytes += memoryBytes;
    this.pods += pods;
    for (const name in gpus) this.gpus.set(name, (this.gpus.get(name) ?? 0) + (gpus[name] ?? 0));
  }

  value(): ResourceAmounts {
    const gpus = Object.fromEntries([...this.gpus].sort(([a], [b]) => compareText(a, b)).slice(0, MAX_GPU_RESOURCES));
    return { cpuMilli: this.cpuMilli, memoryBytes: this.memoryBytes, pods: this.pods, gpus };
  }
}

/** `labels`: keys to group by. A pod's own label counts before its namespace's. */
export function requestsOf(pods: Iterable<PodShare>, namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined, labels: readonly string[]): { readonly requested: ResourceAmounts; readonly requestedBy: readonly LabelledRequests[] } {
  const total = new Sum();
  const groups = labels.map((label) => ({ label, sums: new Map<string, Sum>() }));
  for (const pod of pods) {
    total.add(pod);
    for (const { label, sums } of groups) {
      const value = pod.labels[label] || namespaceLabels(pod.namespace)?.[label] || WITHOUT_LABEL;
      const sum = sums.get(value) ?? new Sum();
      sums.set(value, sum);
      sum.add(pod);
    }
  }
  return { requested: total.value(), requestedBy: groups.flatMap(({ label, sums }) => largest(sums).map(([value, amounts]) => ({ label, value, ...amounts }))) };
}

/** The 64 values that ask for most stay by themselves. Sorted by value, what is no value of a label first. */
function largest(sums: ReadonlyMap<string, Sum>): (readonly [string, ResourceAmounts])[] {
  const bySize = [...sums].filter(([value]) => value !== WITHOUT_LABEL)
    .sort(([a, x], [b, y]) => y.cpuMilli - x.cpuMilli || y.memoryBytes - x.memoryBytes || y.pods - x.pods || compareText(a, b));
  const kept = bySize.slice(0, MAX_LABEL_VALUES);
  const without = sums.get(WITHOUT_LABEL);
  if (without !== undefined) kept.push([WITHOUT_LABEL, without]);
  if (bySize.length > MAX_LABEL_VALUES) {
    const others = new Sum();
    for (const [, sum] of bySize.slice(MAX_LABEL_VALUES)) others.add(sum.value(), sum.pods);
    kept.push([OTHER_VALUES, others]);
  }
  return kept.sort(([a], [b]) => compareText(a, b)).map(([value, sum]) => [value, sum.value()]);
}

/** Whether the hub should hear of it: anything of what there is, and of what is asked for 1 % of what can be given. */
export function matters(before: Measured | undefined, after: Measured): boolean {
  if (before === undefined) return true;
  const [old, fresh] = [before.resources, after.resources];
  if (old === undefined || fresh === undefined) return old !== fresh;
  if (!isSame(old.capacity, fresh.capacity) || !isSame(old.allocatable, fresh.allocatable)) return true;
  if (old.requested === undefined || fresh.requested === undefined) return old.requested !== fresh.requested;
  const keyOf = ({ label, value }: LabelledRequests): string => `${label}=${value}`;
  const [oldGroups, freshGroups] = [before, after].map(({ requestedBy = [] }) => new Map(requestedBy.map((group) => [keyOf(group), group])));
  const isFar = (a: ResourceAmounts | undefined, b: ResourceAmounts | undefined): boolean => differsBy(a ?? NOTHING, b ?? NOTHING, fresh.allocatable);
  return isFar(old.requested, fresh.requested) || [...new Set([...oldGroups!.keys(), ...freshGroups!.keys()])].some((key) => isFar(oldGroups!.get(key), freshGroups!.get(key)));
}

export interface Measured {
  readonly resources?: ClusterResources | undefined;
  readonly requestedBy?: readonly LabelledRequests[] | undefined;
}

const NOTHING: ResourceAmounts = { cpuMilli: 0, memoryBytes: 0, pods: 0, gpus: {} };
const HUNDREDTH = 0.01;

function differsBy(a: ResourceAmounts, b: ResourceAmounts, allocatable: ResourceAmounts): boolean {
  const far = (old: number, fresh: number, of: number): boolean => old !== fresh && Math.abs(old - fresh) >= HUNDREDTH * of;
  return far(a.cpuMilli, b.cpuMilli, allocatable.cpuMilli) || far(a.memoryBytes, b.memoryBytes, allocatable.memoryBytes) || far(a.pods, b.pods, allocatable.pods)
    || [...new Set([...Object.keys(a.gpus), ...Object.keys(b.gpus)])].some((name) => far(a.gpus[name] ?? 0, b.gpus[name] ?? 0, allocatable.gpus[name] ?? 0));
}

const isSame = (a: ResourceAmounts, b: ResourceAmounts): boolean =>
  a.cpuMilli === b.cpuMilli && a.memoryBytes === b.memoryBytes && a.pods === b.pods
  && Object.keys(a.gpus).length === Object.keys(b.gpus).length && Object.entries(a.gpus).every(([name, count]) => b.gpus[name] === count);
