/** Long answers in pages: the first page keeps the rows of its moment for a minute, so that the pages that follow are of the same moment. */
import type { Instant } from '../../../mesh/model/instant.ts';
import { AdvisedError } from '../../runtime/errors.ts';

/** Room for quotes, which are doubled on their way: an answer is JSON text within JSON, and etcd takes 1.5 MiB in all. */
const MOST_ROWS_BYTES = 700_000;
const KEPT_SECONDS = 60;
const MOST_KEPT = 16;

interface Kept<Head, Row> {
  readonly head: Head;
  readonly rows: readonly Row[];
  readonly until: Instant;
}

interface Page<Head, Shown> {
  readonly head: Head;
  readonly rows: readonly Shown[];
  /** undefined: this was the last. */
  readonly next: string | undefined;
}

export interface Pages<Head, Row, Shown> {
  first(head: Head, rows: readonly Row[], limit: number, now: Instant): Page<Head, Shown>;
  /** Throws `AdvisedError` where that answer is no longer kept. */
  next(token: string, limit: number, now: Instant): Page<Head, Shown>;
}

/** `epoch` tells tokens of this process from those of an earlier one. `show` makes what is sent of a row. */
export function createPages<Head, Row, Shown>(epoch: Instant, show: (row: Row, head: Head) => Shown): Pages<Head, Row, Shown> {
  const kept = new Map<string, Kept<Head, Row>>();
  let count = 0;

  function page(one: Omit<Kept<Head, Row>, 'until'>, from: number, limit: number): { readonly shown: readonly Shown[]; readonly end: number } {
    const shown: Shown[] = [];
    let bytes = 0;
    for (let at = from; at < one.rows.length && shown.length < limit; at += 1) {
      const row = show(one.rows[at]!, one.head);
      bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
      // One row alone always goes: better refused for its size than asked for without end.
      if (bytes > MOST_ROWS_BYTES && shown.length > 0) break;
      shown.push(row);
    }
    return { shown, end: from + shown.length };
  }

  const forgetOld = (now: Instant): void => {
    for (const [id, { until }] of kept) if (until <= now) kept.delete(id);
  };

  return {
    first(head, rows, limit, now) {
      forgetOld(now);
      const { shown, end } = page({ head, rows }, 0, limit);
      if (end === rows.length) return { head, rows: shown, next: undefined };
      count += 1;
      const id = `${epoch.toString(36)}-${count.toString(36)}`;
      const [oldest] = kept.keys();
      if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest);
      kept.set(id, { head, rows, until: now + KEPT_SECONDS * 1000 });
      return { head, rows: shown, next: `${id}:${end}` };
    },
    next(token, limit, now) {
      forgetOld(now);
      const [id = '', from = ''] = token.split(':');
      const one = kept.get(id);
      const start = Number(from);
      if (one === undefined || !/^\d{1,9}$/.test(from) || start >= one.rows.length) {
        throw new AdvisedError('user', `continue: the answer ${JSON.stringify(token)} is not kept any more (a hub keeps ${MOST_KEPT} answers, each for ${KEPT_SECONDS} s, and none over a restart); ask again from the start`);
      }
      const { shown, end } = page(one, start, limit);
      return { head: one.head, rows: shown, next: end === one.rows.length ? undefined : `${id}:${end}` };
    },
  };
}
