/** What one pod asks for, by Kubernetes' own rule: `PodRequests` with status resources (component-helpers `resource/helpers.go`). Pure. */
import type { ContainerFields, PodObject, ResourceList } from '../../../mesh/api/resources/core.ts';
import { parseQuantity } from '../../../mesh/model/compare.ts';

/** In base units: cores, bytes, pieces. */
export type Requests = ReadonlyMap<string, number>;

/** Of the whole pod, where its spec has requests of its own (KEP-2837). */
const POD_LEVEL = /^(cpu|memory|hugepages-.*)$/;

/** Still holds what it asked for: bound to a node and not ended. */
export const holdsResources = ({ spec, status }: PodObject): boolean => (spec?.nodeName ?? '') !== '' && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

export function podRequests(pod: PodObject): Requests {
  const { containers = [], initContainers = [], overhead, resources } = pod.spec ?? {};
  const total = new Map<string, number>();
  const sidecars = new Map<string, number>();
  const starting = new Map<string, number>();
  for (const container of containers) addTo(total, containerRequests(pod, container));
  // Init containers run one after another, each beside the sidecars that were started before it, and all before the containers.
  for (const container of initContainers) {
    const sidecar = container.restartPolicy === 'Always';
    const own = sidecar ? containerRequests(pod, container) : read(container.resources?.requests);
    const together = new Map(sidecars);
    addTo(together, own);
    if (sidecar) {
      addTo(total, own);
      addTo(sidecars, own);
    }
    raiseTo(starting, together);
  }
  raiseTo(total, starting);
  for (const [name, amount] of read(resources?.requests)) if (POD_LEVEL.test(name)) total.set(name, amount);
  addTo(total, read(overhead));
  return total;
}

/** While a container is resized it counts with the larger of what it has and what it wants, unless its node has said that it will never fit (KEP-1287). */
function containerRequests({ status }: PodObject, { name, resources }: ContainerFields): Requests {
  const wanted = read(resources?.requests);
  const running = [...status?.containerStatuses ?? [], ...status?.initContainerStatuses ?? []].find((one) => one.name === name);
  if (running?.resources?.requests === undefined && running?.allocatedResources === undefined) return wanted;
  const infeasible = status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') ?? false;
  const counted = new Map(infeasible ? [] : wanted);
  raiseTo(counted, read(running.resources?.requests));
  raiseTo(counted, read(running.allocatedResources));
  return counted;
}

function read(list: ResourceList | undefined): Requests {
  const read = new Map<string, number>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const amount = parseQuantity(String(text));
    if (amount !== undefined && amount > 0) read.set(name, amount);
  }
  return read;
}

function addTo(sum: Map<string, number>, more: Requests): void {
  for (const [name, amount] of more) sum.set(name, (sum.get(name) ?? 0) + amount);
}

function raiseTo(sum: Map<string, number>, least: Requests): void {
  for (const [name, amount] of least) sum.set(name, Math.max(sum.get(name) ?? 0, amount));
}
