/** What the hub believes of each cluster's drift, from what its agent says, the policies and people's decisions. Everything that asks, asks here. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { DriftDecisionObject, DriftPolicyObject } from '../../../mesh/api/resources/drift-policy.ts';
import { isTolerated, judgeDrift } from '../../../mesh/drift/classify.ts';
import { overridesOf } from '../../../mesh/drift/decisions.ts';
import type { AppliedReport, DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import type { DriftDecisionValue, DriftPolicyValue, DriftVerdict } from '../../../mesh/model/drift.ts';
import type { StatusDrift } from '../../../mesh/model/cluster-status.ts';
import { frozenAt, thawsAt } from '../../../mesh/model/frozen.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Fleet } from '../gateway/fleet.ts';
import { clusterView, driftDecisionValues, driftPolicyValues } from '../views.ts';

export interface JudgeParts {
  readonly clock: Clock;
  readonly fleet: Pick<Fleet, 'value'>;
  readonly clusters: Cache<ClusterObject>;
  readonly policies: Cache<DriftPolicyObject>;
  readonly decisions: Cache<DriftDecisionObject>;
}

export interface DriftJudge {
  /** `status` goes before the object's own, where that is known better. */
  verdict(object: ClusterObject, status?: ClusterObject['status']): DriftVerdict;
  /** Why the cluster is to be left alone by runs, for people: frozen, or a change that holds it; null: it is not. */
  held(cluster: string): string | null;
  /** Why the cluster does not get to what it was given though nothing is wrong with that: a change by others that holds it; null: nothing such is known. */
  hinders(cluster: string): string | null;
  /** When a freeze of any cluster ends next; undefined: never. */
  thawsAt(): Instant | undefined;
  /** The agent's word, but where all drift is tolerated, a state that is in place except for it counts as in place. */
  applied(cluster: string): AppliedReport | undefined;
  overrides(): ReadonlyMap<string, readonly DriftOverride[]>;
  policyValues(): readonly DriftPolicyValue[];
  decisionValues(): readonly DriftDecisionValue[];
  /** Called with the clusters that a change of a policy or decision may concern. */
  subscribe(listener: (cluster: string) => void): void;
}

const fromStatus = ({ firstSeen, changedAt, actor, reason, object, path, expected, actual, manager }: StatusDrift): DriftEntry => {
  const changed = fromRfc3339(changedAt);
  return {
    object, path, expected, actual, manager, firstSeen: fromRfc3339(firstSeen) ?? 0,
    ...(actor === undefined ? {} : { actor }), ...(changed === undefined ? {} : { changedAt: changed }), ...(reason === undefined ? {} : { reason }),
  };
};

/** Each costs an evaluation of each rule: an agent that tells of more is believed that there are more. */
const MOST_JUDGED = 32;

/** What a verdict follows from, beside the Cluster object and the time. */
interface Given {
  readonly status: ClusterObject['status'];
  readonly applied: AppliedReport | undefined;
  readonly policies: readonly DriftPolicyValue[];
  readonly decisions: readonly DriftDecisionValue[];
}

const NO_DRIFT: DriftVerdict = { entries: [], omitted: 0, problems: [], held: null, alert: null, wakeAt: null };

export function createDriftJudge({ clock, fleet, clusters, policies, decisions }: JudgeParts): DriftJudge {
  const judged = new WeakMap<ClusterObject, { readonly given: Given; readonly at: Instant; readonly verdict: DriftVerdict }>();
  let knownPolicies: readonly DriftPolicyValue[] | undefined;
  let knownDecisions: readonly DriftDecisionValue[] | undefined;
  const listeners: ((cluster: string) => void)[] = [];
  const tellAll = (): void => { for (const { metadata } of clusters.list()) for (const listener of listeners) listener(metadata.name); };
  policies.subscribe(() => { knownPolicies = undefined; tellAll(); });
  decisions.subscribe(({ object }) => { knownDecisions = undefined; for (const listener of listeners) listener(object.spec?.cluster ?? ''); });

  const policyValues = (): readonly DriftPolicyValue[] => (knownPolicies ??= driftPolicyValues(policies.list()));
  const decisionValues = (): readonly DriftDecisionValue[] => (knownDecisions ??= driftDecisionValues(decisions.list()));

  /** What was seen earlier stays seen then: an agent that lost its memory must not make a hold longer. */
  function entriesOf(cluster: string, status: ClusterObject['status']): { readonly entries: readonly DriftEntry[]; readonly omitted: number } {
    const before = ((status?.drift ?? []) as readonly StatusDrift[]).map(fromStatus);
    const applied = fleet.value(cluster, 'AppliedReport', cluster)?.value;
    if (applied === undefined) return { entries: before, omitted: status?.driftOmitted ?? 0 };
    const entries = applied.drift.map((entry) => {
      const earlier = before.find(({ object, path }) => object === entry.object && path === entry.path)?.firstSeen;
      return earlier === undefined || earlier >= entry.firstSeen ? entry : { ...entry, firstSeen: earlier };
    });
    return { entries: entries.slice(0, MOST_JUDGED), omitted: (applied.driftOmitted ?? 0) + Math.max(0, entries.length - MOST_JUDGED) };
  }

  function verdict(object: ClusterObject, status: ClusterObject['status'] = object.status): DriftVerdict {
    const { name } = object.metadata;
    const now = clock.now();
    const given: Given = { status, applied: fleet.value(name, 'AppliedReport', name)?.value, policies: policyValues(), decisions: decisionValues() };
    const known = judged.get(object);
    // Time alone changes nothing before `wakeAt`.
    if (known !== undefined && (Object.keys(given) as (keyof Given)[]).every((key) => known.given[key] === given[key]) && known.at <= now && now < (known.verdict.wakeAt ?? Number.POSITIVE_INFINITY)) return known.verdict;
    const found = entriesOf(name, status);
    const fresh = found.entries.length === 0 && found.omitted === 0 ? NO_DRIFT
      : judgeDrift({ cluster: clusterView(object, undefined), ...found, policies: given.policies, decisions: given.decisions, now });
    judged.set(object, { given, at: now, verdict: fresh });
    return fresh;
  }

  return {
    verdict, policyValues, decisionValues,
    held(cluster) {
      const object = clusters.get({ name: cluster });
      if (object === undefined) return null;
      const frozen = frozenAt(object.spec?.frozen, clock.now());
      if (frozen !== undefined) return `frozen${frozen.until === undefined ? '' : ` until ${frozen.until}`}: ${frozen.reason}`;
      return verdict(object).held;
    },
    hinders(cluster) {
      const applied = fleet.value(cluster, 'AppliedReport', cluster)?.value;
      const object = clusters.get({ name: cluster });
      return applied === undefined || applied.healthy || applied.drift.length === 0 || object === undefined ? null : verdict(object).held;
    },
    thawsAt() {
      const now = clock.now();
      const ends = clusters.list().flatMap(({ spec }) => thawsAt(spec?.frozen, now) ?? []);
      return ends.length === 0 ? undefined : Math.min(...ends);
    },
    applied(cluster) {
      const applied = fleet.value(cluster, 'AppliedReport', cluster)?.value;
      const object = clusters.get({ name: cluster });
      if (applied?.inPlaceButDrift === undefined || object === undefined || !isTolerated(verdict(object))) return applied;
      return { ...applied, id: applied.inPlaceButDrift, healthy: true, message: '' };
    },
    overrides: () => overridesOf(decisionValues()),
    subscribe(listener) { listeners.push(listener); },
  };
}
