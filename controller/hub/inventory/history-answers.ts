/** Answers questions about the past of clusters, from the records. */
import type { DiffAnswer, FieldDifference, HistoryAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { changesOf } from '../../../mesh/inventory/changes.ts';
import { type ClusterFields, isEcho } from '../../../mesh/model/cluster-fields.ts';
import { fromRfc3339, type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { nearest } from '../../../mesh/model/near.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { type Answers, WrongQuery } from '../inquiry/answers.ts';

/** Rows between two moments that are looked at for who wrote last. */
const MOST_ROWS = 1000;
const NOTHING: ClusterFields = {};
const NOBODY = { by: '', run: null, reason: null, approvedBy: [] };

export interface HistoryAnswersParts {
  readonly clock: Clock;
  readonly records: RecordStore;
  readonly clusters: Pick<Cache<ClusterObject>, 'get' | 'list'>;
}

export function historyAnswers({ clock, records, clusters }: HistoryAnswersParts): Pick<Answers, 'history' | 'diff'> {
  /** undefined where it is not asked for. */
  function instant(name: string, text: string | undefined): Instant | undefined {
    const at = fromRfc3339(text);
    const now = clock.now();
    if (at !== undefined && at > now) throw new WrongQuery(`${name}: ${toRfc3339(at)} is in the future, it is ${toRfc3339(now)} now`);
    return at;
  }

  /** Clusters that are gone have a past as well. */
  async function mustBeKnown(cluster: string): Promise<void> {
    if (clusters.get({ name: cluster }) !== undefined) return;
    if ((await records.listHistory({ cluster, field: '*', limit: 1 })).length > 0) return;
    if ((await records.statesAt(clock.now(), cluster)).size > 0) return;
    const near = nearest(cluster, clusters.list().map(({ metadata }) => metadata.name));
    throw new AdvisedError('user', `cluster "${cluster}": there is none of that name, and the records know of none; ${near === undefined ? '"isthmus fleet query" lists them' : `did you mean "${near}"?`}`);
  }

  async function otherNames(cluster: string): Promise<HistoryAnswer['otherNames']> {
    const [last] = await records.listHistory({ cluster, field: 'uid', limit: 1 });
    const uid = (await records.statesAt(clock.now(), cluster)).get(cluster)?.['uid'] ?? last?.before ?? undefined;
    if (uid === undefined) return [];
    return (await records.namesOf(uid)).filter((one) => one.cluster !== cluster).map((one) => ({ cluster: one.cluster, since: toRfc3339(one.at) }));
  }

  async function keptSince(): Promise<string | null> {
    const since = await records.historyKeptSince();
    return since === null ? null : toRfc3339(since);
  }

  return {
    async history({ cluster, field, since, until, limit }): Promise<HistoryAnswer> {
      const [from, to] = [instant('since', since), fromRfc3339(until)];
      if (from !== undefined && to !== undefined && to <= from) throw new WrongQuery(`until: ${toRfc3339(to)} is not after since, ${toRfc3339(from)}`);
      if (cluster !== undefined) await mustBeKnown(cluster);
      const entries = await records.listHistory({
        limit: limit + 1, ...(cluster === undefined ? {} : { cluster }), ...(field === undefined ? {} : { field }), ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }),
      });
      return { entries: entries.slice(0, limit), more: entries.length > limit, keptSince: await keptSince(), otherNames: cluster === undefined ? [] : await otherNames(cluster) };
    },

    async diff({ cluster, at, to }): Promise<DiffAnswer> {
      const first = instant('at', at) ?? clock.now();
      const second = instant('to', to) ?? clock.now();
      await mustBeKnown(cluster);
      const [before, after] = await Promise.all([first, second].map(async (moment) => (await records.statesAt(moment, cluster)).get(cluster) ?? NOTHING)) as [ClusterFields, ClusterFields];
      const changed = changesOf({ cluster, at: second, before, after, authorOf: () => NOBODY }).filter(({ field }) => !isEcho(field));
      const rows = await records.listHistory({ cluster, field: '*', from: Math.min(first, second), to: Math.max(first, second) + 1, limit: MOST_ROWS });
      const lastOf = (field: string): FieldDifference['last'] => {
        const row = rows.find((one) => one.field === field);
        return row === undefined ? null : { at: row.at, by: row.by, run: row.run, reason: row.reason, approvedBy: row.approvedBy };
      };
      const since = await records.historyKeptSince();
      return {
        cluster, at: toRfc3339(first), to: toRfc3339(second),
        notes: [first, second].flatMap((moment, index) => noteOf(cluster, moment, index === 0 ? before : after, since)),
        changes: changed.map((one) => ({ field: one.field, before: one.before, after: one.after, last: lastOf(one.field) })),
      };
    },
  };
}

function noteOf(cluster: string, moment: Instant, fields: ClusterFields, keptSince: Instant | null): readonly string[] {
  if (Object.keys(fields).length === 0) return [`nothing is recorded of ${cluster} as of ${toRfc3339(moment)}`];
  if (keptSince === null || moment >= keptSince) return [];
  return [`what is older than ${toRfc3339(keptSince)} is kept by the day: ${toRfc3339(moment)} is as of the end of the last day with a change`];
}
