/** Recorded values and their authors as cells of a table. */
import type { HistoryEntry } from '../../../mesh/model/history.ts';
import { shortId } from '../output/index.ts';

const WIDEST_VALUE = 40;

/** Texts without their quotes, a property as its value, a condition as its outcome, a desired state as its id; anything else as JSON. */
export const fullValue = (text: string | null): string => shown(text, (id) => id);

export function shortValue(text: string | null): string {
  const value = shown(text, shortId);
  return value.length > WIDEST_VALUE ? `${value.slice(0, WIDEST_VALUE - 1)}…` : value;
}

function shown(text: string | null, idOf: (id: string) => string): string {
  if (text === null) return '-';
  const value = JSON.parse(text) as unknown;
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return text;
  if ('observedAt' in value && 'value' in value) return String(value.value);
  if ('lastTransitionTime' in value && 'status' in value && 'reason' in value) return `${String(value.status)} ${String(value.reason)}`;
  // Run, stage and time of a desired state are rows and columns of their own.
  return 'id' in value && ('run' in value || 'by' in value) ? idOf(String(value.id)) : text;
}

/** BY, APPROVED-BY and REASON; for wide tables also RUN. */
export function authorCells(author: Pick<HistoryEntry, 'by' | 'run' | 'reason' | 'approvedBy'> | null, isWide: boolean): string[] {
  if (author === null) return isWide ? ['-', '-', '-', '-'] : ['-', '-', '-'];
  const { by, run, reason, approvedBy } = author;
  return [by, approvedBy.length === 0 ? '-' : approvedBy.join(','), reason ?? '-', ...isWide ? [run ?? '-'] : []];
}
