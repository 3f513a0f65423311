/** No cluster is given the same twice in one run (a way back is another), or done twice, whoever was killed between. */
import type { Assignment, JournalEntry } from '../../../mesh/model/history.ts';
import type { Invariant } from './invariant.ts';

interface Seen {
  readonly assignments: readonly Pick<Assignment, 'run' | 'cluster' | 'desiredId'>[];
  /** A cluster that turns unhealthy while it soaks is journalled as Assigned again, without being assigned again: only ends count here. */
  readonly journal: readonly Pick<JournalEntry, 'run' | 'cluster' | 'event'>[];
}

const ENDS: readonly JournalEntry['event'][] = ['Created', 'Done', 'Failed', 'Skipped', 'RolledBack', 'RollbackFailed', 'Stopped', 'Completed', 'CompletedWithFailures'];

export const assignedOnce: Invariant<Seen> = {
  name: 'assigned once',
  capture: ({ assignments, journal }) => ({ assignments, journal }),
  assert({ assignments, journal }) {
    const seen = new Set<string>();
    const rows = [
      ...assignments.map(({ run, cluster, desiredId }) => `${cluster} is assigned ${desiredId} by ${run}`),
      ...journal.filter(({ event }) => ENDS.includes(event)).map(({ run, cluster, event }) => `${event} ${cluster} in ${run}`),
    ];
    for (const row of rows) {
      if (seen.has(row)) return `twice: ${row}`;
      seen.add(row);
    }
    return undefined;
  },
  print: ({ assignments, journal }) => [...assignments.map(({ run, cluster }) => `${run} assigns ${cluster}`), ...journal.map(({ run, cluster, event }) => `${run} ${event} ${cluster}`)].join('\n'),
};
