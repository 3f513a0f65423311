/** Whether the difference between plan and assignments asks for a new run. Pure. */
import type { DesiredRevision, DesiredState } from '../../../mesh/model/desired.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import { FIRST_BUNDLE } from '../../../mesh/model/trust.ts';
import { UNSELECTED } from '../../../mesh/rollout/skipped.ts';
import type { RunPhase, RunTarget } from '../../../mesh/model/rollout.ts';

export interface Change {
  readonly cluster: string;
  readonly toId: string;
}

/** What the newest run that touched a cluster means for a change of it. */
export interface LastRun {
  readonly name: string;
  readonly phase: RunPhase;
  /** Name of the run that it took back; null: it took none back. */
  readonly undoOf: string | null;
  /** What that run, or the one that it took back, wanted the cluster to have. */
  readonly wantedId: string;
  /** How the cluster fared in that run itself. */
  readonly target: RunTarget;
}

export interface HeldChange extends Change {
  readonly run: string;
  readonly reason: 'Stopped' | 'Failed' | 'RolledBack' | 'Undone' | 'Unselected';
}

/**
 * There is nothing to do where nothing was ever assigned: a cluster that has just joined and is in no mesh needs no run. Whom it believes it has by joining, as long as
 * there was one bundle only; from then on it is told, for it must go along with the next one. So it reads from the state alone: all who ask see the same.
 */
function isEmpty(revision: DesiredRevision): boolean {
  const known = empty.get(revision);
  if (known !== undefined) return known;
  const { mesh, failover, globalServices, access, trust } = JSON.parse(revision.content) as DesiredState;
  const found = mesh === null && failover.length === 0 && globalServices.length === 0 && access === undefined && trust.sequence <= FIRST_BUNDLE && trust.renewClientsOf === undefined && trust.renewServersOf === undefined;
  empty.set(revision, found);
  return found;
}
/** Asked of each cluster without a mesh at each plan. */
const empty = new WeakMap<DesiredRevision, boolean>();

/** Clusters whose planned state is not the assigned one, sorted. */
export function changesOf(plan: Plan, assignedId: (cluster: string) => string | null): Change[] {
  const meshed = new Set(plan.meshes.flatMap(({ members }) => members.map(({ name }) => name)));
  return plan.desired
    .filter((revision) => { const assigned = assignedId(revision.cluster); return assigned !== revision.id && (assigned !== null || meshed.has(revision.cluster) || !isEmpty(revision)); })
    .map(({ cluster, id }) => ({ cluster, toId: id }));
}

/**
 * What the newest run wanted is still what is asked for, and a person stopped this change, or took it back, or it failed: it is not tried again by itself, cluster by
 * cluster, until the plan asks for something else.
 * A change that was completed and is asked for again is not held.
 */
export function heldChange(change: Change, { name, phase, undoOf, target }: LastRun): HeldChange | undefined {
  const held = (reason: HeldChange['reason']): HeldChange => ({ ...change, run: name, reason });
  if (undoOf !== null) return held('Undone');
  if (phase === 'Stopped' || phase === 'Failed' || phase === 'RolledBack') return held(phase);
  if (target.phase === 'RolledBack' || target.phase === 'RollbackFailed') return held('RolledBack');
  if (target.phase === 'Failed') return held('Failed');
  return target.phase === 'Skipped' && target.message === UNSELECTED ? held('Unselected') : undefined;
}

const RUN_NAME_LIMIT = 63;

/** The first free `<mesh>-<n>`. */
export function runName(mesh: string | null, taken: readonly string[]): string {
  const base = (mesh ?? 'policies').slice(0, RUN_NAME_LIMIT - 8);
  const numbers = taken.filter((name) => name.startsWith(`${base}-`)).map((name) => Number(name.slice(base.length + 1))).filter((number) => Number.isSafeInteger(number) && number > 0);
  return `${base}-${Math.max(0, ...numbers) + 1}`;
}
