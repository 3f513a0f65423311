/** Which mesh clusters leave that are in none any more: its Mesh was deleted, or selects them no longer. */
import type { DesiredState } from '../../../mesh/model/desired.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Assignments } from '../rollout/assignments.ts';
import type { Change } from './next-run.ts';

const MOST_ASKED = 100;

/** Of the first by name that has one in its assigned state; null: none of the first hundred has. */
export async function leftMesh(changes: readonly Change[], assignments: Pick<Assignments, 'get'>, records: Pick<RecordStore, 'getRevision'>): Promise<string | null> {
  for (const { cluster } of changes.slice(0, MOST_ASKED)) {
    const assigned = assignments.get(cluster)?.desiredId ?? null;
    const content = assigned === null ? undefined : (await records.getRevision(assigned))?.content;
    const mesh = content === undefined ? null : (JSON.parse(content) as DesiredState).mesh;
    if (mesh !== null) return mesh;
  }
  return null;
}
