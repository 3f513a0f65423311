/** From what is known and wanted to one desired state per cluster. Total: what cannot be planned comes back as conflicts, and changes nothing. */
import type { AccessRule } from '../model/access.ts';
import { canonicalJson, type Digest } from '../model/canonical.ts';
import type { BundleReference } from '../model/bundle.ts';
import type { ClusterView } from '../model/cluster.ts';
import type { DesiredRevision, DesiredState, DriftOverride, PeeringState } from '../model/desired.ts';
import { compareText, sortedByName } from '../model/order.ts';
import type { MeshValue } from '../model/policy.ts';
import { revisionOf } from '../model/revision.ts';
import type { SelectorReach } from '../model/selector-reach.ts';
import type { Conflict } from './conflict.ts';
import { desiredRevision, sortedShared, type SharedState } from './desired.ts';
import { type Membership, membershipsOf } from './members.ts';
import { preflight, type PreflightInput } from './preflight.ts';
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

export function planMesh(input: PlanInput, digest: Digest): Plan {
  const shared = sortedShared(input);
  const memberships = membershipsOf(input.meshes, input.clusters);
  const planned = memberships.map((membership) => planOne(membership, input, shared, digest));
  const baseline = sortedByName(input.clusters).filter((cluster) => cluster.joined).map((cluster) => desiredRevision(cluster.name, null, null, shared, digest, undefined, input.overrides?.get(cluster.name), input.access?.get(cluster.name)));

  const meshed = new Set(memberships.flatMap(({ selected }) => selected.map((cluster) => cluster.name)));
  const selectionKnown = !planned.some(({ plan }) => plan.conflicts.some((conflict) => conflict.reason === 'InvalidSelector'));
  const desired = [...planned.flatMap(({ revisions }) => revisions), ...(selectionKnown ? baseline.filter(({ cluster }) => !meshed.has(cluster)) : [])]
    .sort((a, b) => compareText(a.cluster, b.cluster));
  const keeping = keepBundles(desired, input.bundles, digest);
  const finalIds = new Map(keeping.map(({ cluster, id }) => [cluster, id]));
  return {
    desired: keeping, baseline: keepBundles(baseline, input.bundles, digest),
    plannedIds: new Map(desired.map(({ cluster, id }) => [cluster, id])),
    meshes: planned.map(({ plan }) => (plan.conflicts.length > 0 ? plan : { ...plan, members: plan.members.map((member) => ({ ...member, desiredId: finalIds.get(member.name) ?? member.desiredId })) })),
    planDigest: digest(canonicalJson(desired.map(({ cluster, id }) => [cluster, id]))),
  };
}

function keepBundles(revisions: readonly DesiredRevision[], bundles: PlanInput['bundles'], digest: Digest): readonly DesiredRevision[] {
  if (bundles === undefined || bundles.size === 0) return revisions;
  return revisions.map((revision) => {
    const kept = bundles.get(revision.cluster) ?? [];
    return kept.length === 0 ? revision : revisionOf({ ...JSON.parse(revision.content) as DesiredState, bundles: kept }, digest);
  });
}

function planOne(membership: Membership, input: PlanInput, shared: SharedState, digest: Digest): { plan: MeshPlan; revisions: DesiredRevision[] } {
  const { mesh, reach, selected } = membership;
  const { members, waiting, ids, endpoints, reads, conflicts, postponed, warnings, skipped, idleSkips } = preflight(membership, input);
  const reported = new Map(selected.map(({ name, report }) => [name, report?.cilium?.clusterId ?? 0]));
  const notes: PlanNotes = { postponed, warnings, skipped, idleSkips };
  if (conflicts.length > 0) {
    const assigned = new Map(selected.map((cluster) => [cluster.name, cluster.assignedId]));
    return { plan: { mesh: mesh.name, members: members.map(({ name }) => ({ name, clusterId: ids.get(name) ?? 0, desiredId: assigned.get(name) ?? '' })), waiting, selected: reported, reach, conflicts, notes }, revisions: [] };
  }

  const peers = members.flatMap(({ name }) => {
    const clusterId = ids.get(name);
    const endpoint = endpoints.get(name);
    return clusterId === undefined || endpoint === undefined ? [] : [{ name, clusterId, endpoint }];
  });
  const texts = new Map<object, string>(peers.map((peer) => [peer, canonicalJson(peer)]));
  const revisions = members.map(({ name, cilium }) => {
    const peering: PeeringState = {
      clusterName: name, clusterId: ids.get(name) ?? 0, maxConnectedClusters: cilium.maxConnectedClusters, ciliumVersion: cilium.version,
      namespace: cilium.namespace, kvstoreMesh: cilium.kvstoreMesh, authMode: cilium.authMode, peers: peers.filter((peer) => reads(name, peer.name)),
    };
    const readers = peers.filter((peer) => reads(peer.name, name));
    const mutual = readers.length === peering.peers.length && readers.every((reader, index) => reader === peering.peers[index]);
    return desiredRevision(name, mesh.name, mutual ? peering : { ...peering, readers: readers.map((reader) => reader.name) }, shared, digest, texts, input.overrides?.get(name), input.access?.get(name));
  });
  const planned = revisions.map(({ cluster, id }) => ({ name: cluster, clusterId: ids.get(cluster) ?? 0, desiredId: id }));
  return { plan: { mesh: mesh.name, members: planned, waiting, selected: reported, reach, conflicts: [], notes }, revisions };
}
