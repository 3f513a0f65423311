/** What is told of one run: as much as fits into an answer, and of the rest how many there are. Pure. */
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { JournalEntry } from '../../../mesh/model/history.ts';
import type { RunTarget, StrategyValue, TargetPhase } from '../../../mesh/model/rollout.ts';
import type { RunRecord } from '../../../mesh/ports/records.ts';
import { stageNames } from '../../../mesh/rollout/targets.ts';

const MOST_ROW_CHARACTERS = 500_000;
const MOST_JOURNAL_CHARACTERS = 200_000;
const MOST_STATE_CHARACTERS = 100_000;

/** What people look for comes first. */
const INTEREST: readonly TargetPhase[] = ['Failed', 'RollbackFailed', 'RollingBack', 'Assigned', 'Soaking', 'Pending', 'RolledBack', 'Skipped', 'Done'];

/** As many as fit, in the order given. */
function fitting<T>(values: readonly T[], most: number): readonly T[] {
  let left = most;
  const end = values.findIndex((value) => (left -= JSON.stringify(value).length) < 0);
  return end < 0 ? values : values.slice(0, end);
}

function rowsOf(targets: readonly RunTarget[]): readonly RunTarget[] {
  const fits = fitting(targets, MOST_ROW_CHARACTERS);
  if (fits.length === targets.length) return targets;
  const chosen = new Set(fitting([...targets].sort((a, b) => INTEREST.indexOf(a.phase) - INTEREST.indexOf(b.phase)), MOST_ROW_CHARACTERS));
  return targets.filter((target) => chosen.has(target));
}

export function runAnswer(record: RunRecord | undefined, strategy: StrategyValue | undefined, targets: readonly RunTarget[], journal: readonly JournalEntry[]): RunAnswer {
  const stages = strategy === undefined ? [] : stageNames(strategy);
  const rows = rowsOf(targets);
  const tally = stages.map((): Partial<Record<TargetPhase, number>> => ({}));
  for (const { stage, phase } of targets) {
    const counts = tally[stage];
    if (counts !== undefined) counts[phase] = (counts[phase] ?? 0) + 1;
  }
  return {
    targets: rows, journal: fitting(journal, MOST_JOURNAL_CHARACTERS), stages, targetsOmitted: targets.length - rows.length, tally,
    frozen: record === undefined ? null : frozenOf(record, strategy),
  };
}

function frozenOf({ run: _run, uid: _uid, revision: _revision, state, strategy: _strategy, ...told }: RunRecord, strategy: StrategyValue | undefined): RunAnswer['frozen'] {
  return { ...told, strategy: strategy ?? null, state: JSON.stringify(state).length <= MOST_STATE_CHARACTERS ? state : null };
}
