/** What `kubectl get pods` shows (`printPod` of Kubernetes' `pkg/printers/internalversion`). */
import { humanAge } from '../documents/duration.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { AGE, type TableColumn } from '../kinds.ts';
import { about, column, orNone, wide } from './columns.ts';

const listAt = (object: JsonObject, key: string): readonly JsonObject[] => {
  const list = member(object, key);
  return Array.isArray(list) ? list.filter(isObject) : [];
};
const statusOf = (pod: JsonObject): JsonObject => objectAt(pod, 'status');
const specOf = (pod: JsonObject): JsonObject => objectAt(pod, 'spec');
const isSidecar = (container: JsonObject | undefined): boolean => container?.['restartPolicy'] === 'Always';
const stateOf = (status: JsonObject, which: 'waiting' | 'terminated'): JsonObject | undefined => {
  const state = objectAt(status, 'state')[which];
  return isObject(state) ? state : undefined;
};
const ended = (state: JsonObject): string => textAt(state, 'reason') || (typeof state['signal'] === 'number' && state['signal'] !== 0 ? `Signal:${state['signal']}` : `ExitCode:${String(state['exitCode'])}`);

interface Shown { readonly ready: number; readonly reason: string; readonly restarts: readonly JsonObject[] }

function shown(pod: JsonObject): Shown {
  const status = statusOf(pod);
  const first = textAt(status, 'reason') || textAt(status, 'phase') || '';
  const sidecars = listAt(status, 'initContainerStatuses').filter((one) => isSidecar(containerOf(pod, one)));
  const readySidecars = sidecars.filter((one) => one['started'] === true && one['ready'] === true).length;
  const starting = startingReason(pod);
  if (starting !== undefined) return { ready: readySidecars, reason: starting, restarts: listAt(status, 'initContainerStatuses') };
  const containers = listAt(status, 'containerStatuses');
  const running = containers.filter((one) => one['ready'] === true && isObject(objectAt(one, 'state')['running']));
  const told = containers.flatMap((one) => {
    const [waiting, terminated] = [stateOf(one, 'waiting'), stateOf(one, 'terminated')];
    return waiting !== undefined && (textAt(waiting, 'reason') ?? '') !== '' ? [textAt(waiting, 'reason')!] : terminated === undefined ? [] : [ended(terminated)];
  });
  const reason = told[0] ?? first;
  const isReady = listAt(status, 'conditions').some((one) => one['type'] === 'Ready' && one['status'] === 'True');
  return { ready: readySidecars + running.length, reason: reason === 'Completed' && running.length > 0 ? (isReady ? 'Running' : 'NotReady') : reason, restarts: [...sidecars, ...containers] };
}

const containerOf = (pod: JsonObject, status: JsonObject): JsonObject | undefined => listAt(specOf(pod), 'initContainers').find((one) => one['name'] === status['name']);

/** undefined: its init containers are through, or nobody says. */
function startingReason(pod: JsonObject): string | undefined {
  const statuses = listAt(statusOf(pod), 'initContainerStatuses');
  for (const [index, one] of statuses.entries()) {
    const [waiting, terminated] = [stateOf(one, 'waiting'), stateOf(one, 'terminated')];
    if (terminated?.['exitCode'] === 0 || (isSidecar(containerOf(pod, one)) && one['started'] === true)) continue;
    if (terminated !== undefined) return `Init:${ended(terminated)}`;
    const reason = waiting === undefined ? undefined : textAt(waiting, 'reason');
    return reason !== undefined && reason !== '' && reason !== 'PodInitializing' ? `Init:${reason}` : `Init:${index}/${listAt(specOf(pod), 'initContainers').length}`;
  }
  return undefined;
}

function restarts(pod: JsonObject, now: number): string {
  const counted = shown(pod).restarts;
  const count = counted.reduce((sum, one) => sum + (typeof one['restartCount'] === 'number' ? one['restartCount'] : 0), 0);
  const times = counted.flatMap((one) => fromRfc3339(textAt(objectAt(objectAt(one, 'lastState'), 'terminated'), 'finishedAt')) ?? []);
  return count === 0 || times.length === 0 ? String(count) : `${count} (${humanAge(now - Math.max(...times))} ago)`;
}

function gates(pod: JsonObject): string {
  const wanted = listAt(specOf(pod), 'readinessGates').map((gate) => textAt(gate, 'conditionType'));
  const met = wanted.filter((type) => listAt(statusOf(pod), 'conditions').some((one) => one['type'] === type && one['status'] === 'True'));
  return wanted.length === 0 ? '<none>' : `${met.length}/${wanted.length}`;
}

export const POD_COLUMNS: readonly TableColumn[] = [
  column('Ready', 'The aggregate readiness state of this pod for accepting traffic.', (pod) => `${shown(pod).ready}/${listAt(specOf(pod), 'containers').length + listAt(specOf(pod), 'initContainers').filter(isSidecar).length}`),
  column('Status', 'The aggregate status of the containers in this pod.', (pod) => shown(pod).reason),
  column('Restarts', 'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.', restarts),
  AGE,
  wide('IP', about('core.v1.PodStatus', 'podIP'), (pod) => orNone(textAt(statusOf(pod), 'podIP'))),
  wide('Node', about('core.v1.PodSpec', 'nodeName'), (pod) => orNone(textAt(specOf(pod), 'nodeName'))),
  wide('Nominated Node', about('core.v1.PodStatus', 'nominatedNodeName'), (pod) => orNone(textAt(statusOf(pod), 'nominatedNodeName'))),
  wide('Readiness Gates', about('core.v1.PodSpec', 'readinessGates'), gates),
];
