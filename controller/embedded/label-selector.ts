/** Label selectors: grammar and refusals of apimachinery `labels/selector.go`. */
import { badRequest } from './problems.ts';

type Labels = Readonly<Record<string, string>>;
export type LabelSelector = (labels: Labels) => boolean;

/** `text` is `''` at the end; `word`: a key or value, `in` and `notin` among them. */
interface Token { readonly word: boolean; readonly text: string }

const LONGEST = 16_384;
const OPERATORS = ['in', 'notin', '=', '==', '!=', 'gt', 'lt'];
const NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MUST_CONSIST = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`. `!=` and `notin` match objects without the key. */
export function parseLabelSelector(text: string | undefined): LabelSelector {
  if (text === undefined || text.trim() === '') return () => true;
  if (text.length > LONGEST) throw badRequest(`unable to parse requirement: the selector is longer than ${LONGEST} characters`);
  const terms = new Parser(tokensOf(text)).terms();
  return (labels) => terms.every((matches) => matches(labels));
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:(==|!=|[=!(),<>])|([^\s=!(),<>]+))\s*/y;
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    tokens.push({ word: found[2] !== undefined, text: found[1] ?? found[2] ?? '' });
    if (pattern.lastIndex >= text.length) break;
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  terms(): LabelSelector[] {
    const terms: LabelSelector[] = [];
    for (;;) {
      const { word, text } = this.#next();
      if (!word && text === '') return terms;
      if (!word && text !== '!') throw badRequest(`found '${text}', expected: !, identifier, or 'end of string'`);
      terms.push(this.#requirement());
      const { text: separator } = this.#take();
      if (separator === '') return terms;
      if (separator !== ',') throw badRequest(`found '${separator}', expected: ',' or 'end of string'`);
      const following = this.#next();
      if (!following.word && following.text !== '!') throw badRequest(`found '${following.text}', expected: identifier after ','`);
    }
  }

  #requirement(): LabelSelector {
    const absent = this.#next().text === '!' && !this.#next().word;
    if (absent) this.#take();
    const { word, text: key } = this.#take();
    if (!word) throw unparsed(`found '${key}', expected: identifier`);
    checkKey(key);
    if (absent) return (labels) => !Object.hasOwn(labels, key);
    if (['', ','].includes(this.#next().text)) return (labels) => Object.hasOwn(labels, key);
    const { text: operator } = this.#take();
    switch (operator) {
      case 'in': case 'notin': {
        const values = this.#values();
        [...values].forEach((value, index) => checkValue(value, key, index));
        return operator === 'in' ? (labels) => Object.hasOwn(labels, key) && values.has(labels[key] as string) : (labels) => !Object.hasOwn(labels, key) || !values.has(labels[key] as string);
      }
      case '=': case '==': case '!=': {
        const value = this.#value();
        checkValue(value, key, 0);
        return operator === '!=' ? (labels) => !Object.hasOwn(labels, key) || labels[key] !== value : (labels) => Object.hasOwn(labels, key) && labels[key] === value;
      }
      case '>': case '<': return comparison(key, operator, this.#value());
      default: throw unparsed(`found '${operator}', expected: ${OPERATORS.join(', ')}`);
    }
  }

  #value(): string {
    if (['', ','].includes(this.#next().text)) return '';
    const { word, text } = this.#take();
    if (!word) throw unparsed(`found '${text}', expected: identifier`);
    return text;
  }

  /** `()` is the empty value; so is what stands between two commas, or between a comma and a parenthesis. */
  #values(): Set<string> {
    const opened = this.#take();
    if (opened.text !== '(') throw unparsed(`found '${opened.text}' expected: '('`);
    const values = new Set<string>();
    for (let value = ''; ;) {
      const { word, text } = this.#take();
      if (word) {
        value = text;
        const { text: after } = this.#next();
        if (after !== ',' && after !== ')') throw unparsed(`found '${after}', expected: ',' or ')'`);
      } else if (text === ',' || text === ')') {
        values.add(value);
        value = '';
        if (text === ')') return values;
      } else throw unparsed(`found '${text}', expected: ',', ')' or identifier`);
    }
  }

  #next(): Token {
    return this.#tokens[this.#position] ?? { word: false, text: '' };
  }

  #take(): Token {
    const token = this.#next();
    this.#position += 1;
    return token;
  }
}

function comparison(key: string, operator: '>' | '<', bound: string): LabelSelector {
  if (!/^[-+]?[0-9]+$/.test(bound)) throw unparsed(`values[0]: Invalid value: ${JSON.stringify(bound)}: for 'Gt', 'Lt' operators, the value must be an integer`);
  return (labels) => {
    const value = Object.hasOwn(labels, key) ? labels[key] as string : '';
    return /^[-+]?[0-9]+$/.test(value) && (operator === '>' ? Number(value) > Number(bound) : Number(value) < Number(bound));
  };
}

const unparsed = (why: string): Error => badRequest(`unable to parse requirement: ${why}`);

function checkKey(key: string): void {
  const refused = (why: string): Error => unparsed(`<nil>: Invalid value: ${JSON.stringify(key)}: ${why}`);
  const parts = key.split('/');
  const [prefix, name = ''] = parts.length === 1 ? [undefined, key] : parts;
  if (parts.length > 2) throw refused(`a valid label key ${MUST_CONSIST} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`);
  if (prefix === '') throw refused('prefix part must be non-empty');
  if (prefix !== undefined && (prefix.length > 253 || !SUBDOMAIN.test(prefix))) throw refused("prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com')");
  if (name === '') throw refused('name part must be non-empty');
  if (name.length > 63) throw refused('name part must be no more than 63 bytes');
  if (!NAME.test(name)) throw refused(`name part ${MUST_CONSIST}`);
}

function checkValue(value: string, key: string, index: number): void {
  const refused = (why: string): Error => unparsed(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${why}`);
  if (value.length > 63) throw refused('must be no more than 63 bytes');
  if (value !== '' && !NAME.test(value)) throw refused(`a valid label must be an empty string or ${MUST_CONSIST.slice(5)}`);
}
