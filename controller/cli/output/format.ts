/** `-o table|wide|json|yaml|csv|name`, the same for every command that shows things. */
import { Option } from 'commander';
import { stringify } from 'yaml';
import { csv } from './csv.ts';
import { aligned } from './table.ts';

const FORMATS = ['table', 'wide', 'json', 'yaml', 'csv', 'name'] as const;
export type Format = (typeof FORMATS)[number];

export const formatOption = (): Option => new Option('-o, --output <format>', 'how to print').choices(FORMATS).default('table');

export interface Cells {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Listing extends Cells {
  /** More columns, for `-o wide`; left out: the same as the table. */
  readonly wide?: Cells;
  /** Whole values under plain headings, for `-o csv`; left out: the table's cells. */
  readonly csv?: Cells;
  /** What json and yaml show; whole objects, not the table's cells. */
  readonly value: unknown;
  /** `kind/name` lines. */
  readonly names: readonly string[];
  /** Printed on standard error where the table has no rows. */
  readonly empty: string;
}

/** `headings` false: `--no-headers`. */
export function render(format: Format, listing: Listing, headings = true): { readonly out: string; readonly err: string } {
  const withHeadings = (cells: Cells): readonly (readonly string[])[] => [...headings ? [cells.headings] : [], ...cells.rows];
  switch (format) {
    case 'json': return { out: `${JSON.stringify(listing.value, null, 2)}\n`, err: '' };
    case 'yaml': return { out: stringify(listing.value), err: '' };
    case 'csv': return { out: csv(withHeadings(listing.csv ?? listing)), err: '' };
    case 'name': return { out: listing.names.map((name) => `${name}\n`).join(''), err: '' };
    case 'table': case 'wide': {
      const cells = format === 'wide' ? listing.wide ?? listing : listing;
      return cells.rows.length === 0 ? { out: '', err: `${listing.empty}\n` } : { out: aligned(withHeadings(cells)).text, err: '' };
    }
  }
}
