/** A cluster as queries see it: one row of the fleet, every fact with its source and age. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import { fromRfc3339, type Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { factsOf, type FleetFact } from './row-facts.ts';

export type { FactSource, FleetFact } from './row-facts.ts';

/** A fact that is not in `facts` is unknown. */
export interface FleetRow {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly properties: readonly { readonly name: string; readonly value: string; readonly source: 'declared' | 'observed'; readonly observedAt: Instant }[];
  readonly facts: Readonly<Record<string, FleetFact>>;
}

/** Fields that cannot be read as what they should be are left out: unknown. Labels and properties sorted by name. */
export function rowOf(name: string, fields: ClusterFields): FleetRow {
  const labels: Record<string, string> = {};
  const properties: FleetRow['properties'][number][] = [];
  for (const field of Object.keys(fields).sort(compareText)) {
    const value = (field.startsWith('labels.') || field.startsWith('properties.')) ? readField(fields, field) : undefined;
    if (field.startsWith('labels.')) {
      if (typeof value === 'string') labels[field.slice(7)] = value;
    } else if (isProperty(value)) {
      properties.push({ name: field.slice(11), value: value.value, source: value.source, observedAt: fromRfc3339(value.observedAt) ?? 0 });
    }
  }
  return { name, labels, properties, facts: factsOf((field) => readField(fields, field), Object.keys(fields)) };
}

function readField(fields: ClusterFields, field: string): unknown {
  const text = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isProperty(value: unknown): value is { value: string; source: 'declared' | 'observed'; observedAt: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { value: text, source, observedAt } = value as Record<string, unknown>;
  return typeof text === 'string' && (source === 'declared' || source === 'observed') && typeof observedAt === 'string';
}
