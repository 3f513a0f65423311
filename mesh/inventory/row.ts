/** A cluster as queries see it: one row of the fleet, every fact with its source and age. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import { fromRfc3339, type Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { factsOf } from './row-facts.ts';
import type { FleetFact } from './row-reading.ts';

export type { FleetFact } from './row-reading.ts';

/** A fact that is not in `facts` is unknown. */
export interface FleetRow {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly properties: readonly { readonly name: string; readonly value: string; readonly source: 'declared' | 'observed'; readonly observedAt: Instant }[];
  readonly facts: Readonly<Record<string, FleetFact>>;
}

/** Fields that cannot be read as what they should be are left out: unknown. Labels and properties sorted by name. */
export function rowOf(name: string, fields: ClusterFields): FleetRow {
  const read = fieldReader(fields);
  const labels: Record<string, string> = {};
  const properties: FleetRow['properties'][number][] = [];
  const keys = Object.keys(fields).sort(compareText);
  for (const field of keys) {
    if (field.startsWith('labels.')) {
      const value = read(field);
      if (typeof value === 'string') labels[field.slice(7)] = value;
    } else if (field.startsWith('properties.')) {
      const value = read(field);
      if (isProperty(value)) properties.push({ name: field.slice(11), value: value.value, source: value.source, observedAt: fromRfc3339(value.observedAt) ?? 0 });
    }
  }
  return { name, labels, properties, facts: factsOf(read, keys) };
}

/** Each field is read once; one that is no JSON is as if it were not there. */
export function fieldReader(fields: ClusterFields): (field: string) => unknown {
  const known = new Map<string, unknown>();
  return (field) => {
    if (known.has(field)) return known.get(field);
    let value: unknown;
    try {
      value = Object.hasOwn(fields, field) ? JSON.parse(fields[field]!) as unknown : undefined;
    } catch {
      value = undefined;
    }
    known.set(field, value);
    return value;
  };
}

export function isProperty(value: unknown): value is { value: string; source: 'declared' | 'observed'; observedAt: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { value: text, source, observedAt } = value as Record<string, unknown>;
  return typeof text === 'string' && (source === 'declared' || source === 'observed') && typeof observedAt === 'string';
}
