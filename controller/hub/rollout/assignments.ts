/** What each cluster was told to have. The records hold the truth; this is its copy in memory and the only way by which a DesiredRevision reaches an agent. */
import type { AccessRule } from '../../../mesh/model/access.ts';
import type { BundleReference } from '../../../mesh/model/bundle.ts';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import type { Assignment } from '../../../mesh/model/history.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import type { Publishers } from '../gateway/publishers.ts';

export interface Assignments {
  get(cluster: string): Assignment | undefined;
  /** Sorted by cluster. */
  list(): readonly Assignment[];
  /** What the assigned states have beside the plan, by cluster; those that have nothing are not there. */
  bundles(): ReadonlyMap<string, readonly BundleReference[]>;
  /** Rules of AccessPolicies that the assigned states have, by cluster; those that have none are not there. */
  access(): ReadonlyMap<string, readonly AccessRule[]>;
  /** Reads the records and tells every agent what it has been assigned; before the gateway opens. */
  load(): Promise<void>;
  /** Takes assignments that ARE durable into use and tells the agents. */
  accept(assignments: readonly Assignment[]): Promise<void>;
  /** The cluster left the fleet: one that joins under its name later begins with nothing. */
  forget(cluster: string): void;
  subscribe(listener: (cluster: string) => void): void;
}

/** Most states have none, and are large: those are not parsed. */
const bundlesOf = (content: string): readonly BundleReference[] => (content.includes('"bundles":') ? (JSON.parse(content) as DesiredState).bundles ?? [] : []);

const accessOf = (content: string): readonly AccessRule[] => (content.includes('"access":') ? (JSON.parse(content) as DesiredState).access ?? [] : []);

/** `isOf`: whether an assignment was made to the cluster that has its name today. */
export function createAssignments(records: RecordStore, publishers: Publishers, isOf: (assignment: Assignment) => boolean): Assignments {
  const byCluster = new Map<string, Assignment>();
  const bundles = new Map<string, readonly BundleReference[]>();
  const access = new Map<string, readonly AccessRule[]>();
  const listeners: ((cluster: string) => void)[] = [];

  async function accept(assignments: readonly Assignment[]): Promise<void> {
    for (const assignment of assignments) {
      const revision = await records.getRevision(assignment.desiredId);
      if (revision === undefined) throw new AdvisedError('user', `cluster "${assignment.cluster}": its assigned revision ${assignment.desiredId} is not in the records; were they restored from an older backup?`);
      const { cluster, generation } = assignment;
      byCluster.set(cluster, assignment);
      const brought = bundlesOf(revision.content);
      if (brought.length === 0) bundles.delete(cluster);
      else bundles.set(cluster, brought);
      const ruled = accessOf(revision.content);
      if (ruled.length === 0) access.delete(cluster);
      else access.set(cluster, ruled);
      publishers.tell(cluster, 'DesiredRevision', cluster, { ...revision, ...(generation === undefined ? {} : { generation }) });
      for (const listener of listeners) listener(cluster);
    }
  }

  return {
    get: (cluster) => byCluster.get(cluster),
    list: () => [...byCluster.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1)),
    bundles: () => bundles,
    access: () => access,
    load: async () => accept((await records.listAssignments()).filter(isOf)),
    accept,
    forget(cluster) {
      byCluster.delete(cluster);
      bundles.delete(cluster);
      access.delete(cluster);
      publishers.untell(cluster, 'DesiredRevision', cluster);
    },
    subscribe(listener) { listeners.push(listener); },
  };
}
