/** What was known of clusters at one moment: the last state that is stored from before it, and the changes since. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { ClusterFields } from '../../../mesh/model/cluster-fields.ts';
import { compareText } from '../../../mesh/model/order.ts';
import { fieldsFromText } from './fields-text.ts';
import { keptSince } from './retention.ts';
import type { Dialect, Tables } from './tables.ts';

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

export async function fieldsAt(db: Kysely<Tables>, dialect: Dialect, at: number, cluster: string | undefined): Promise<ReadonlyMap<string, ClusterFields>> {
  const one = cluster === undefined ? sql`` : sql`and s.cluster = ${cluster}`;
  const areRowsKept = at >= (await keptSince(db) ?? -Infinity);
  const unchanged = await sql<Stored>`select s.cluster, s.fields, null as changes from states s where s.at <= ${at} ${one}`.execute(db);
  const changed = await sql<Stored>`
    select s.cluster, d.fields, ${areRowsKept ? changesOf(dialect, at) : sql`null`} as changes from states s
    left join daily_states d on d.cluster = s.cluster and d.at = (select max(e.at) from daily_states e where e.cluster = s.cluster and e.at <= ${at})
    where s.at > ${at} ${one}`.execute(db);
  const states = [...unchanged.rows, ...changed.rows].map((row): [string, ClusterFields] => [row.cluster, fieldsIn(row)]);
  return new Map(states.filter(([, fields]) => isKnown(fields)).sort(([a], [b]) => compareText(a, b)));
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
