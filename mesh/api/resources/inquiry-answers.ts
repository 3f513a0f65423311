/** What `Inquiry.status.answer` holds, by question. */
import type { DiscoveredCluster, PublishedProfiles, SourceReading } from '../../model/discovered.ts';
import type { DrillState, DrillValue } from '../../model/drill.ts';
import type { HistoryEntry, JournalEntry } from '../../model/history.ts';
import type { RunTarget } from '../../model/rollout.ts';
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
export interface RunAnswer { readonly targets: readonly RunTarget[]; readonly journal: readonly JournalEntry[]; readonly stages: readonly string[] }
export interface DrillAnswer { readonly drill: DrillValue; readonly state: DrillState; readonly markdown: string }
export type DnsAnswer = Answer;
export type { FindAnswer, FoundCluster, ReportAnswer, ReportGroup } from '../../model/fleet-report.ts';
export type { QueryAnswer, QueryRow } from '../../model/query-answer.ts';
/** `at`: when the sources were read; `omitted`: clusters beyond the limit. */
export interface DiscoveredAnswer { readonly at: string; readonly sources: readonly SourceReading[]; readonly clusters: readonly DiscoveredCluster[]; readonly omitted: number; readonly published: PublishedProfiles }
