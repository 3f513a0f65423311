/** DriftPolicy and DriftDecision → their conditions, and the end of decisions that are over; a cluster's alert → a Kubernetes Event and a metric. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Event, type EventObject } from '../../../mesh/api/resources/core.ts';
import type { DriftDecisionObject, DriftPolicyObject } from '../../../mesh/api/resources/drift-policy.ts';
import { apiVersionOf, Cluster, DriftDecision, DriftPolicy } from '../../../mesh/api/resources/index.ts';
import { setCondition } from '../../../mesh/model/condition.ts';
import { DRIFT_CLASSES, type DriftVerdict } from '../../../mesh/model/drift.ts';
import { fromRfc3339, type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { conditionsOf } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import { effect, isFinished, validity } from './conditions.ts';
import type { DriftJudge } from './judge.ts';

const ALL = 'drift';
/** Where Kubernetes keeps events of objects without a namespace. */
const EVENT_NAMESPACE = 'default';
/** A cluster's alerts follow each other no faster: an agent that changes its story must not fill the API server with Events. */
const QUIET_MILLISECONDS = 60_000;
/** One look at all is enough for a whole fleet that changes. */
const PAUSE_MILLISECONDS = 500;
const LONGEST_NOTE = 1000;
/** Of decisions that are over and do not say themselves how long. */
const DECISION_KEPT_SECONDS = 7 * 24 * 3600;
/** Beyond it all are forgotten, and what is told again is there already. */
const MOST_TOLD = 4096;

export interface DriftParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'digest'>;
  readonly judge: DriftJudge;
  readonly clusters: Cache<ClusterObject>;
  readonly policies: Cache<DriftPolicyObject>;
  readonly decisions: Cache<DriftDecisionObject>;
}

export function createDrift({ ports, judge, clusters, policies, decisions }: DriftParts): Loop {
  const { clock, kubernetes, metrics, digest } = ports;
  const drifted = metrics.gauge('isthmus_hub_drift', 'Changes by others to what Isthmus manages, by class.', ['class']);
  const heldClusters = metrics.gauge('isthmus_hub_drift_held_clusters', 'Clusters that stay out of update runs because of a change by others.');
  const alerts = metrics.gauge('isthmus_hub_drift_alerts', 'Clusters with drift that a person must look at, by reason.', ['reason']);
  const told = new Set<string>();
  const toldAt = new Map<string, Instant>();
  let restsUntil = Number.NEGATIVE_INFINITY;

  function measure(verdicts: ReadonlyMap<string, DriftVerdict>): void {
    const all = [...verdicts.values()];
    for (const one of DRIFT_CLASSES) drifted.set({ class: one }, all.flatMap(({ entries }) => entries.filter((entry) => entry.class === one)).length);
    heldClusters.set({}, all.filter(({ held }) => held !== null).length);
    for (const reason of ['DangerousDrift', 'HoldExpired', 'Contended'] as const) alerts.set({ reason }, all.filter(({ alert }) => alert?.reason === reason).length);
  }

  /** One Event for one alert, whoever restarts: its name follows from what it says, and one that is there already is left. */
  async function tell(cluster: ClusterObject, { reason, message }: NonNullable<DriftVerdict['alert']>, signal: CancelSignal): Promise<Instant | undefined> {
    const { name, uid = '' } = cluster.metadata;
    const eventName = `${name}.${digest(`${uid} ${reason} ${message}`).slice(0, 16)}`;
    if (told.has(eventName)) return undefined;
    const quietUntil = (toldAt.get(name) ?? Number.NEGATIVE_INFINITY) + QUIET_MILLISECONDS;
    if (clock.now() < quietUntil) return quietUntil;
    const now = toRfc3339(clock.now());
    const event: EventObject = {
      apiVersion: 'v1', kind: 'Event', metadata: { namespace: EVENT_NAMESPACE, name: eventName },
      involvedObject: { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', name, uid }, type: 'Warning', reason, message: message.slice(0, LONGEST_NOTE),
      source: { component: HUB_FIELD_MANAGER }, reportingComponent: HUB_FIELD_MANAGER, firstTimestamp: now, lastTimestamp: now, count: 1,
    };
    await kubernetes.create(Event, event, { fieldManager: HUB_FIELD_MANAGER }, signal).catch((error: unknown) => {
      if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
    });
    if (told.size >= MOST_TOLD) told.clear();
    told.add(eventName);
    toldAt.set(name, clock.now());
    return undefined;
  }

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    if (clock.now() < restsUntil) return { requeueAt: restsUntil };
    restsUntil = clock.now() + PAUSE_MILLISECONDS;
    const verdicts = new Map(clusters.list().map((object) => [object.metadata.name, judge.verdict(object)]));
    measure(verdicts);
    const policyValues = new Map(judge.policyValues().map((value) => [value.name, value]));
    for (const object of policies.list()) {
      const failing = [...verdicts.values()].flatMap(({ problems }) => problems.filter(({ policy }) => policy === object.metadata.name).map(({ message }) => message));
      const { generation = 0 } = object.metadata;
      const conditions = setCondition(conditionsOf(object), validity(policyValues.get(object.metadata.name), failing, generation), clock.now());
      await writeStatus(kubernetes, DriftPolicy, object, { observedGeneration: generation, conditions: [...conditions] }, signal);
    }
    const decisionValues = new Map(judge.decisionValues().map((value) => [value.name, value]));
    const wakes = [...verdicts.values()].flatMap(({ wakeAt }) => wakeAt ?? []);
    for (const object of decisions.list()) {
      const value = decisionValues.get(object.metadata.name);
      if (value === undefined) continue;
      const { name, generation = 0, uid } = object.metadata;
      const update = effect(value, verdicts.get(value.cluster), generation);
      const finishedAt = isFinished(value, update) ? fromRfc3339(object.status?.finishedAt) ?? clock.now() : undefined;
      const goesAt = finishedAt === undefined ? Number.POSITIVE_INFINITY : finishedAt + (object.spec.ttlSecondsAfterFinished ?? DECISION_KEPT_SECONDS) * 1000;
      if (clock.now() >= goesAt) {
        await kubernetes.delete(DriftDecision, { name }, uid === undefined ? {} : { uid }, signal);
        continue;
      }
      if (goesAt !== Number.POSITIVE_INFINITY) wakes.push(goesAt);
      const conditions = setCondition(conditionsOf(object), update, clock.now());
      await writeStatus(kubernetes, DriftDecision, object, { observedGeneration: generation, conditions: [...conditions], ...(finishedAt === undefined ? {} : { finishedAt: toRfc3339(finishedAt) }) }, signal);
    }
    for (const object of clusters.list()) {
      const alert = verdicts.get(object.metadata.name)?.alert ?? null;
      const again = alert === null ? undefined : await tell(object, alert, signal);
      if (again !== undefined) wakes.push(again);
    }
    for (const name of toldAt.keys()) if (!verdicts.has(name)) toldAt.delete(name);
    return wakes.length === 0 ? {} : { requeueAt: Math.min(...wakes) };
  }

  const loop = createLoop({ name: 'drift', reconcile, ...ports });
  for (const cache of [clusters, policies, decisions]) cache.subscribe(() => loop.add(ALL));
  return loop;
}
