/** What each cluster was told to have. The records hold the truth; this is its copy in memory and the only way by which a DesiredRevision reaches an agent. */
import type { Assignment } from '../../../mesh/model/history.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import type { Publishers } from '../gateway/publishers.ts';

export interface Assignments {
  get(cluster: string): Assignment | undefined;
  /** Sorted by cluster. */
  list(): readonly Assignment[];
  /** Reads the records and tells every agent what it has been assigned; before the gateway opens. */
  load(): Promise<void>;
  /** Takes assignments that ARE durable into use and tells the agents. */
  accept(assignments: readonly Assignment[]): Promise<void>;
  /** The cluster left the fleet: one that joins under its name later begins with nothing. */
  forget(cluster: string): void;
  subscribe(listener: (cluster: string) => void): void;
}

/** `isOf`: whether an assignment was made to the cluster that has its name today. */
export function createAssignments(records: RecordStore, publishers: Publishers, isOf: (assignment: Assignment) => boolean): Assignments {
  const byCluster = new Map<string, Assignment>();
  const listeners: ((cluster: string) => void)[] = [];

  async function accept(assignments: readonly Assignment[]): Promise<void> {
    for (const assignment of assignments) {
      const revision = await records.getRevision(assignment.desiredId);
      if (revision === undefined) throw new AdvisedError('user', `cluster "${assignment.cluster}": its assigned revision ${assignment.desiredId} is not in the records; were they restored from an older backup?`);
      byCluster.set(assignment.cluster, assignment);
      publishers.tell(assignment.cluster, 'DesiredRevision', assignment.cluster, revision);
      for (const listener of listeners) listener(assignment.cluster);
    }
  }

  return {
    get: (cluster) => byCluster.get(cluster),
    list: () => [...byCluster.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1)),
    load: async () => accept((await records.listAssignments()).filter(isOf)),
    accept,
    forget(cluster) {
      byCluster.delete(cluster);
      publishers.untell(cluster, 'DesiredRevision', cluster);
    },
    subscribe(listener) { listeners.push(listener); },
  };
}
