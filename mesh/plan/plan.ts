/** From what is known and wanted to one desired state per cluster. Total: what cannot be planned comes back as conflicts, and changes nothing. */
import type { AccessRule } from '../model/access.ts';
import type { BundleReference } from '../model/bundle.ts';
import { canonicalJson, type Digest, digestOfParts } from '../model/canonical.ts';
import type { ClusterView } from '../model/cluster.ts';
import type { DesiredRevision, DesiredState, DriftOverride } from '../model/desired.ts';
import type { MeshValue } from '../model/policy.ts';
import { revisionOf } from '../model/revision.ts';
import type { SelectorReach } from '../model/selector-reach.ts';
import type { Conflict } from './conflict.ts';
import { createStates, NO_PEERING, type OwnState, type SharedState, sharedText, type States } from './desired.ts';
import { createMeshPlanner, type MeshPlanner } from './mesh-planner.ts';
import type { PreflightInput } from './preflight.ts';
import { createSelections } from './selection.ts';
import type { Findings } from './skips.ts';

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

export interface MeshPlan {
  readonly mesh: string;
  /** Sorted. With conflicts: `clusterId` 0 where none could be given, and `desiredId` is what is assigned already (empty: nothing). */
  readonly members: readonly { readonly name: string; readonly clusterId: number; readonly desiredId: string }[];
  /** Selected clusters that have not joined or reported yet, or whose id is not free yet: no part of the plan. Sorted. */
  readonly waiting: readonly string[];
  /** All that the mesh selects, with the id that their Cilium has; 0: none, or not known. */
  readonly selected: ReadonlyMap<string, number>;
  /** What the mesh's selector reaches. */
  readonly reach: Pick<SelectorReach, 'kind' | 'undecided' | 'message'>;
  /** Empty: planned. */
  readonly conflicts: readonly Conflict[];
  /** What else was found: who waits and why, what is said, what people go without. */
  readonly notes: PlanNotes;
}

export type PlanNotes = Omit<Findings, 'conflicts'>;

export interface Plan {
  /** Joined clusters, sorted, without those of a mesh with conflicts: they keep what they have. */
  readonly desired: readonly DesiredRevision[];
  /** Ids of `desired` as they are without bundles, by cluster. */
  readonly plannedIds: ReadonlyMap<string, string>;
  readonly meshes: readonly MeshPlan[];
  /** Over the sorted (cluster, id) pairs of `desired`, as they are without bundles: these are no part of the plan. */
  readonly planDigest: string;
  /** The un-meshed state of every joined cluster, sorted: what an undo of a first run goes back to. */
  readonly baseline: readonly DesiredRevision[];
}

export const planMesh = (input: PlanInput, digest: Digest): Plan => createPlanner(digest)(input);

/** A planner that is asked again and again plans anew only what has changed since, and says what one that is asked for the first time would. It knows by identity what is unchanged: values that it was given must not change. */
export function createPlanner(digest: Digest): (input: PlanInput) => Plan {
  const select = createSelections();
  const meshPlanners = new Map<string, MeshPlanner>();
  const bundled = createBundleKeeper(digest);
  const baselineOf = createBaseline();
  const assemble = createAssembly(digest);
  let states: { readonly input: SharedState; readonly text: string; readonly states: States } | undefined;

  return (input) => {
    const text = sharedText(input, states);
    if (text !== states?.text) states = { input, text, states: createStates(input, digest) };
    const present = states.states;
    const ownOf = (cluster: string): OwnState => ({ overrides: input.overrides?.get(cluster), access: input.access?.get(cluster) });
    const { clusters, meshes, contested } = select(input.meshes, input.clusters);
    for (const name of meshPlanners.keys()) if (!meshes.some(({ mesh }) => mesh.name === name)) meshPlanners.delete(name);
    const planned = meshes.map((selection) => {
      const planner = meshPlanners.get(selection.mesh.name) ?? createMeshPlanner();
      meshPlanners.set(selection.mesh.name, planner);
      return planner({ selection, contested, input, states: present, ownOf });
    });
    const baseline = baselineOf(clusters, present, ownOf);
    const selectionKnown = !planned.some(({ plan }) => plan.conflicts.some((conflict) => conflict.reason === 'InvalidSelector'));
    const taken = meshes.map(({ selected }) => selected);
    const { desired, plannedIds, planDigest } = assemble(planned.map(({ revisions }) => revisions), selectionKnown ? baseline : [], taken);
    const keeping = bundled(desired, input.bundles);
    const bundles = keeping === desired ? undefined : new Map(keeping.map(({ cluster, id }) => [cluster, id]));
    return {
      desired: keeping, baseline: bundled(baseline, input.bundles), plannedIds, planDigest,
      meshes: planned.map(({ plan }) => (bundles === undefined || plan.conflicts.length > 0 ? plan : { ...plan, members: plan.members.map((member) => ({ ...member, desiredId: bundles.get(member.name) ?? member.desiredId })) })),
    };
  };
}

function createBaseline(): (clusters: readonly ClusterView[], states: States, ownOf: (cluster: string) => OwnState) => readonly DesiredRevision[] {
  let before: readonly DesiredRevision[] = [];
  let rows = new Map<string, OwnState & { readonly revision: DesiredRevision }>();
  let of: States | undefined;
  return (clusters, states, ownOf) => {
    const kept = of === states ? rows : new Map<string, never>();
    rows = new Map();
    of = states;
    const revisions: DesiredRevision[] = [];
    for (const { name, joined } of clusters) {
      if (!joined) continue;
      const own = ownOf(name);
      const known = kept.get(name);
      const row = known !== undefined && known.overrides === own.overrides && known.access === own.access ? known : { ...own, revision: states.revision(name, null, NO_PEERING, own) };
      rows.set(name, row);
      revisions.push(row.revision);
    }
    if (!isSame(before, revisions)) before = revisions;
    return before;
  };
}

type Assembled = Pick<Plan, 'desired' | 'plannedIds' | 'planDigest'>;

/** Puts the parts in order. `taken`: clusters that are in a mesh, whether it could be planned or not. */
function createAssembly(digest: Digest): (ofMeshes: readonly (readonly DesiredRevision[])[], ofNone: readonly DesiredRevision[], taken: readonly (readonly ClusterView[])[]) => Assembled {
  let before: { readonly parts: readonly unknown[]; readonly result: Assembled } | undefined;
  const texts = new WeakMap<DesiredRevision, string>();

  function pairText(revision: DesiredRevision): string {
    const known = texts.get(revision) ?? canonicalJson([revision.cluster, revision.id]);
    texts.set(revision, known);
    return known;
  }

  return (ofMeshes, ofNone, taken) => {
    const parts = [...ofMeshes, ofNone, ...taken];
    if (before !== undefined && isSame(before.parts, parts)) return before.result;
    const meshed = new Set(taken.flatMap((clusters) => clusters.map(({ name }) => name)));
    const desired = [...ofMeshes.flat(), ...ofNone.filter(({ cluster }) => !meshed.has(cluster))].sort((a, b) => (a.cluster < b.cluster ? -1 : a.cluster > b.cluster ? 1 : 0));
    const isEqual = before !== undefined && isSame(before.result.desired, desired);
    const result = isEqual && before !== undefined ? before.result : {
      desired, plannedIds: new Map(desired.map(({ cluster, id }) => [cluster, id])), planDigest: digestOfParts(digest, ['[', desired.map(pairText).join(','), ']']),
    };
    before = { parts, result };
    return result;
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

const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((one, index) => one === b[index]);
