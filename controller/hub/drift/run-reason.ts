/** Who asked for a run and why, where it brings people's decisions on drift. Pure. */
import type { DesiredState } from '../../../mesh/model/desired.ts';
import type { DriftDecisionValue } from '../../../mesh/model/drift.ts';

export interface RunReason {
  /** Only of one person, where the run brings nothing else. */
  readonly requestedBy?: string;
  readonly reason?: string;
}

/** Contents are canonical texts of desired states; `before` null: nothing was assigned. */
export function decidedReason(changes: readonly { readonly before: string | null; readonly after: string }[], decisions: readonly DriftDecisionValue[]): RunReason {
  const stateOf = (content: string | null): Partial<DesiredState> => (content === null ? {} : JSON.parse(content) as DesiredState);
  const namesOf = (state: Partial<DesiredState>): readonly string[] => (state.overrides ?? []).map(({ decision }) => decision);
  const brought: DriftDecisionValue[] = [];
  let alone = changes.length > 0;
  for (const { before, after } of changes) {
    const known = namesOf(stateOf(before));
    const fresh = [...new Set(namesOf(stateOf(after)))].filter((name) => !known.includes(name));
    brought.push(...decisions.filter(({ name }) => fresh.includes(name)));
    if (fresh.length === 0) alone = false;
  }
  if (brought.length === 0) return {};
  const people = [...new Set(brought.map(({ requestedBy }) => requestedBy))];
  const reason = brought.map((one) => `drift ${one.action} in ${one.cluster} by ${one.requestedBy}: ${one.reason}`).join('; ');
  const [person] = people;
  return { reason, ...(alone && people.length === 1 && person !== undefined ? { requestedBy: person } : {}) };
}
