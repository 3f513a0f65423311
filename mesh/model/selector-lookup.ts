/** What a key means on one cluster: name, label, property or fact, and whether it is known at all. */
import type { ValueKind } from './compare.ts';
import type { Instant } from './instant.ts';
import { isKnownFact, isMomentary, isOfTheHub, kindOf } from './selector-facts.ts';

export interface SelectorFact {
  readonly value: string | number | boolean;
  /** Of a fact that has several values; `value` then joins them with commas. Empty, of a fact that is no list: the cluster is known to have none. */
  readonly values?: readonly string[];
  /** A true boolean that is false from then on. */
  readonly until?: Instant;
}

/** What selectors and queries look at. `ClusterView` and `FleetRow` are. */
export interface SelectorSubject {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly properties: readonly { readonly name: string; readonly value: string; readonly source?: string }[];
  readonly facts?: Readonly<Record<string, SelectorFact>>;
}

/** Texts of a key, one but for lists. `unknown`: a fact of which nobody has told; `absent`: no such label or property, or a fact of which it is known that the cluster has none. */
export type Found =
  | { readonly state: 'known'; readonly texts: readonly string[]; readonly kind: ValueKind; readonly until?: Instant }
  | { readonly state: 'unknown' | 'absent' };

const UNKNOWN: Found = { state: 'unknown' };
const ABSENT: Found = { state: 'absent' };

/**
 * `name`, then labels, properties and facts, in this order; but what an agent reports as a property never stands for what the hub knows itself.
 * `steady`: as selectors see it, without facts of the moment.
 */
export function lookUp(subject: SelectorSubject, key: string, steady: boolean): Found {
  if (key === 'name') return { state: 'known', texts: [subject.name], kind: 'text' };
  if (Object.hasOwn(subject.labels, key)) return { state: 'known', texts: [subject.labels[key]!], kind: 'any' };
  const ofTheHub = subject.facts !== undefined && isOfTheHub(key);
  for (const property of subject.properties) {
    if (property.name === key && !(ofTheHub && property.source === 'observed')) return { state: 'known', texts: [property.value], kind: isKnownFact(key) && property.source === 'observed' ? kindOf(key) : 'any' };
  }
  if (!isKnownFact(key)) return ABSENT;
  const fact = (steady && isMomentary(key)) || subject.facts === undefined || !Object.hasOwn(subject.facts, key) ? undefined : subject.facts[key];
  if (fact === undefined) return UNKNOWN;
  if (fact.values?.length === 0 && kindOf(key) !== 'list') return ABSENT;
  return { state: 'known', texts: fact.values ?? [String(fact.value)], kind: kindOf(key), ...(fact.until === undefined ? {} : { until: fact.until }) };
}

/** For showing: value of a label or, where there is none of that key, of a property or a fact; several values are joined with commas. */
export function valueOf(subject: SelectorSubject, key: string): string | undefined {
  const found = lookUp(subject, key, false);
  return found.state === 'known' ? found.texts.join(',') : undefined;
}
