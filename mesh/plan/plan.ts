/** From what is known and wanted to one desired state per cluster. Total: what cannot be planned comes back as conflicts, and changes nothing. */
import type { AccessRule } from '../model/access.ts';
import type { BundleReference } from '../model/bundle.ts';
import { canonicalJson, type Digest } from '../model/canonical.ts';
import type { ClusterView } from '../model/cluster.ts';
import type { DesiredRevision, DesiredState, DriftOverride } from '../model/desired.ts';
import type { MeshValue } from '../model/policy.ts';
import { revisionOf } from '../model/revision.ts';
import { createAssembly } from './assembly.ts';
import { createStates, NO_PEERING, ownOf, type Owns, type SharedState, sharedText, type States } from './desired.ts';
import { createCellsPlanner } from './cells-planner.ts';
import type { MeshPlanner, PlannedMesh } from './mesh-planner.ts';
import type { MeshPlan, Plan } from './planned.ts';
import type { PreflightInput } from './preflight.ts';
import { createSelections, type Difference } from './selection.ts';
import { atOnce, type Steps } from './steps.ts';

export interface PlanInput extends SharedState, PreflightInput {
  readonly meshes: readonly MeshValue[];
  readonly clusters: readonly ClusterView[];
  /** What people decided on changes by others, by cluster; absent: nothing. */
  readonly overrides?: ReadonlyMap<string, readonly DriftOverride[]>;
  /** What AccessPolicies ask for, by cluster; absent: nothing. */
  readonly access?: ReadonlyMap<string, readonly AccessRule[]>;
  /** What runs have brought beside the plan, by cluster: each keeps it; absent: nothing. */
  readonly bundles?: ReadonlyMap<string, readonly BundleReference[]>;
}

export type { MeshPlan, Plan };

export const planMesh = (input: PlanInput, digest: Digest): Plan => createPlanner(digest)(input);

/** A planner that is asked again and again plans anew only what has changed since, and says what one that is asked for the first time would. It knows by identity what is unchanged: values that it was given must not change. */
export function createPlanner(digest: Digest): (input: PlanInput) => Plan {
  const plan = createStepPlanner(digest);
  return (input) => atOnce(plan(input));
}

/** The same planner, a step at a time. One whose steps were not all taken knows half of an input, and must not be asked again. */
export function createStepPlanner(digest: Digest): (input: PlanInput) => Steps<Plan> {
  const select = createSelections();
  const meshPlanners = new Map<string, MeshPlanner>();
  const bundled = createBundleKeeper(digest);
  const baselineOf = createBaseline();
  const assemble = createAssembly(digest);
  let owns: Owns | undefined;
  let states: { readonly input: SharedState; readonly text: string; readonly states: States } | undefined;

  return function* (input) {
    const text = sharedText(input, states);
    const present = states?.text === text ? states.states : createStates(input, digest);
    states = { input, text, states: present };
    owns = ownsOf(input, owns);
    const own = owns;
    const { clusters, meshes, contested, difference } = yield* select(input.meshes, input.clusters);
    const names = new Set(meshes.map(({ mesh }) => mesh.name));
    for (const name of meshPlanners.keys()) if (!names.has(name)) meshPlanners.delete(name);
    const planned: PlannedMesh[] = [];
    for (const selection of meshes) {
      const planner = meshPlanners.get(selection.mesh.name) ?? createCellsPlanner();
      meshPlanners.set(selection.mesh.name, planner);
      planned.push(yield* planner({ selection, contested, input, states: present, owns: own }));
    }
    const baseline = yield* baselineOf(clusters, difference, present, own);
    const selectionKnown = !planned.some(({ plan }) => plan.conflicts.some((conflict) => conflict.reason === 'InvalidSelector'));
    const assembled = yield* assemble({ ofMeshes: planned.map(({ revisions }) => revisions), baseline: selectionKnown ? baseline : NO_REVISIONS, taken: meshes.map(({ selected }) => selected) });
    const { desired, planDigest } = assembled;
    const keeping = bundled(desired, input.bundles);
    const bundles = keeping === desired ? undefined : new Map(keeping.map(({ cluster, id }) => [cluster, id]));
    return {
      desired: keeping, baseline: bundled(baseline, input.bundles), planDigest,
      get plannedIds() { return assembled.plannedIds; },
      meshes: planned.map(({ plan }) => (bundles === undefined ? plan : { ...plan, members: plan.members.map((member) => ({ ...member, desiredId: bundles.get(member.name) ?? member.desiredId })) })),
    };
  };
}

/** Revisions of clusters without a mesh in one step. */
const AT_ONCE = 200;
const NO_REVISIONS: readonly DesiredRevision[] = [];
const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();
/** The same object while what each cluster gets of its own is the same. */
function ownsOf({ overrides = NOTHING, access = NOTHING }: Pick<PlanInput, 'overrides' | 'access'>, before: Owns = { overrides: NOTHING, access: NOTHING }): Owns {
  const next: Owns = { overrides: keptMap(before.overrides, overrides), access: keptMap(before.access, access) };
  return next.overrides === before.overrides && next.access === before.access ? before : next;
}

/** Values that are equal stay the same ones, and a map of them the same map. */
function keptMap<V extends readonly object[]>(before: ReadonlyMap<string, V>, after: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  if (before === after || (before.size === 0 && after.size === 0)) return before;
  let isSame = before.size === after.size;
  const kept = new Map<string, V>();
  for (const [name, value] of after) {
    const known = before.get(name);
    const isKnown = known !== undefined && (known === value || (known.length === value.length && known.every((one, index) => one === value[index])) || canonicalJson(known) === canonicalJson(value));
    isSame &&= isKnown;
    kept.set(name, isKnown ? known : value);
  }
  return isSame ? before : kept;
}

function createBaseline(): (clusters: readonly ClusterView[], difference: Difference, states: States, owns: Owns) => Steps<readonly DesiredRevision[]> {
  let before: readonly DesiredRevision[] = [];
  let rows = new Map<string, DesiredRevision>();
  let of: { readonly states: States; readonly owns: Owns } | undefined;
  return function* (clusters, { changed, gone }, states, owns) {
    const isAnew = of?.states !== states || of.owns !== owns;
    if (isAnew) rows = new Map();
    of = { states, owns };
    let touched = isAnew;
    for (const name of isAnew ? [] : gone) touched = rows.delete(name) || touched;
    for (const [index, { name, joined }] of (isAnew ? clusters : changed).entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) yield;
      if (joined === rows.has(name)) continue;
      touched = true;
      if (joined) rows.set(name, states.revision(name, null, NO_PEERING, ownOf(owns, name)));
      else rows.delete(name);
    }
    if (touched) before = clusters.flatMap(({ name }) => rows.get(name) ?? []);
    return before;
  };
}

function createBundleKeeper(digest: Digest): (revisions: readonly DesiredRevision[], bundles: PlanInput['bundles']) => readonly DesiredRevision[] {
  const known = new WeakMap<DesiredRevision, { readonly kept: readonly BundleReference[]; readonly revision: DesiredRevision }>();
  return (revisions, bundles) => {
    if (bundles === undefined || bundles.size === 0) return revisions;
    return revisions.map((revision) => {
      const kept = bundles.get(revision.cluster) ?? [];
      if (kept.length === 0) return revision;
      const last = known.get(revision);
      const result = last?.kept === kept ? last.revision : revisionOf({ ...JSON.parse(revision.content) as DesiredState, bundles: kept }, digest);
      known.set(revision, { kept, revision: result });
      return result;
    });
  };
}
