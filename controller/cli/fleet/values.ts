/** Recorded values and their authors as cells of a table. */
import type { HistoryEntry } from '../../../mesh/model/history.ts';

const WIDEST_VALUE = 40;

/** Texts without their quotes, a property as its value, a condition as its outcome; anything else as JSON. */
export function fullValue(text: string | null): string {
  if (text === null) return '-';
  const value = JSON.parse(text) as unknown;
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'observedAt' in value && 'value' in value) return String(value.value);
  if (typeof value === 'object' && value !== null && 'lastTransitionTime' in value && 'status' in value && 'reason' in value) return `${String(value.status)} ${String(value.reason)}`;
  return text;
}

export function shortValue(text: string | null): string {
  const full = fullValue(text);
  return full.length > WIDEST_VALUE ? `${full.slice(0, WIDEST_VALUE - 1)}…` : full;
}

/** BY, APPROVED-BY and REASON; for wide tables also RUN. */
export function authorCells(author: Pick<HistoryEntry, 'by' | 'run' | 'reason' | 'approvedBy'> | null, isWide: boolean): string[] {
  if (author === null) return isWide ? ['-', '-', '-', '-'] : ['-', '-', '-'];
  const { by, run, reason, approvedBy } = author;
  return [by, approvedBy.length === 0 ? '-' : approvedBy.join(','), reason ?? '-', ...isWide ? [run ?? '-'] : []];
}
