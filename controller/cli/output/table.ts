/** Tables as kubectl prints them: upper-case headings, three spaces between columns, no lines. */
export const table = (headings: readonly string[], rows: readonly (readonly string[])[]): string => aligned([headings, ...rows]);

/** As wide as the widest cell of each column; the last column is not padded. */
export function aligned(all: readonly (readonly string[])[]): string {
  const widths = (all[0] ?? []).map((_, column) => all.reduce((widest, row) => Math.max(widest, (row[column] ?? '').length), 0));
  return all.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3))).join('').trimEnd()).join('\n') + '\n';
}

/** `45s`, `12m`, `3h20m`, `5d`: kubectl's ages. */
export function age(fromMilliseconds: number | undefined, now: number): string {
  if (fromMilliseconds === undefined) return '<unknown>';
  const seconds = Math.max(0, Math.floor((now - fromMilliseconds) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10) return `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}

/** Enough of a content id to tell it from others at a glance. */
export const shortId = (id: string | null | undefined): string => (id === null || id === undefined ? '<none>' : id.replace(/^sha256-/, '').slice(0, 10));
