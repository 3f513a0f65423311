/** Drift as `Cluster.status` shows it, and the condition InSync that follows from it. */
import type { ClusterStatusValue, StatusDrift } from '../model/cluster-status.ts';
import type { ConditionUpdate } from '../model/condition.ts';
import type { DriftEntry } from '../model/desired.ts';
import type { ClassifiedDrift } from '../model/drift.ts';
import { toRfc3339 } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import type { ClusterFacts } from './facts.ts';

const MAX_DRIFT = 32;

export function foldDrift(facts: ClusterFacts, previous: ClusterStatusValue): Pick<ClusterStatusValue, 'drift' | 'driftOmitted'> {
  const entries: readonly (DriftEntry & Partial<ClassifiedDrift>)[] | undefined = facts.drift?.entries ?? facts.applied?.drift;
  // Not heard yet, and none believed before: there is nothing to show, not even that there is none.
  if (entries === undefined || (facts.applied === null && previous.drift === undefined)) return { drift: previous.drift, driftOmitted: previous.driftOmitted };
  const sorted = [...entries].sort((a, b) => compareText(a.object, b.object) || compareText(a.path, b.path));
  const omitted = (facts.drift?.omitted ?? facts.applied?.driftOmitted ?? 0) + Math.max(0, sorted.length - MAX_DRIFT);
  return { drift: sorted.slice(0, MAX_DRIFT).map(statusOf), driftOmitted: omitted === 0 ? undefined : omitted };
}

function statusOf(entry: DriftEntry & Partial<ClassifiedDrift>): StatusDrift {
  const { object, path, expected, actual, manager, firstSeen, actor, changedAt, reason, heldUntil, decision } = entry;
  return {
    object, path, expected, actual, manager, firstSeen: toRfc3339(firstSeen),
    ...(actor === undefined ? {} : { actor }),
    ...(changedAt === undefined ? {} : { changedAt: toRfc3339(changedAt) }),
    ...(reason === undefined || reason === 'Changed' ? {} : { reason }),
    ...(entry.class === undefined ? {} : { class: entry.class }),
    ...(heldUntil === undefined || heldUntil === null ? {} : { heldUntil: toRfc3339(heldUntil) }),
    ...(decision === undefined || decision === null ? {} : { decision }),
  };
}

/** Reasons where False: `HoldExpired|Contended|DangerousDrift`, which people are told aloud, `Held`, `Decided` (a run brings it), `Drift`. */
export function inSync(facts: ClusterFacts, status: ClusterStatusValue, earlier: ConditionUpdate | undefined): ConditionUpdate {
  const condition = (value: 'True' | 'False', reason: string, message: string): ConditionUpdate => ({ type: 'InSync', status: value, reason, message });
  const drift = status.drift ?? [];
  const [first] = drift;
  const count = drift.length + (status.driftOmitted ?? 0);
  if (first !== undefined) {
    const verdict = facts.drift;
    const more = count > 1 ? `, and ${count - 1} more` : '';
    const contended = drift.find(({ reason }) => reason === 'Contended');
    if (verdict?.alert != null) return condition('False', verdict.alert.reason, verdict.alert.message);
    if (contended !== undefined) return condition('False', 'Contended', `${contended.object} is written again and again by ${contended.actor ?? contended.manager} (field manager ${contended.manager}), against us; we wait longer and longer between writes. Turn that controller off for this object`);
    if (verdict?.held != null) return condition('False', 'Held', verdict.held);
    const undecided = verdict?.entries.find(({ decision, action }) => decision === null && action !== 'ignore');
    const decided = verdict?.entries.find(({ decision }) => decision !== null);
    if (verdict !== undefined && decided !== undefined && undecided === undefined) return condition('False', 'Decided', `${decided.object}${decided.path === '' ? '' : ` ${decided.path}`}: DriftDecision ${decided.decision ?? ''} says what becomes of it; a run brings it${more}`);
    if (verdict !== undefined && undecided === undefined && count === drift.length) return condition('True', 'Tolerated', `${count} changes by others are acceptable to the drift policy`);
    const who = first.actor ?? first.manager;
    return condition('False', 'Drift', `${first.object}${first.path === '' ? '' : ` ${first.path}`} was changed by ${who}${more}; set it back, or annotate the object isthmus.dev/drift=revert`);
  }
  if (facts.applied === null) return earlier ?? { type: 'InSync', status: 'Unknown', reason: 'NotReported', message: 'its agent has not reported what it applied' };
  return condition('True', 'InSync', 'what the agent wrote is unchanged');
}
