/** What was known of clusters at one moment: the last state that is stored from before it, and the changes since. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { ClusterFields } from '../../../mesh/model/cluster-fields.ts';
import { compareText } from '../../../mesh/model/order.ts';
import { fieldsFromText } from './fields-text.ts';
import { keptSince } from './retention.ts';
import type { Dialect, Tables } from './tables.ts';

const CLUSTERS_AT_ONCE = 250;

interface Stored {
  readonly cluster: string;
  readonly fields: string | null;
  /** JSON: from field to what it became; null: it went away. */
  readonly changes: string | null;
}

/** One text for all changes of a cluster: a row each would take twice as long to read. The last of a name counts, in JavaScript as here. */
const changesOf = (dialect: Dialect, at: number): RawBuilder<string> => sql<string>`(
  select ${sql.raw(dialect === 'sqlite' ? 'json_group_object(h.field, h.after order by h.at, h.id)' : 'json_object_agg(h.field, h.after order by h.at, h.id)::text')}
  from history h where h.cluster = s.cluster and h.at > coalesce(d.at, -1) and h.at <= ${at})`;

/** Part by part: SQLite answers in this very thread, which has agents to hear in between. */
export async function fieldsAt(db: Kysely<Tables>, dialect: Dialect, at: number, cluster: string | undefined): Promise<ReadonlyMap<string, ClusterFields>> {
  const names = cluster === undefined ? (await db.selectFrom('states').select('cluster').execute()).map((row) => row.cluster).sort(compareText) : [cluster];
  const states = new Map<string, ClusterFields>();
  for (let start = 0; start < names.length; start += CLUSTERS_AT_ONCE) {
    if (start > 0) await new Promise((resolve) => { setImmediate(resolve); });
    const part = await fieldsOfSome(db, dialect, at, names.slice(start, start + CLUSTERS_AT_ONCE));
    for (const [name, fields] of [...part].sort(([a], [b]) => compareText(a, b))) if (isKnown(fields)) states.set(name, fields);
  }
  return states;
}

async function fieldsOfSome(db: Kysely<Tables>, dialect: Dialect, at: number, names: readonly string[]): Promise<readonly (readonly [string, ClusterFields])[]> {
  const some = sql`s.cluster in (${sql.join(names)})`;
  const areRowsKept = at >= (await keptSince(db) ?? -Infinity);
  const unchanged = await sql<Stored>`select s.cluster, s.fields, null as changes from states s where s.at <= ${at} and ${some}`.execute(db);
  const changed = await sql<Stored>`
    select s.cluster, d.fields, ${areRowsKept ? changesOf(dialect, at) : sql`null`} as changes from states s
    left join daily_states d on d.cluster = s.cluster and d.at = (select max(e.at) from daily_states e where e.cluster = s.cluster and e.at <= ${at})
    where s.at > ${at} and ${some}`.execute(db);
  return [...unchanged.rows, ...changed.rows].map((row) => [row.cluster, fieldsIn(row)] as const);
}

function fieldsIn({ fields, changes }: Stored): ClusterFields {
  const state = fieldsFromText(fields ?? '{}') as Record<string, string>;
  if (changes === null) return state;
  for (const [field, after] of Object.entries(JSON.parse(changes) as Record<string, string | null>)) {
    if (after === null) delete state[field];
    else state[field] = after;
  }
  return state;
}

/** A cluster that is not there (yet, any more) has no fields. */
function isKnown(fields: ClusterFields): boolean {
  for (const _ in fields) return true;
  return false;
}
