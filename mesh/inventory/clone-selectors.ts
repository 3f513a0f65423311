/** A selector taken apart: its conditions one by one, and the keys that each looks at. */
import { type ClusterSelector, matchesSelector, type SelectorSubject } from '../model/selector.ts';

/** One selector for each condition; a cluster matches the whole where it matches each of them. */
export function entriesOf(selector: ClusterSelector): ClusterSelector[] {
  return Object.entries(selector).flatMap(([part, value]): ClusterSelector[] => {
    if (Array.isArray(value)) return part === 'names' ? [{ [part]: value }] : value.map((one) => ({ [part]: [one] }) as ClusterSelector);
    if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, globs]) => ({ [part]: { [key]: globs } }) as ClusterSelector);
    return [{ [part]: value } as ClusterSelector];
  });
}

/** The labels and properties of `subjects` that the condition can look at. For an expression: those whose name stands in it. */
export function keysOf(entry: ClusterSelector, subjects: readonly SelectorSubject[]): string[] {
  return Object.entries(entry).flatMap(([part, value]): string[] => {
    if (part === 'names') return [];
    if (typeof value === 'string') return knownKeys(subjects).filter((key) => standsIn(value, key));
    if (Array.isArray(value)) return value.flatMap((one: { readonly key?: unknown }) => (typeof one.key === 'string' ? [one.key] : []));
    return Object.keys(value ?? {});
  });
}

const knownKeys = (subjects: readonly SelectorSubject[]): string[] =>
  [...new Set(subjects.flatMap(({ labels, properties }) => [...Object.keys(labels), ...properties.map(({ name }) => name)]))].sort();

function standsIn(text: string, key: string): boolean {
  const inName = /[-A-Za-z0-9._/]/;
  for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at + 1)) {
    const before = text[at - 1] ?? ' ', following = text[at + key.length] ?? ' ';
    // `labels.region.startsWith(…)`: a point may stand before and after a name.
    if ((before === '.' || !inName.test(before)) && (following === '.' || !inName.test(following))) return true;
  }
  return false;
}

/** Whether any condition of the selector tells the two apart. */
export const tellsApart = (selector: ClusterSelector, a: SelectorSubject, b: SelectorSubject): boolean => matchesSelector(selector, a) !== matchesSelector(selector, b);
