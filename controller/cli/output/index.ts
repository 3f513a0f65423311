import type { Environment } from '../environment.ts';
import { type Format, type Listing, render } from './format.ts';

export { csv } from './csv.ts';
export { age, aligned, shortId, table } from './table.ts';
export { type Cells, formatOption, type Format, type Listing } from './format.ts';

export function print(environment: Environment, format: Format, listing: Listing, headings = true): void {
  const { out, err } = render(format, listing, headings);
  if (out !== '') environment.out(out);
  if (err !== '') environment.err(err);
}
