/** The text form of queries: Kubernetes' set-based selectors with globs, comparisons, an order and a limit. */
import { operandProblem, scalarOf } from '../model/compare.ts';
import { nearest } from '../model/near.ts';
import { isKnownFact, KNOWN_FACTS, kindOf } from '../model/selector-facts.ts';
import type { Query, QueryOperator, QueryOrder, QueryTerm } from './query-form.ts';

const MOST_CHARACTERS = 4096;
const MOST_TERMS = 32;
const MOST_ORDERS = 4;
const MOST_LIMIT = 1_000_000;
const KEY = /[A-Za-z0-9]([-A-Za-z0-9._/]*[A-Za-z0-9])?/y;
const CLAUSE = /(?:order\s+by|limit)(?=\s|$)/iy;
const CLAUSE_AFTER_SPACE = /\s+(?:order\s+by|limit)(?=\s|$)/iy;

export interface QueryProblem {
  readonly problem: string;
  /** Where it begins, from 1. */
  readonly column: number;
  /** What was probably meant in place of the word there. */
  readonly proposal?: string;
}

/** Labels and properties that some cluster has. */
export interface QueryKeys {
  has(key: string): boolean;
  [Symbol.iterator](): Iterator<string>;
}

/** Thrown and caught in this file: a query is read by descent. */
class Wrong extends Error {
  readonly at: number;
  readonly proposal: string | undefined;
  constructor(sentence: string, at: number, proposal?: string) {
    super(sentence);
    this.at = at;
    this.proposal = proposal;
  }
}

/**
 *     query = [ term { "," term } ] [ "order" "by" key [ "asc" | "desc" ] { "," key [ "asc" | "desc" ] } ] [ "limit" number ]
 *     term  = key | "!" key | key ("=" | "==" | "!=") glob | key ("<" | "<=" | ">" | ">=") value | key ("in" | "notin") "(" glob { "," glob } ")"
 *
 * A glob ends at the next `,` `(` `)` or where `order by` or `limit` begins; spaces around it do not count; it may be empty, and stand in double quotes.
 * With `keys`, a key that is none of them and no fact is a problem.
 */
export function parseQuery(text: string, keys?: QueryKeys): { readonly query: Query } | QueryProblem {
  try {
    if (text.length > MOST_CHARACTERS) throw new Wrong(`a query has at most ${MOST_CHARACTERS} characters, this one ${text.length}`, MOST_CHARACTERS);
    return { query: read(text, keys) };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { problem: error.message, column: error.at + 1, ...(error.proposal === undefined ? {} : { proposal: error.proposal }) };
  }
}

