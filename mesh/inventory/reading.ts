/** A query as a person asks it of a fleet: its text, another order, and what to say where it names a key that no cluster has. */
import type { Query } from './query-form.ts';
import { parseQuery, type QueryKeys, type QueryProblem } from './query-parse.ts';

export interface ReadQuery {
  readonly query: Query;
  /** Of the terms and the order. */
  readonly keys: readonly string[];
  readonly notes: readonly string[];
}

/**
 * A key that no cluster has is probably misspelt where another is near it, which is a problem; else nobody has that label (any more), which is an answer and is noted.
 * `known` undefined: there is no cluster that could have a key. The problem of an `orderBy` points into that text.
 */
export function readQuery(text: string, orderBy: string | undefined, known: QueryKeys | undefined): ReadQuery | (QueryProblem & { readonly text: string }) {
  const parts: Query[] = [];
  const notes: string[] = [];
  for (const part of orderBy === undefined ? [text] : [text, `order by ${orderBy}`]) {
    const strict = parseQuery(part, known);
    const read = 'problem' in strict && strict.proposal === undefined ? parseQuery(part) : strict;
    if ('problem' in read) return { ...read, text: part };
    if (parts.length === 1 && read.query.limit !== null) return { problem: 'an order has no limit; give the query one', column: part.toLowerCase().lastIndexOf('limit') + 1, text: part };
    if ('problem' in strict) notes.push(strict.problem);
    parts.push(read.query);
  }
  const [own, other] = parts;
  const query: Query = { terms: own?.terms ?? [], limit: own?.limit ?? null, orderBy: other?.orderBy ?? own?.orderBy ?? [] };
  return { query, keys: [...new Set([...query.terms, ...query.orderBy].map(({ key }) => key))], notes };
}

/** Whether a query could name it. */
export function isKey(text: string): boolean {
  const parsed = parseQuery(`order by ${text}`);
  return 'query' in parsed && parsed.query.orderBy.length === 1 && parsed.query.orderBy[0]?.key === text;
}
