/** A saved query by its name, or what was probably meant. */
import { nearest } from '../model/near.ts';
import { type FleetQueryObject, fleetQuerySpec } from './resources/fleet-query.ts';

export interface SavedQuery {
  readonly text: string;
  /** Empty: the usual ones. */
  readonly columns: readonly string[];
}

/** `found`: the object of that name. `names`: those of all, asked for only where it is not there. */
export function readSavedQuery(name: string, found: FleetQueryObject | undefined, names: () => readonly string[]): SavedQuery | { readonly problem: string } {
  if (found === undefined) {
    const known = names();
    const near = nearest(name, known);
    const wayOut = near !== undefined ? `did you mean "${near}"?` : known.length === 0 ? 'a FleetQuery object makes one' : '"kubectl get fleetqueries" lists them';
    return { problem: `saved query "${name}": there is none of that name; ${wayOut}` };
  }
  const { query, columns } = fleetQuerySpec.parse(found.spec ?? {});
  return { text: query, columns };
}
