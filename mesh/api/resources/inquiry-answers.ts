/** What `Inquiry.status.answer` holds, by question. */
import type { DiscoveredCluster, PublishedProfiles, SourceReading } from '../../model/discovered.ts';
import type { DrillState, DrillValue } from '../../model/drill.ts';
import type { HistoryEntry, JournalEntry } from '../../model/history.ts';
import type { Instant } from '../../model/instant.ts';
import type { PlanChange } from '../../model/plan-change.ts';
import type { RunPhase, RunState, RunTarget, StrategyValue, TargetPhase } from '../../model/rollout.ts';
import type { CrossingReason } from '../../model/service.ts';
import type { SimulatedCluster, Simulation } from '../../model/simulation.ts';
import type { StateChange } from '../../model/state-change.ts';
import type { Answer } from '../../model/sync.ts';

/** `more`: there are older ones. `keptSince`: RFC 3339; changes before it are no longer told one by one. `otherNames`: under which the same cluster, by its uid, was met. */
export interface HistoryAnswer {
  readonly entries: readonly HistoryEntry[];
  readonly more: boolean;
  readonly keptSince: string | null;
  readonly otherNames: readonly { readonly cluster: string; readonly since: string }[];
}
/** Times are RFC 3339. */
export interface DiffAnswer {
  readonly cluster: string;
  readonly at: string;
  readonly to: string;
  /** What a reader must know of the two moments: the cluster was not known at one of them, or it is told by the day. */
  readonly notes: readonly string[];
  readonly changes: readonly FieldDifference[];
}
export interface FieldDifference {
  readonly field: string;
  /** Canonical JSON; null: was not there. */
  readonly before: string | null;
  readonly after: string | null;
  /** The last change of the field in between; null: not kept. */
  readonly last: Pick<HistoryEntry, 'at' | 'by' | 'run' | 'reason' | 'approvedBy'> | null;
}
export interface RunAnswer {
  /** In the run's order; of a run of thousands those that people look for: failed, in flight, waiting. */
  readonly targets: readonly RunTarget[];
  readonly targetsOmitted: number;
  /** Oldest first. */
  readonly journal: readonly JournalEntry[];
  readonly stages: readonly string[];
  /** By stage, how many clusters are in each phase: of all, not of `targets` alone. */
  readonly tally: readonly Readonly<Partial<Record<TargetPhase, number>>>[];
  /** null: not begun. */
  readonly frozen: FrozenRunAnswer | null;
}
/** What a run was frozen to, and how far it is beside its rows. Times are milliseconds. */
interface FrozenRunAnswer {
  /** null: the run was made by a version that kept it in the UpdateRun, which is gone. */
  readonly strategy: StrategyValue | null;
  readonly strategyDigest: string;
  readonly author: string;
  readonly createdAt: Instant;
  readonly finishedAt: Instant | null;
  readonly phase: RunPhase;
  readonly changes: 'Plan' | 'Bundles';
  readonly undoOf: string | null;
  readonly message: string;
  readonly warnings: readonly string[];
  /** null: too large to tell. */
  readonly state: RunState | null;
  readonly joinedLater: readonly string[];
  /** Its rows and its journal are kept no longer. */
  readonly summaryOnly?: true;
}
/** What a run is that was looked at ahead. */
export interface LookedAtRun {
  /** null: nobody has made it. */
  readonly run: string | null;
  readonly strategy: string;
  /** Of a run that would roll out the present plan. */
  readonly planDigest?: string;
  /** What it brings, for people. */
  readonly brings: string;
  /** What is unwise in its strategy. */
  readonly warnings: readonly string[];
  /** What was assumed beside the assumptions, and what was left out of account. */
  readonly notes: readonly string[];
}
/** Pages after the first have `clusters` alone. */
export interface SimulateAnswer {
  readonly about?: LookedAtRun;
  readonly simulation?: Omit<Simulation, 'clusters'>;
  readonly clusters: readonly SimulatedCluster[];
  readonly continue?: string;
}
/** Clusters to which the same is done. */
export interface ChangeGroup {
  /** In their order. */
  readonly stages: readonly string[];
  /** In the run's order; the first hundred of `count`. */
  readonly clusters: readonly string[];
  readonly count: number;
  /** Of the one cluster that was asked for, or that this group has. */
  readonly fromId?: string | null;
  readonly toId?: string;
  readonly changes: readonly StateChange[];
  readonly changesOmitted: number;
}
export interface ChangesAnswer {
  readonly about?: LookedAtRun;
  readonly groups: readonly ChangeGroup[];
  readonly continue?: string;
}
export interface DrillAnswer { readonly drill: DrillValue; readonly state: DrillState; readonly markdown: string }
export type DnsAnswer = Answer;
export type { FindAnswer, FoundCluster, ReportAnswer, ReportGroup } from '../../model/fleet-report.ts';
export type { QueryAnswer, QueryRow } from '../../model/query-answer.ts';
/** `at`: when the sources were read; `omitted`: clusters beyond the limit. */
export interface DiscoveredAnswer { readonly at: string; readonly sources: readonly SourceReading[]; readonly clusters: readonly DiscoveredCluster[]; readonly omitted: number; readonly published: PublishedProfiles }

