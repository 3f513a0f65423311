/** What `Inquiry.status.answer` holds, by question. */
import type { DiscoveredCluster, PublishedProfiles, SourceReading } from '../../model/discovered.ts';
import type { DrillState, DrillValue } from '../../model/drill.ts';
import type { HistoryEntry, JournalEntry } from '../../model/history.ts';
import type { RunTarget } from '../../model/rollout.ts';
import type { Answer } from '../../model/sync.ts';

export interface HistoryAnswer { readonly entries: readonly HistoryEntry[] }
export interface RunAnswer { readonly targets: readonly RunTarget[]; readonly journal: readonly JournalEntry[]; readonly stages: readonly string[] }
export interface DrillAnswer { readonly drill: DrillValue; readonly state: DrillState; readonly markdown: string }
export type DnsAnswer = Answer;
export type { QueryAnswer, QueryRow } from '../../model/query-answer.ts';
/** `at`: when the sources were read; `omitted`: clusters beyond the limit. */
export interface DiscoveredAnswer { readonly at: string; readonly sources: readonly SourceReading[]; readonly clusters: readonly DiscoveredCluster[]; readonly omitted: number; readonly published: PublishedProfiles }
