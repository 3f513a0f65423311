/** How figures are counted and told. */

/** The value below which `share` (0 to 1) of all lie; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Three significant digits, as people read them. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export const milliseconds = (value: number): string => `${number(value)} ms`;
export const mebibytes = (bytes: number): string => `${number(bytes / 1024 / 1024)} MiB`;

/** `ours` beside `baseline`, which is named in the line above. */
export const ratio = (ours: number, baseline: number): string => `${number(ours / baseline)} ×`;

/** Rows as columns; the first column to the left, figures to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd()).join('\n');
}
