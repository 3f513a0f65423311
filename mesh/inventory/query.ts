/** The query language of `isthmus fleet query`: Kubernetes' set-based selectors with globs for values. */
import { matchesGlob } from '../model/glob.ts';
import { type SelectorSubject, valueOf } from '../model/selector.ts';

/** `globs` empty: the key itself is asked for. */
interface QueryTerm {
  readonly key: string;
  readonly negated: boolean;
  readonly globs: readonly string[];
}

/** All terms must match; no terms match every cluster. */
export interface Query {
  readonly terms: readonly QueryTerm[];
}

const MAX_TEXT = 4096;
const KEY = /[A-Za-z0-9]([-A-Za-z0-9._/]*[A-Za-z0-9])?/y;

/**
 *     query = [ term { "," term } ]
 *     term  = key | "!" key | key ("=" | "==" | "!=") glob | key ("in" | "notin") "(" glob { "," glob } ")"
 *
 * A glob ends at the next `,` `(` or `)`; spaces around it do not count; it may be empty. `column` counts from 1.
 */
export function parseQuery(text: string): { readonly query: Query } | { readonly problem: string; readonly column: number } {
  if (text.length > MAX_TEXT) return { problem: `a query has at most ${MAX_TEXT} characters, this one ${text.length}`, column: MAX_TEXT + 1 };
  const terms: QueryTerm[] = [];
  let at = 0;
  const skipSpace = (): void => { while (text[at] === ' ' || text[at] === '\t') at++; };
  const take = (token: string): boolean => {
    if (!text.startsWith(token, at)) return false;
    at += token.length;
    return true;
  };
  const glob = (): string => {
    const from = at;
    while (at < text.length && !',()'.includes(text[at]!)) at++;
    return text.slice(from, at).trim();
  };
  const problem = (sentence: string) => ({ problem: sentence, column: at + 1 });
  const here = (): string => (at < text.length ? JSON.stringify(text[at]) : 'the end');

  skipSpace();
  while (at < text.length) {
    const absent = take('!');
    skipSpace();
    KEY.lastIndex = at;
    const key = KEY.exec(text)?.[0];
    if (key === undefined) return problem(`expected a key (a label, a property or "name"), found ${here()}`);
    at += key.length;
    skipSpace();
    if (absent) {
      terms.push({ key, negated: true, globs: [] });
    } else if (take('!=')) {
      terms.push({ key, negated: true, globs: [glob()] });
    } else if (take('==') || take('=')) {
      terms.push({ key, negated: false, globs: [glob()] });
    } else if (/^(not)?in(?=[\s(])/.test(text.slice(at, at + 6))) {
      const negated = take('notin');
      if (!negated) take('in');
      skipSpace();
      if (!take('(')) return problem(`expected "(" after ${negated ? 'notin' : 'in'}, found ${here()}`);
      const globs = [glob()];
      while (take(',')) globs.push(glob());
      if (!take(')')) return problem(`expected "," or ")" in the list, found ${here()}`);
      terms.push({ key, negated, globs });
    } else {
      terms.push({ key, negated: false, globs: [] });
    }
    skipSpace();
    if (at === text.length) break;
    if (!take(',')) return problem(`expected "," =, !=, in (…) or notin (…) after ${JSON.stringify(key)}, found ${here()}`);
    skipSpace();
    if (at === text.length) return problem('expected another term after ","');
  }
  return { query: { terms } };
}

/** `name` is the cluster's name; other keys are labels first, then properties. What is missing equals nothing, so `!=` and `notin` match it. */
export function matchesQuery(query: Query, subject: SelectorSubject): boolean {
  return query.terms.every(({ key, negated, globs }) => {
    const value = key === 'name' ? subject.name : valueOf(subject, key);
    const found = value !== undefined && (globs.length === 0 || globs.some((glob) => matchesGlob(glob, value)));
    return found !== negated;
  });
}
