/** What a query of the fleet is answered with: rows, where they come from and how old that is. */

/** One cluster, as a query shows it. */
export interface QueryRow {
  readonly name: string;
  /** By key, as asked for; a key without an entry is in `unknown`, or the cluster is known not to have it. Times are RFC 3339; several values are a list. */
  readonly columns: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Keys of the query or its columns of which nobody has told the hub yet: not the same as no. */
  readonly unknown: readonly string[];
  /** How long the cluster's agent had been silent at `QueryAnswer.at`; null: never heard. What it told before may have changed since. */
  readonly ageSeconds: number | null;
}

/** How fresh one source is over the clusters that matched. */
export interface QuerySource {
  /** `declared`: by people, in objects. `observed`: by agents. `hub`: the hub itself. */
  readonly source: 'declared' | 'observed' | 'hub';
  readonly clusters: number;
  /** RFC 3339; null: no cluster of these has told anything, or (of the hub, where it did not answer itself) nobody knows. */
  readonly newestAt: string | null;
  readonly oldestAt: string | null;
  /** The cluster of `oldestAt`. */
  readonly oldest: string | null;
  /** Clusters of which this source has never told anything. */
  readonly never: number;
}

export interface QueryAnswer {
  /** As it was read; of a saved query its own. */
  readonly query: string;
  /** RFC 3339: the moment that is answered for. */
  readonly at: string;
  /** Where it comes from: the hub's memory, its records (a past moment), or Cluster objects alone (no hub answered). */
  readonly from: 'memory' | 'records' | 'objects';
  readonly columns: readonly string[];
  readonly rows: readonly QueryRow[];
  /** Over all pages, before a limit of the query. */
  readonly matched: number;
  /** Clusters that would match if something were known of them that nobody has told: they are not among the rows. */
  readonly undecided: number;
  /** The first of them, by name. */
  readonly undecidedNames: readonly string[];
  /** Clusters of the fleet at that moment. */
  readonly total: number;
  readonly usedIndex: string;
  /** Clusters that were looked at to find those that match. */
  readonly examined: number;
  readonly sources: readonly QuerySource[];
  /** What the one who asks should know, in sentences. */
  readonly notes: readonly string[];
  /** More clusters follow: ask again with `continue`, within a minute. */
  readonly continue?: string;
}
