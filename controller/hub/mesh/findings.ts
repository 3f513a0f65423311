/** What was found beside conflicts, as a Mesh's status has it, and as the record of a run has it for good. Pure. */
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { MeshPlan } from '../../../mesh/plan/plan.ts';

const MOST_SHOWN = 64;
const MOST_CLUSTERS = 64;
const LONGEST = 2048;
type Status = NonNullable<MeshObject['status']>;

/** Absent where there is nothing to show. */
export function findingsStatus({ notes: { skipped, warnings, postponed, idleSkips } }: MeshPlan): Pick<Status, 'skipped' | 'warnings'> {
  const said = [...[...postponed, ...warnings].map(({ reason, message }) => ({ check: reason as string, finding: message.slice(0, LONGEST) })), ...idleSkips.map((finding) => ({ check: 'SkipsNothing', finding: finding.slice(0, LONGEST) }))];
  return {
    ...(skipped.length === 0 ? {} : { skipped: skipped.slice(0, MOST_SHOWN).map(({ reason, clusters, message, because }) => ({ check: reason, clusters: clusters.slice(0, MOST_CLUSTERS), finding: message.slice(0, LONGEST), reason: because })) }),
    ...(said.length === 0 ? {} : { warnings: said.slice(0, MOST_SHOWN) }),
  };
}

/** What is added to why a run was made; empty: nothing was skipped. History keeps it with every change of the run. */
export function skippedReason(plan: MeshPlan | undefined): string {
  const skipped = plan?.notes.skipped ?? [];
  const words = [...new Set(skipped.map(({ reason, because }) => `${reason} (${because})`))];
  return words.length === 0 ? '' : `; checks skipped: ${words.join(', ')}`;
}
