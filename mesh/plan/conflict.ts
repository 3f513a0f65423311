/** What was found before a mesh is written, as data. */
import type { CheckName } from './checks.ts';

export interface Conflict {
  readonly reason: CheckName;
  /** Names the clusters, the field, the values and the way out. */
  readonly message: string;
  /** Sorted. */
  readonly clusters: readonly string[];
}
