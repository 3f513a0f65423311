/** Open runs as the records have them, read once and kept in memory by the only one that writes them. */
import type { Assignment, JournalEntry } from '../../../mesh/model/history.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import type { RecordStore, RunRecord, RunStepRecord } from '../../../mesh/ports/records.ts';
import type { RunStep } from '../../../mesh/rollout/step.ts';

export interface OpenRun {
  readonly record: RunRecord;
  readonly targets: readonly RunTarget[];
}

export interface RunBook {
  /** undefined: not frozen yet. */
  read(run: string): Promise<OpenRun | undefined>;
  /** As last read; undefined: not read. */
  peek(run: string): OpenRun | undefined;
  /** Durable when it resolves. What was kept of a run whose write failed is not known: it is read again. */
  save(open: OpenRun, step: RunStep, also: Pick<RunStepRecord, 'finishedAt' | 'joinedLater'> & { readonly journal: readonly JournalEntry[] }): Promise<{ readonly open: OpenRun; readonly assignments: readonly Assignment[] }>;
  /** The run has ended, or its rows are to be read again. */
  forget(run: string): void;
}

export function createRunBook(records: Pick<RecordStore, 'getRun' | 'listTargets' | 'saveProgress'>): RunBook {
  const kept = new Map<string, OpenRun>();
  return {
    async read(run) {
      const known = kept.get(run);
      if (known !== undefined) return known;
      const record = await records.getRun(run);
      if (record === undefined) return undefined;
      const open = { record, targets: await records.listTargets(run) };
      kept.set(run, open);
      return open;
    },
    peek: (run) => kept.get(run),
    async save({ record }, step, { finishedAt, joinedLater, journal }) {
      const { run, revision } = record;
      kept.delete(run);
      const progress = { state: step.state, phase: step.phase, finishedAt, joinedLater };
      const assignments = await records.saveProgress({
        ...progress, run, revision, targets: step.changed, journal: [...step.journal, ...journal],
        assignments: step.assign.map(({ cluster, desiredId, stage, at }) => ({ cluster, desiredId, run, stage, assignedAt: at })),
      });
      const generations = new Map(assignments.map(({ cluster, generation }) => [cluster, generation]));
      const targets = step.targets.map((target): RunTarget => {
        const generation = generations.get(target.cluster);
        return generation === undefined ? target : { ...target, generation };
      });
      const open = { record: { ...record, ...progress, revision: revision + 1 }, targets };
      kept.set(run, open);
      return { open, assignments };
    },
    forget(run) { kept.delete(run); },
  };
}
