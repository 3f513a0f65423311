/** The CEL of rules: the language, the texts' and Kubernetes' own functions, compiled once. */
import { type CelInput, celEnv, celMethod, CelScalar, type CelValue, isCelError, isCelUint, listType, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';

type Program = (bindings: Record<string, CelInput>) => unknown;

const { BOOL, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);
const REGEX_MOST = 1000;

const compare = (a: CelValue, b: CelValue): number => {
  const [left, right] = [a, b].map((value) => (isCelUint(value) ? value.value : value)) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
};
const itemsOf = (list: Iterable<CelValue>): CelValue[] => [...list];
const same = (a: CelValue, b: CelValue): boolean => compare(a, b) === 0 && compare(b, a) === 0 && typeof a === typeof b;

/** Of the list library (`k8s.io/apiserver/pkg/cel/library/lists.go`). */
const lists = [
  celMethod('isSorted', LIST, [], BOOL, function () { return itemsOf(this).every((item, index, all) => index === 0 || compare(all[index - 1] as CelValue, item) <= 0); }),
  celMethod('sum', LIST, [], DYN, function () {
    const items = itemsOf(this);
    return items.length === 0 ? 0n : items.reduce((total, item) => ((total as number) + (item as number)) as CelValue) as CelInput<typeof DYN>;
  }),
  celMethod('min', LIST, [], DYN, function () { return extreme(itemsOf(this), -1); }),
  celMethod('max', LIST, [], DYN, function () { return extreme(itemsOf(this), 1); }),
  celMethod('indexOf', LIST, [DYN], INT, function (wanted) { return BigInt(itemsOf(this).findIndex((item) => same(item, wanted as CelValue))); }),
  celMethod('lastIndexOf', LIST, [DYN], INT, function (wanted) { return BigInt(itemsOf(this).findLastIndex((item) => same(item, wanted as CelValue))); }),
];

function extreme(items: readonly CelValue[], sign: number): CelInput<typeof DYN> {
  if (items.length === 0) throw new Error(`${sign < 0 ? 'min' : 'max'} called on empty list`);
  return items.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best)) as CelInput<typeof DYN>;
}

/** Of the regex library. */
const regex = [
  celMethod('find', STRING, [STRING], STRING, function (pattern) { return new RegExp(pattern).exec(this)?.[0] ?? ''; }),
  celMethod('findAll', STRING, [STRING], LIST, function (pattern) { return [...this.matchAll(new RegExp(pattern, 'g'))].slice(0, REGEX_MOST).map((match) => match[0]); }),
];

/** An optional value (`optionalOldSelf`) is a list of none or one; the library has no optional type. */
const optionals = [
  celMethod('hasValue', LIST, [], BOOL, function () { return this.size > 0; }),
  celMethod('value', LIST, [], DYN, function () {
    const [value] = itemsOf(this);
    if (value === undefined) throw new Error('optional.none() dereference');
    return value as CelInput<typeof DYN>;
  }),
  celMethod('orValue', LIST, [DYN], DYN, function (otherwise) { return (itemsOf(this)[0] ?? otherwise) as CelInput<typeof DYN>; }),
];

const ENVIRONMENT = celEnv({ funcs: [...strings, ...lists, ...regex, ...optionals] });

/** Whether rules may call it, whatever it is called on. */
export const isKnownFunction = (name: string): boolean => ENVIRONMENT.funcs.find(name) !== undefined;

const programs = new Map<string, Program>();
const MOST_PROGRAMS = 1000;

/** Throws where the text is no CEL. */
function compileRule(rule: string): Program {
  let program = programs.get(rule);
  if (program === undefined) {
    program = plan(ENVIRONMENT, parse(rule)) as Program;
    if (programs.size > MOST_PROGRAMS) programs.clear();
    programs.set(rule, program);
  }
  return program;
}

/** Its value, or the error that it ends with. */
export function evaluate(text: string, bindings: Record<string, CelInput>): unknown {
  try {
    const result = compileRule(text)(bindings);
    return isCelError(result) ? new Error(result.message) : result;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

export const usesOldSelf = (rule: string): boolean => /\boldSelf\b/.test(rule);
