/** `-o table|json|yaml|name`, the same for every command that shows things. */
import { Option } from 'commander';
import { stringify } from 'yaml';
import { table } from './table.ts';

const FORMATS = ['table', 'json', 'yaml', 'name'] as const;
export type Format = (typeof FORMATS)[number];

export const formatOption = (): Option => new Option('-o, --output <format>', 'how to print').choices(FORMATS).default('table');

export interface Listing {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What json and yaml show; whole objects, not the table's cells. */
  readonly value: unknown;
  /** `kind/name` lines. */
  readonly names: readonly string[];
  /** Printed on standard error where the table has no rows. */
  readonly empty: string;
}

export function render(format: Format, listing: Listing): { readonly out: string; readonly err: string } {
  switch (format) {
    case 'json': return { out: `${JSON.stringify(listing.value, null, 2)}\n`, err: '' };
    case 'yaml': return { out: stringify(listing.value), err: '' };
    case 'name': return { out: listing.names.map((name) => `${name}\n`).join(''), err: '' };
    case 'table': return listing.rows.length === 0 ? { out: '', err: `${listing.empty}\n` } : { out: table(listing.headings, listing.rows), err: '' };
  }
}
