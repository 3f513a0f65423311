/** How facts are read out of a Cluster's fields, and put. */
import { fromRfc3339, type Instant } from '../model/instant.ts';
import type { SelectorFact } from '../model/selector-lookup.ts';

/** Where a value comes from: the hub's administrators, the cluster's own agent, or the hub's own knowledge. */
type FactSource = 'declared' | 'observed' | 'hub';

/** Times are RFC 3339, CPUs cores, memory bytes. `observedAt` null: nobody said since when. */
export interface FleetFact extends SelectorFact {
  readonly source: FactSource;
  readonly observedAt: Instant | null;
}

/** Where facts are read from, and where they are put. */
export interface Reading {
  /** A field's value; `undefined`: it is not there, or cannot be read. */
  read(field: string): unknown;
  /** A time within a field's value. */
  time(field: string, member: string): Instant | undefined;
  readonly fields: readonly string[];
  readonly facts: Record<string, FleetFact>;
  /** One bit for each of `PARTS` that has been read. */
  done: number;
}

export function put({ facts }: Reading, name: string, value: unknown, source: FactSource, at: Instant | null): void {
  if ((typeof value === 'string' && value !== '') || (typeof value === 'number' && Number.isFinite(value)) || typeof value === 'boolean') facts[name] = { value, source, observedAt: at };
}

export function putList({ facts }: Reading, name: string, values: readonly string[], source: FactSource, at: Instant | null): void {
  facts[name] = { value: values.join(','), values, source, observedAt: at };
}

/** Known to have none, which is not the same as unknown. */
export const putNone = (reading: Reading, name: string, source: FactSource, at: Instant | null): void => putList(reading, name, [], source, at);

export const observedAt = ({ read }: Reading, field: string): Instant | null => instant(read(`observedAt.${field}`)) ?? null;

export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
export const member = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);
export const instant = (value: unknown): Instant | undefined => (typeof value === 'string' ? fromRfc3339(value) : undefined);
export const texts = (value: unknown): readonly string[] | undefined => (Array.isArray(value) ? value.filter((text) => typeof text === 'string') : undefined);
