/** The one selector form, used in every policy and on the command line. Matching lives in `mesh/inventory/selector.ts`. */

/**
 * All given parts must match; an empty selector matches every cluster. Keys name labels first, then properties.
 * Values are globs (`*`, `?`); a list means any of them.
 */
export interface ClusterSelector {
  readonly labels?: Readonly<Record<string, string | readonly string[]>>;
  readonly exclude_labels?: Readonly<Record<string, string | readonly string[]>>;
  /** Globs over cluster names. */
  readonly names?: readonly string[];
}
