/** Kubernetes conditions (api-conventions.md, "Typical status properties"). */
import { type Instant, toRfc3339 } from './instant.ts';

type ConditionStatus = 'True' | 'False' | 'Unknown';

export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  /** CamelCase, for machines. */
  readonly reason: string;
  /** For people: names the object, the field, the value and the way out. */
  readonly message: string;
  /** RFC 3339; moves only when `status` does. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number | undefined;
}

export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

/** The list with one condition set, sorted by type; the same array when nothing changed, so callers can skip the write. */
export function setCondition(conditions: readonly Condition[], update: ConditionUpdate, now: Instant): readonly Condition[] {
  const old = conditions.find((condition) => condition.type === update.type);
  if (
    old !== undefined && old.status === update.status && old.reason === update.reason && old.message === update.message
    && old.observedGeneration === update.observedGeneration
  ) return conditions;
  const lastTransitionTime = old?.status === update.status ? old.lastTransitionTime : toRfc3339(now);
  const rest = conditions.filter((condition) => condition.type !== update.type);
  return [...rest, { ...update, lastTransitionTime }].sort((a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0));
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