/** What an AccessPolicy lets through and stops. */
export interface AccessAnswer {
  readonly policy: string;
  /** Destinations that were asked, sorted. */
  readonly clusters: readonly string[];
  /** Pairs that change, then those that do not; as many as fit. */
  readonly rows: readonly AccessRow[];
  readonly rowsOmitted: number;
  /** Pairs with their endpoints of the source, of all rows: by what becomes of them. */
  readonly totals: { readonly stopped: number; readonly letThrough: number; readonly unchanged: number; readonly unknown: number };
  /** What the policy itself meets: as in its condition `Compiled`. */
  readonly conflicts: readonly string[];
  /** What is not known, and what this cannot see: sentences. */
  readonly restsOn: readonly string[];
}
export interface AccessRow {
  readonly from: { readonly cluster: string; readonly namespace: string; readonly serviceAccount: string; readonly endpoints: number };
  readonly to: { readonly cluster: string; readonly name: string; readonly endpoints: number };
  readonly ports: readonly string[];
  readonly today: 'Allowed' | 'Denied' | 'Unknown';
  readonly tomorrow: 'Allowed' | 'Denied' | 'Unknown';
}

interface CrossingsAnswer {
  /** The first hundred; fewer where the answer has many cells, or meshes. So with crossings. */
  readonly exports: readonly string[];
  readonly exportCount: number;
  /** How clusters that are no peers reach each export of each cluster, or why not, those first. */
  readonly crossings: readonly { readonly service: string; readonly cluster: string; readonly reason: CrossingReason; readonly message: string }[];
  readonly crossingCount: number;
  /** Of those, without a way. */
  readonly shutCount: number;
}
interface CellAnswer extends Pick<CrossingsAnswer, 'exports' | 'exportCount'>, Partial<Pick<CrossingsAnswer, 'crossings' | 'crossingCount' | 'shutCount'>> {
  readonly name: string;
  readonly clusters: number;
  /** Above 0: it stays as it is. Absent, as all that is not required: the hub is of before. */
  readonly conflictCount?: number;
  /** Clusters that some other cluster of the cell does not read; absent: none. */
  readonly notReadByAllCount?: number;
}
interface Finding {
  readonly reason: string;
  readonly message: string;
}
export interface MeshPlanHead {
  readonly meshes: readonly {
    readonly mesh: string;
    readonly clusters: number;
    /** The first hundred; `waitingCount` has all. So with conflicts. */
    readonly waiting: readonly string[];
    readonly waitingCount: number;
    /** Empty: planned. */
    readonly conflicts: readonly Finding[];
    readonly conflictCount: number;
    readonly warnings: readonly Finding[];
    /** Of clusters that some other cluster of the mesh does not read, for the topology does not let it. Absent: there is none, the mesh is divided, or the hub is of before. */
    readonly notReadByAll?: CrossingsAnswer & { readonly clusters: number };
    /** Where the mesh is divided; `exports`: services that no other cell reaches by its peers, as `namespace/name`. */
    readonly cells?: readonly CellAnswer[];
    readonly moves?: readonly { readonly cluster: string; readonly from: number; readonly to: number }[];
    readonly moveCount?: number;
  }[];
  /** Clusters that have joined. */
  readonly of: number;
  readonly changed: number;
  /** Of the changed, those in which something restarts. */
  readonly restarts: number;
}
/** Pages after the first have `clusters` alone: those with another state than they are assigned, sorted. */
export interface MeshPlanAnswer {
  readonly head?: MeshPlanHead;
  readonly clusters: readonly PlanChange[];
  readonly continue?: string;
}
