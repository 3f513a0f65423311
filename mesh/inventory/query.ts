/** What a query of the fleet means for one cluster. Its text form: `query-parse.ts`. */
import { compareScalars, holds, type Scalar, scalarOf } from '../model/compare.ts';
import { matchesGlob } from '../model/glob.ts';
import { isOver } from '../model/frozen.ts';
import type { Instant } from '../model/instant.ts';
import { kindOf } from '../model/selector-facts.ts';
import { type Found, lookUp, type SelectorSubject } from '../model/selector-lookup.ts';
import type { Query, QueryTerm } from './query-form.ts';

export type { Query } from './query-form.ts';
export { parseQuery } from './query-parse.ts';

/** A value as it is at `now`: what is true only until then. */
export function textsAt(found: Extract<Found, { state: 'known' }>, now: Instant | undefined): readonly string[] {
  return now !== undefined && isOver(found.until, now) ? ['false'] : found.texts;
}

/** `undefined`: nobody knows. A label or property that is not there is known not to be there, and so is a fact of which the cluster has none; one that cannot be compared does not match. */
export function judgeTerm({ key, operator, texts, scalars }: QueryTerm, found: Found, scalar: Scalar | undefined, now: Instant | undefined): boolean | undefined {
  const kind = found.state === 'known' ? found.kind : kindOf(key);
  if (operator === 'exists' || operator === 'missing') {
    if (found.state === 'unknown') return undefined;
    const present = found.state === 'known' && (kind === 'boolean' ? textsAt(found, now)[0] === 'true' : kind !== 'list' || found.texts.length > 0);
    return present === (operator === 'exists');
  }
  if (found.state === 'unknown') return undefined;
  if (operator === 'in' || operator === 'notin') {
    const among = found.state === 'known' && textsAt(found, now).some((text) => texts.some((glob, index) => matchesGlob(glob, text) || (kind === 'number' && scalar?.number !== undefined && scalar.number === scalars[index]?.number)));
    return among === (operator === 'in');
  }
  if (found.state !== 'known' || found.texts.length === 0) return false;
  const sign = compareScalars(scalar ?? scalarOf(found.texts[0]!, found.kind), scalars[0] ?? {}, found.kind, now);
  return sign !== undefined && holds(operator, sign);
}

/** The number that a `number` is compared as; everything that it can be where its kind is not known. */
export const scalarOfFound = (found: Found): Scalar | undefined => (found.state === 'known' && found.texts.length === 1 && found.kind !== 'boolean' && found.kind !== 'text' ? scalarOf(found.texts[0]!, found.kind) : undefined);

/** True where every term matches; `undefined` where it depends on something that nobody knows. */
export function judgeQuery(query: Query, subject: SelectorSubject, now?: Instant): boolean | undefined {
  let verdict: boolean | undefined = true;
  for (const term of query.terms) {
    const found = lookUp(subject, term.key, false);
    const holdsHere = judgeTerm(term, found, scalarOfFound(found), now);
    if (holdsHere === false) return false;
    if (holdsHere === undefined) verdict = undefined;
  }
  return verdict;
}

/** Without `now` no age matches. */
export const matchesQuery = (query: Query, subject: SelectorSubject, now?: Instant): boolean => judgeQuery(query, subject, now) === true;
