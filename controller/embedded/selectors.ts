/** Label and field selectors, in kube-apiserver's grammar. */
import { badRequest } from './problems.ts';

type Labels = Readonly<Record<string, string>>;
export type LabelSelector = (labels: Labels) => boolean;

const KEY = '[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?';
const VALUE = '[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?';
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const EQUALITY = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(${VALUE})?$`);
const COMPARISON = new RegExp(`^(${KEY})\\s*(>|<)\\s*(-?[0-9]+)$`);
const PRESENCE = new RegExp(`^(!?)\\s*(${KEY})$`);

/** `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. `!=` and `notin` match objects without the key. */
export function parseLabelSelector(text: string | undefined): LabelSelector {
  if (text === undefined || text.trim() === '') return () => true;
  if (text.length > 16384) throw badRequest('unable to parse requirement: selector is longer than 16384 characters');
  const terms = splitTerms(text).map((term) => requirement(term.trim()));
  return (labels) => terms.every((matches) => matches(labels));
}

function requirement(term: string): LabelSelector {
  let found = SET.exec(term);
  if (found !== null) {
    const [, key = '', , operator, list = ''] = found;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return operator === 'in'
      ? (labels) => Object.hasOwn(labels, key) && values.has(labels[key] as string)
      : (labels) => !Object.hasOwn(labels, key) || !values.has(labels[key] as string);
  }
  found = EQUALITY.exec(term);
  if (found !== null) {
    const [, key = '', , operator, value = ''] = found;
    return operator === '!='
      ? (labels) => !Object.hasOwn(labels, key) || labels[key] !== value
      : (labels) => Object.hasOwn(labels, key) && labels[key] === value;
  }
  found = COMPARISON.exec(term);
  if (found !== null) {
    const [, key = '', , operator, bound] = found;
    return (labels) => {
      const value = Object.hasOwn(labels, key) ? labels[key] as string : '';
      if (!/^-?[0-9]+$/.test(value)) return false;
      return operator === '>' ? Number(value) > Number(bound) : Number(value) < Number(bound);
    };
  }
  found = PRESENCE.exec(term);
  if (found !== null) {
    const [, not, key = ''] = found;
    return (labels) => Object.hasOwn(labels, key) === (not === '');
  }
  throw badRequest(`unable to parse requirement: found ${JSON.stringify(term.slice(0, 100))}, expected: key, !key, key=value, key!=value, key in (a,b), key notin (a,b), key>number or key<number`);
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let depth = 0;
  let from = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (character === ',' && depth === 0) {
      terms.push(text.slice(from, index));
      from = index + 1;
    }
  }
  terms.push(text.slice(from));
  return terms;
}

/** `metadata.name=x,type!=Opaque`; only fields that `supported` names. */
export function parseFieldSelector<T>(text: string | undefined, supported: Readonly<Record<string, (object: T) => string>>): (object: T) => boolean {
  if (text === undefined || text.trim() === '') return () => true;
  const terms = text.split(',').filter((term) => term.trim() !== '').map((term) => {
    const found = /^([^=!]+)(==|=|!=)(.*)$/.exec(term.trim());
    if (found === null) throw badRequest(`invalid selector: '${term.slice(0, 100)}'; can't understand '${term.slice(0, 100)}'`);
    const [, field = '', operator, value] = found;
    const read = Object.hasOwn(supported, field) ? supported[field] : undefined;
    if (read === undefined) throw badRequest(`field label not supported: ${field}`);
    return (object: T): boolean => (read(object) === value) === (operator !== '!=');
  });
  return (object) => terms.every((matches) => matches(object));
}
