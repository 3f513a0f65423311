/** The fleet of a past moment, told by fields: a row is made only of what its name and labels do not exclude, for making one costs more than all the rest. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import type { Instant } from '../model/instant.ts';
import type { Found } from '../model/selector-lookup.ts';
import { createFleetIndex, type FleetIndex } from './fleet-index.ts';
import type { QueryTerm } from './query-form.ts';
import type { QueryKeys } from './query-parse.ts';
import { judgeTerm, type Query, scalarOfFound } from './query.ts';
import { createLazyRows } from './row-lazy.ts';

const PARTS = ['labels.', 'properties.'] as const;

/** Labels and properties of the states, looked for when asked, and those of today: what a key is called does not depend on the moment. */
export function keysOf(states: ReadonlyMap<string, ClusterFields>, today: QueryKeys): QueryKeys {
  return {
    has(key) {
      if (today.has(key)) return true;
      for (const fields of states.values()) if (PARTS.some((part) => Object.hasOwn(fields, `${part}${key}`))) return true;
      return false;
    },
    *[Symbol.iterator]() {
      const seen = new Set<string>(today);
      yield* seen;
      for (const fields of states.values()) {
        for (const field of Object.keys(fields)) {
          const part = PARTS.find((one) => field.startsWith(one));
          const key = part === undefined ? undefined : field.slice(part.length);
          if (key === undefined || seen.has(key)) continue;
          seen.add(key);
          yield key;
        }
      }
    },
  };
}

/** Labels go before properties and facts, so what a label says of its key is final. */
function excluded(term: QueryTerm, name: string, fields: ClusterFields, at: Instant): boolean {
  const text = term.key === 'name' ? name : labelOf(fields, term.key);
  if (text === undefined) return false;
  const found: Found = { state: 'known', texts: [text], kind: term.key === 'name' ? 'text' : 'any' };
  return judgeTerm(term, found, scalarOfFound(found), at) === false;
}

function labelOf(fields: ClusterFields, key: string): string | undefined {
  const field = `labels.${key}`;
  const text = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

const ROWS_AT_ONCE = 250;

/** Of the clusters that the query may match. `pause` lets others have the thread: a fleet of ten thousand takes it for tenths of a second. */
export async function indexOf(states: ReadonlyMap<string, ClusterFields>, query: Query, at: Instant, pause: () => Promise<void>): Promise<FleetIndex> {
  const index = createFleetIndex();
  const rowOf = createLazyRows();
  let made = 0;
  for (const [name, fields] of states) {
    if (query.terms.some((term) => excluded(term, name, fields, at))) continue;
    index.put(rowOf(name, fields));
    made += 1;
    if (made % ROWS_AT_ONCE === 0) await pause();
  }
  return index;
}