function read(text: string, keys: QueryKeys | undefined): Query {
  let at = 0;
  const matches = (pattern: RegExp): string | undefined => { pattern.lastIndex = at; return pattern.exec(text)?.[0]; };
  const skipSpace = (): void => { while (/\s/.test(text[at] ?? '')) at++; };
  const take = (token: string): boolean => {
    if (!text.startsWith(token, at)) return false;
    at += token.length;
    return true;
  };
  const here = (): string => (at < text.length ? JSON.stringify(text[at]) : 'the end');
  const wrong = (sentence: string, where = at, proposal?: string): never => { throw new Wrong(proposal === undefined ? sentence : `${sentence}; did you mean ${JSON.stringify(proposal)}?`, where, proposal); };

  function key(what: string): string {
    const found = matches(KEY) ?? wrong(`expected ${what}, found ${here()}`);
    if (keys !== undefined && found !== 'name' && !isKnownFact(found) && !keys.has(found)) {
      wrong(`no cluster has a label or property ${JSON.stringify(found)}, and it is no fact`, at, nearest(found, ['name', ...Object.keys(KNOWN_FACTS), ...keys]));
    }
    at += found.length;
    skipSpace();
    return found;
  }

  function glob(): string {
    skipSpace();
    if (take('"')) return quoted();
    const from = at;
    if (/\s/.test(text[at - 1] ?? '') && matches(CLAUSE) !== undefined) return '';
    while (at < text.length && !',()'.includes(text[at]!) && matches(CLAUSE_AFTER_SPACE) === undefined) at++;
    return text.slice(from, at).trim();
  }

  function quoted(): string {
    const from = at - 1;
    let value = '';
    while (at < text.length && text[at] !== '"') value += text[at] === '\\' && at + 1 < text.length ? (at++, text[at++]!) : text[at++]!;
    if (!take('"')) wrong('expected a closing quote', from);
    skipSpace();
    return value;
  }

  /** A label or property of that name may hold anything. */
  const kindHere = (name: string) => (keys?.has(name) === true ? 'any' : kindOf(name));

  function term(): QueryTerm {
    const negated = take('!');
    skipSpace();
    const from = at;
    const name = key('a key (a label, a property, a fact or "name")');
    const made = (operator: QueryOperator, texts: readonly string[]): QueryTerm => ({ key: name, operator, texts, scalars: texts.map((one) => scalarOf(one, 'any')) });
    if (negated) return made('missing', []);
    const misspelt = matches(/=[<>]/y);
    if (misspelt !== undefined) wrong(`${JSON.stringify(misspelt)} is no comparison`, at, misspelt === '=<' ? '<=' : '>=');
    for (const operator of ['!=', '==', '=', '<=', '>=', '<', '>'] as const) {
      if (!take(operator)) continue;
      skipSpace();
      const valueAt = at;
      const value = glob();
      if (operator === '!=' || operator === '==' || operator === '=') {
        truthValue(name, value, valueAt);
        return made(operator === '!=' ? 'notin' : 'in', [value]);
      }
      const problem = operandProblem(value, kindHere(name));
      if (problem !== undefined) wrong(`${name} ${problem}`, problem.startsWith('has') ? from : valueAt);
      return made(operator, [value]);
    }
    const word = matches(/(?:not)?in(?=[\s(])/y) as 'in' | 'notin' | undefined;
    if (word === undefined) return made('exists', []);
    at += word.length;
    skipSpace();
    if (!take('(')) wrong(`expected "(" after ${word}, found ${here()}`);
    const globs: string[] = [];
    do {
      skipSpace();
      const valueAt = at;
      globs.push(glob());
      truthValue(name, globs.at(-1)!, valueAt);
    } while (take(','));
    if (!take(')')) wrong(`expected "," or ")" in the list, found ${here()}`);
    return made(word, globs);
  }

  function truthValue(name: string, value: string, valueAt: number): void {
    if (kindHere(name) !== 'boolean' || /^(?:true|false)$|[*?]/.test(value)) return;
    wrong(`${name} is true or false, not ${JSON.stringify(value)}`, valueAt, /^(?:y|yes|t|1|on|true)$/i.test(value) ? 'true' : /^(?:n|no|f|0|off|false)$/i.test(value) ? 'false' : undefined);
  }

  const terms: QueryTerm[] = [];
  const orderBy: QueryOrder[] = [];
  let limit: number | null = null;

  skipSpace();
  while (at < text.length && matches(CLAUSE) === undefined) {
    if (terms.length === MOST_TERMS) wrong(`a query has at most ${MOST_TERMS} terms`);
    terms.push(term());
    skipSpace();
    if (at === text.length || matches(CLAUSE) !== undefined) break;
    if (!take(',')) afterTerm(terms.at(-1)!);
    skipSpace();
    if (at === text.length || matches(CLAUSE) !== undefined) wrong('expected another term after ","');
  }
  if (matches(/order\s/iy) !== undefined && matches(CLAUSE) !== undefined) {
    at += matches(CLAUSE)!.length;
    do {
      skipSpace();
      if (orderBy.length === MOST_ORDERS) wrong(`a query is ordered by at most ${MOST_ORDERS} keys`);
      const name = key('a key to order by');
      const direction = matches(/(?:asc|desc)(?=[\s,]|$)/iy);
      at += direction?.length ?? 0;
      skipSpace();
      orderBy.push({ key: name, descending: direction?.toLowerCase() === 'desc' });
    } while (take(','));
  }
  if (matches(/limit(?=\s|$)/iy) !== undefined) {
    at += 5;
    skipSpace();
    const count = Number(matches(/\d{1,9}(?=\s|$)/y) ?? 0);
    if (count < 1 || count > MOST_LIMIT) wrong(`expected a whole number from 1 to ${MOST_LIMIT} after limit, found ${here()}`);
    at += matches(/\d+/y)!.length;
    limit = count;
    skipSpace();
  }
  if (at < text.length) afterClause();
  return { terms, orderBy, limit };

  function afterTerm({ key: name, operator }: QueryTerm): never {
    const word = matches(/[A-Za-z]+/y);
    const near = word === undefined || operator !== 'exists' ? undefined : nearest(word, ['in', 'notin', 'order', 'limit']);
    const proposal = /^(?:and|&&)$/i.test(word ?? text.slice(at, at + 2)) ? ',' : near === 'order' ? 'order by' : near;
    return wrong(`expected "," =, !=, <, <=, >, >=, in (…) or notin (…) after ${JSON.stringify(name)}, found ${here()}`, at, proposal);
  }

  function afterClause(): never {
    const word = matches(/[A-Za-z]+/y);
    return wrong(orderBy.length > 0 && limit === null ? `expected desc, "," or limit, found ${here()}` : `expected the end, found ${here()}`, at, word === undefined || limit !== null ? undefined : nearest(word, ['desc', 'asc', 'limit']));
  }
}
