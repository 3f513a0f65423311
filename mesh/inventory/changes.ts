/** What changed between two moments of a cluster, as history rows: one per field. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import type { HistoryEntry } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import type { Author } from './authors.ts';

export interface Change {
  readonly cluster: string;
  readonly at: Instant;
  readonly before: ClusterFields;
  readonly after: ClusterFields;
  readonly authorOf: (field: string) => Author;
}

/** Every difference, sorted by field: a row that is left out would be missing from every later moment. */
export function changesOf({ cluster, at, before, after, authorOf }: Change): HistoryEntry[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...names].filter((field) => valueOf(before, field) !== valueOf(after, field)).sort(compareText);
  return changed.map((field) => ({ cluster, at, field, before: valueOf(before, field), after: valueOf(after, field), ...authorOf(field) }));
}

const valueOf = (fields: ClusterFields, field: string): string | null => (Object.hasOwn(fields, field) ? fields[field] ?? null : null);

export function sameFields(a: ClusterFields, b: ClusterFields): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((field) => valueOf(a, field) === valueOf(b, field));
}
