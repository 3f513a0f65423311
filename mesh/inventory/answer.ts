/** Rows of the fleet as an answer shows them: the asked columns, what nobody knows, and how fresh each source is. */
import { type Instant, toRfc3339 } from '../model/instant.ts';
import type { QueryAnswer, QueryRow, QuerySource } from '../model/query-answer.ts';
import { isKnownFact } from '../model/selector-facts.ts';
import { type Found, lookUp } from '../model/selector-lookup.ts';
import type { FleetIndex } from './fleet-index.ts';
import type { QueryKeys } from './query-parse.ts';
import { type Query, textsAt } from './query.ts';
import type { ReadQuery } from './reading.ts';
import type { FleetRow } from './row.ts';

/** When the agent of a cluster was last heard of; null: never. */
export type HeardAt = (row: FleetRow) => Instant | null;

/** Shown where nobody says which. */
export const USUAL_COLUMNS = ['ready', 'region', 'stage', 'cilium-version', 'cluster-id', 'current', 'drift', 'last-change'] as const;

/** Also shown by `-o wide`. */
export const WIDE_COLUMNS = ['connected', 'in-sync', 'frozen', 'held', 'agent-version', 'kubernetes-version', 'issuing-ca-generation', 'desired'] as const;

/** A fleet at one moment, wherever that comes from. */
export interface AskedFleet {
  /** undefined: there are no clusters. */
  readonly keys: QueryKeys | undefined;
  /** With all that may match. */
  index(query: Query): Promise<FleetIndex>;
  readonly total: number;
  readonly from: QueryAnswer['from'];
  readonly at: Instant;
  readonly heardAt: HeardAt;
  readonly notes: readonly string[];
}

/** What every page of an answer needs. */
export interface Head {
  readonly answer: Omit<QueryAnswer, 'rows' | 'continue'>;
  /** The columns, then what else the query names. */
  readonly asked: readonly string[];
  readonly at: Instant;
  readonly heardAt: HeardAt;
}

const MOST_UNDECIDED_NAMES = 20;

export async function answerHead({ index, total, from, at, heardAt, notes }: AskedFleet, text: string, read: ReadQuery, wanted: readonly string[]): Promise<{ readonly head: Head; readonly rows: readonly FleetRow[] }> {
  const columns = [...new Set(wanted)];
  const { rows, matched, undecided, usedIndex, examined } = (await index(read.query)).run(read.query, at);
  const answer = {
    query: text, at: toRfc3339(at), from, columns, matched, total, undecided: undecided.length, undecidedNames: undecided.slice(0, MOST_UNDECIDED_NAMES),
    // What excludes a cluster of a past moment is read off its recorded labels.
    ...from === 'records' ? { usedIndex: 'none', examined: total } : { usedIndex, examined }, sources: sourcesOf(rows, heardAt, at, from !== 'objects'), notes: [...notes, ...read.notes],
  };
  return { head: { answer, asked: [...new Set([...columns, ...read.keys])], at, heardAt }, rows };
}

/** A label or property is unknown where its cluster has never told its properties; a fact where nobody has told of it. */
export function shownRow(row: FleetRow, { answer: { columns }, asked, at, heardAt }: Head): QueryRow {
  const heard = heardAt(row);
  const shown: Record<string, QueryRow['columns'][string]> = {};
  const unknown: string[] = [];
  for (const [position, key] of asked.entries()) {
    const found = lookUp(row, key, false);
    if (found.state === 'unknown' || (found.state === 'absent' && heard === null && !isKnownFact(key))) unknown.push(key);
    else if (found.state === 'known' && position < columns.length) shown[key] = shownValue(found, at);
  }
  return { name: row.name, columns: shown, unknown, ageSeconds: heard === null ? null : Math.max(0, Math.round((at - heard) / 1000)) };
}

function shownValue(found: Extract<Found, { state: 'known' }>, at: Instant): QueryRow['columns'][string] {
  if (found.kind === 'list') return found.texts;
  const text = textsAt(found, at)[0] ?? '';
  if (found.kind === 'boolean') return text === 'true';
  return found.kind === 'number' && Number.isFinite(Number(text)) && text !== '' ? Number(text) : text;
}

/** `told`: what people declare and the hub decides is read from where it is kept, so it is as of that moment; without the hub nobody knows how old its word in the objects is. */
function sourcesOf(rows: readonly FleetRow[], heardAt: HeardAt, told: Instant, fromHub: boolean): QuerySource[] {
  const kept = { clusters: rows.length, newestAt: rows.length === 0 ? null : toRfc3339(told), oldestAt: rows.length === 0 ? null : toRfc3339(told), oldest: null, never: 0 };
  let newest: Instant | undefined;
  let oldest: { readonly at: Instant; readonly name: string } | undefined;
  let heard = 0;
  for (const row of rows) {
    const at = heardAt(row);
    if (at === null) continue;
    heard += 1;
    newest = Math.max(newest ?? at, at);
    if (oldest === undefined || at < oldest.at) oldest = { at, name: row.name };
  }
  return [
    { source: 'declared', ...kept },
    { source: 'observed', clusters: heard, newestAt: newest === undefined ? null : toRfc3339(newest), oldestAt: oldest === undefined ? null : toRfc3339(oldest.at), oldest: oldest?.name ?? null, never: rows.length - heard },
    { source: 'hub', ...kept, ...fromHub ? {} : { newestAt: null, oldestAt: null } },
  ];
}

/** As the statuses of Clusters tell it, for whoever has not heard the agents: an open connection counts up to `at`. */
export const toldAt = (at: Instant): HeardAt => ({ facts }) => {
  const connected = facts['connected'];
  if (facts['agent-version'] === undefined || connected === undefined) return null;
  return connected.value === true ? at : connected.observedAt;
};
