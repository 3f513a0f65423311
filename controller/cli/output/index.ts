import type { Environment } from '../environment.ts';
import { type Format, type Listing, render } from './format.ts';

export { age, shortId, table } from './table.ts';
export { formatOption, type Format, type Listing } from './format.ts';

export function print(environment: Environment, format: Format, listing: Listing): void {
  const { out, err } = render(format, listing);
  if (out !== '') environment.out(out);
  if (err !== '') environment.err(err);
}
