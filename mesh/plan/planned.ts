/** What a plan says. */
import type { DesiredRevision } from '../model/desired.ts';
import type { SelectorReach } from '../model/selector-reach.ts';
import type { Conflict } from './conflict.ts';
import type { Findings } from './skips.ts';

export interface MeshPlan {
  readonly mesh: string;
  /** Sorted. With conflicts: `clusterId` 0 where none could be given, and `desiredId` is what is assigned already (empty: nothing). */
  readonly members: readonly { readonly name: string; readonly clusterId: number; readonly desiredId: string }[];
  /** Members whose pods some other member does not reach, for the topology does not let it read them: their services cross to it by gateways. Sorted; absent: none, or the mesh is divided and its cells tell. */
  readonly notReadByAll?: readonly string[];
  /** Selected clusters that have not joined or reported yet, or whose id is not free yet: no part of the plan. Sorted. */
  readonly waiting: readonly string[];
  /** All that the mesh selects, with the id that their Cilium has; 0: none, or not known. */
  readonly selected: ReadonlyMap<string, number>;
  /** What the mesh's selector reaches. */
  readonly reach: Pick<SelectorReach, 'kind' | 'undecided' | 'message'>;
  /** Empty: planned. Of a mesh that is divided those of all cells: a cell without any is planned. */
  readonly conflicts: readonly Conflict[];
  /** What else was found: who waits and why, what is said, what people go without. */
  readonly notes: PlanNotes;
  /** Where the mesh is divided: each cell as a mesh of its own, named `mesh/number`, also those that nobody is in any more; by number. Clusters that never had a place and cannot be planned yet are in none. */
  readonly cells?: readonly MeshPlan[];
  /** Clusters that had another cell, sorted. */
  readonly moves?: readonly CellMove[];
}

export interface CellMove {
  readonly cluster: string;
  readonly from: number;
  readonly to: number;
}

type PlanNotes = Omit<Findings, 'conflicts'>;

export interface Plan {
  /** Joined clusters, sorted, without those of a mesh, or cell, with conflicts: they keep what they have. */
  readonly desired: readonly DesiredRevision[];
  /** Ids of `desired` as they are without bundles, by cluster. */
  readonly plannedIds: ReadonlyMap<string, string>;
  readonly meshes: readonly MeshPlan[];
  /** Over the sorted (cluster, id) pairs of `desired`, as they are without bundles: these are no part of the plan. */
  readonly planDigest: string;
  /** The un-meshed state of every joined cluster, sorted: what an undo of a first run goes back to. */
  readonly baseline: readonly DesiredRevision[];
}
