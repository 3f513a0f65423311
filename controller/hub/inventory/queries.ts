/** Answers queries of the fleet: of this moment from memory, of a past one from the records, by the same rows in both. */
import type { FleetQueryObject } from '../../../mesh/api/resources/fleet-query.ts';
import type { QueryAnswer, QueryRow } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { readSavedQuery, type SavedQuery } from '../../../mesh/api/saved-query.ts';
import { type AskedFleet, answerHead, type Head, shownRow, toldAt, USUAL_COLUMNS } from '../../../mesh/inventory/answer.ts';
import { indexOf, keysOf } from '../../../mesh/inventory/past.ts';
import { pointedAt } from '../../../mesh/inventory/pointing.ts';
import { isKey, readQuery } from '../../../mesh/inventory/reading.ts';
import type { FleetRow } from '../../../mesh/inventory/row.ts';
import type { ClusterFields } from '../../../mesh/model/cluster-fields.ts';
import { fromRfc3339, type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { WrongQuery } from '../inquiry/answers.ts';
import type { LiveRows } from './freshness.ts';
import { createPages } from './query-pages.ts';

type Question = NonNullable<InquiryObject['spec']['query']>;

export interface QueriesParts {
  readonly clock: Clock;
  readonly records: Pick<RecordStore, 'statesAt' | 'historyKeptSince'>;
  readonly live: LiveRows;
  readonly saved: Pick<Cache<FleetQueryObject>, 'get' | 'list'>;
}

/** Clusters that match, of one moment. */
interface Matching {
  readonly head: Head;
  readonly rows: readonly FleetRow[];
  /** Of a past moment, by cluster; undefined: it is now. */
  readonly states: ReadonlyMap<string, ClusterFields> | undefined;
}

export interface Queries {
  answer(question: Question, asked: { readonly signal: CancelSignal }): Promise<QueryAnswer>;
  /** Without pages, for whoever makes another answer of them. */
  match(question: Pick<Question, 'text' | 'saved' | 'at'>, signal: CancelSignal): Promise<Matching>;
}

export function createQueries({ clock, records, live, saved }: QueriesParts): Queries {
  const pages = createPages<Head, FleetRow, QueryRow>(clock.now(), (row, head) => shownRow(row, head));

  function named(name: string): SavedQuery {
    const read = readSavedQuery(name, saved.get({ name }), () => saved.list().map(({ metadata }) => metadata.name));
    if ('problem' in read) throw new AdvisedError('user', read.problem);
    return read;
  }

  async function fleetAt(at: Instant | undefined, now: Instant, signal: CancelSignal): Promise<AskedFleet & Pick<Matching, 'states'>> {
    if (at === undefined) return { keys: live.index.size === 0 ? undefined : live.index.keys, index: () => Promise.resolve(live.index), total: live.index.size, from: 'memory', at: now, heardAt: (row) => live.heardAt(row, now), notes: [], states: undefined };
    if (at > now) throw new WrongQuery(`at: ${toRfc3339(at)} is in the future, it is ${toRfc3339(now)} now`);
    const states = await records.statesAt(at);
    const since = await records.historyKeptSince();
    const notes: string[] = [];
    if (states.size === 0 && live.index.size > 0) notes.push(`nothing is recorded from before ${toRfc3339(at)}, so what there was then is not known`);
    else if (since !== null && at < since) notes.push(`what is older than ${toRfc3339(since)} is kept by the day: this is as of the end of each cluster's last day with a change`);
    return {
      keys: states.size === 0 ? undefined : keysOf(states, live.index.keys), index: (query) => indexOf(states, query, at, () => clock.sleepUntil(clock.now() + 1, signal)), total: states.size, from: 'records', at, heardAt: toldAt(at), notes, states,
    };
  }

  const sent = ({ head, rows, next }: ReturnType<typeof pages.next>): QueryAnswer => ({ ...head.answer, rows, ...(next === undefined ? {} : { continue: next }) });

  async function match(question: Omit<Question, 'limit' | 'continue'>, signal: CancelSignal): Promise<Matching> {
    const now = clock.now();
    const { text, columns } = question.saved === undefined ? { text: question.text ?? '', columns: [] } : named(question.saved);
    const at = question.at === undefined ? undefined : fromRfc3339(question.at);
    const fleet = await fleetAt(at, now, signal);
    const read = readQuery(text, question.orderBy, fleet.keys);
    if ('problem' in read) throw new WrongQuery(`${question.saved === undefined ? '' : `saved query "${question.saved}": `}${pointedAt(read, read.text)}`);
    const shown = [question.columns ?? [], columns, USUAL_COLUMNS].find((some) => some.length > 0) ?? USUAL_COLUMNS;
    const wrong = shown.find((key) => !isKey(key));
    if (wrong !== undefined) throw new WrongQuery(`columns: ${JSON.stringify(wrong)} is no key: name labels, properties and facts`);
    if (at === undefined && [...read.keys, ...shown].includes('last-heard')) live.tellHeard(now);
    return { ...await answerHead(fleet, text, read, shown), states: fleet.states };
  }

  return {
    match,
    async answer({ limit = Number.POSITIVE_INFINITY, continue: next, ...question }, { signal }) {
      const now = clock.now();
      if (next !== undefined) return sent(pages.next(next, limit, now));
      const { head, rows } = await match(question, signal);
      return sent(pages.first(head, rows, limit, now));
    },
  };
}
