/** The one selector form, used in every policy and on the command line. */
import { matchesGlob } from './glob.ts';

/**
 * All given parts must match; an empty selector matches every cluster. Keys name labels first, then properties.
 * Values are globs (`*`, `?`); a list means any of them.
 */
export interface ClusterSelector {
  readonly labels?: Readonly<Record<string, string | readonly string[]>>;
  readonly exclude_labels?: Readonly<Record<string, string | readonly string[]>>;
  /** Globs over cluster names. */
  readonly names?: readonly string[];
}

/** What selectors and queries look at. A `ClusterView` is one. */
export interface SelectorSubject {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

/** Value of a label or, where there is none of that key, of a property. */
export function valueOf(subject: SelectorSubject, key: string): string | undefined {
  if (Object.hasOwn(subject.labels, key)) return subject.labels[key];
  return subject.properties.find((property) => property.name === key)?.value;
}

/** A cluster without the key matches no `labels` entry and no `exclude_labels` entry. One matching `exclude_labels` entry is enough to be excluded. */
export function matchesSelector(selector: ClusterSelector, subject: SelectorSubject): boolean {
  if (selector.names !== undefined && !matchesAny(selector.names, subject.name)) return false;
  const matchesEntry = ([key, globs]: [string, string | readonly string[]]): boolean => {
    const value = valueOf(subject, key);
    return value !== undefined && matchesAny(typeof globs === 'string' ? [globs] : Array.isArray(globs) ? globs : [], value);
  };
  return Object.entries(selector.labels ?? {}).every(matchesEntry) && !Object.entries(selector.exclude_labels ?? {}).some(matchesEntry);
}

const matchesAny = (globs: readonly string[], value: string): boolean => globs.some((glob) => matchesGlob(glob, value));

/** What the schema cannot see: a key without text, a list that can match nothing, a value that is no text. `undefined`: fine. */
export function selectorProblem(selector: ClusterSelector): string | undefined {
  for (const part of ['labels', 'exclude_labels'] as const) {
    for (const [key, globs] of Object.entries(selector[part] ?? {})) {
      if (key === '') return `${part}: has an empty key; name a label or a property`;
      const problem = globsProblem(`${part}[${JSON.stringify(key)}]`, typeof globs === 'string' ? [globs] : globs);
      if (problem !== undefined) return problem;
    }
  }
  return selector.names === undefined ? undefined : globsProblem('names', selector.names);
}

function globsProblem(field: string, globs: unknown): string | undefined {
  if (!Array.isArray(globs)) return `${field}: ${JSON.stringify(globs)} is neither a text nor a list of texts`;
  if (globs.length === 0) return `${field}: is an empty list, which matches nothing; list at least one glob or leave the entry out`;
  const wrong: unknown = globs.find((glob) => typeof glob !== 'string');
  return wrong === undefined ? undefined : `${field}: ${JSON.stringify(wrong)} is not a text; put numbers and booleans in quotes`;
}
