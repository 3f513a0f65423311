/** Tables as kubectl prints them: upper-case headings, three spaces between columns, no lines. */
export const table = (headings: readonly string[], rows: readonly (readonly string[])[]): string => aligned([headings, ...rows]).text;

/** Columns as wide as their widest cell, and at least `widths`; the last cell of a line is not padded. */
export function aligned(lines: readonly (readonly string[])[], widths: readonly number[] = []): { readonly text: string; readonly widths: readonly number[] } {
  const wide = (lines[0] ?? []).map((_, column) => lines.reduce((widest, line) => Math.max(widest, (line[column] ?? '').length), widths[column] ?? 0));
  const text = lines.map((line) => line.map((cell, column) => (column === line.length - 1 ? cell : cell.padEnd((wide[column] ?? 0) + 3))).join('').trimEnd()).join('\n') + '\n';
  return { text, widths: wide };
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
