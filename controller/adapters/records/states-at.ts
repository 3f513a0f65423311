/** What was known of clusters at one moment: the last state that is stored from before it, and the changes since. */
import { type Kysely, sql } from 'kysely';
import type { ClusterFields } from '../../../mesh/model/cluster-fields.ts';
import { fieldsFromText } from './fields-text.ts';
import { keptSince } from './retention.ts';
import type { Tables } from './tables.ts';

interface Stored { readonly cluster: string; readonly since: number; readonly fields: string | null }
interface Change { readonly cluster: string; readonly field: string; readonly after: string | null }

export async function fieldsAt(db: Kysely<Tables>, at: number, cluster: string | undefined): Promise<ReadonlyMap<string, ClusterFields>> {
  const one = cluster === undefined ? sql`` : sql`and s.cluster = ${cluster}`;
  const current = (await sql<Stored>`select s.cluster, s.at as since, s.fields from states s where s.at <= ${at} ${one}`.execute(db)).rows;
  const earlier = (await sql<Stored>`
    select s.cluster, d.at as since, d.fields from states s
    join daily_states d on d.cluster = s.cluster and d.at = (select max(e.at) from daily_states e where e.cluster = s.cluster and e.at <= ${at})
    where s.at > ${at} ${one}`.execute(db)).rows;
  const states = new Map([...current, ...earlier].map(({ cluster: name, fields }): [string, Record<string, string>] => [name, { ...fieldsFromText(fields ?? '{}') }]));
  if (at >= (await keptSince(db) ?? -Infinity)) {
    const changes = (await sql<Change>`
      select h.cluster, h.field, h.after from states s
      join history h on h.cluster = s.cluster and h.at <= ${at}
        and h.at > coalesce((select max(e.at) from daily_states e where e.cluster = s.cluster and e.at <= ${at}), -1)
      where s.at > ${at} ${one} order by s.cluster, h.at, h.id`.execute(db)).rows; // By h.id alone, SQLite would go through all of the history.
    for (const { cluster: name, field, after } of changes) {
      const fields = states.get(name) ?? {};
      if (after === null) delete fields[field];
      else fields[field] = after;
      states.set(name, fields);
    }
  }
  const known = [...states].filter(([, fields]) => Object.keys(fields).length > 0);
  return new Map(known.sort(([a], [b]) => (a < b ? -1 : 1)));
}
