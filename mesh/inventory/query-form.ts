/** A query of the fleet as a value. */
import type { Comparison, Scalar } from '../model/compare.ts';

/** `exists` and `missing`: of a boolean fact its truth, of a list whether there is any, of anything else whether it is known. */
export type QueryOperator = 'exists' | 'missing' | 'in' | 'notin' | Comparison;

export interface QueryTerm {
  readonly key: string;
  readonly operator: QueryOperator;
  /** Globs of `in` and `notin`; one text of a comparison; none otherwise. */
  readonly texts: readonly string[];
  /** The same, read as numbers, versions, times and ages. */
  readonly scalars: readonly Scalar[];
}

export interface QueryOrder {
  readonly key: string;
  readonly descending: boolean;
}

/** All terms must match; no terms match every cluster. */
export interface Query {
  readonly terms: readonly QueryTerm[];
  /** Then by name. */
  readonly orderBy: readonly QueryOrder[];
  /** null: all. */
  readonly limit: number | null;
}
