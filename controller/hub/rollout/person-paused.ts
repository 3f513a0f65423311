/** A person's pause stands in the UpdateRun alone: when it came and went, and by whom, the journal tells. Pure. */
import type { JournalEntry } from '../../../mesh/model/history.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { RunState } from '../../../mesh/model/rollout.ts';
import type { RunSpec } from './intent-world.ts';

export function heardPause(run: string, state: RunState, { pause = false, pausedBy }: Pick<RunSpec, 'pause' | 'pausedBy'>, now: Instant): { readonly state: RunState; readonly journal: readonly JournalEntry[] } {
  const { personPaused, ...rest } = state;
  if (pause === (personPaused !== undefined) || state.finished !== undefined) return { state, journal: [] };
  const by = pausedBy ?? 'a person';
  const entry = (event: JournalEntry['event'], message: string): readonly JournalEntry[] => [{ run, at: now, cluster: '', event, message }];
  if (pause) return { state: { ...rest, personPaused: { at: now, ...(pausedBy === undefined ? {} : { by: pausedBy }) } }, journal: entry('Paused', `paused by ${by}`) };
  return { state: rest, journal: entry('Resumed', `${by} took back the pause of ${personPaused?.by ?? 'a person'}`) };
}
