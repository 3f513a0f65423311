/** The one selector form, used in every policy and on the command line. */
import { type CelProgram, selectorCel } from './cel-selector.ts';
import { type Comparison, compareScalars, holds, operandProblem, scalarOf } from './compare.ts';
import { matchesGlob } from './glob.ts';
import { isMomentary, kindOf } from './selector-facts.ts';
import { type Found, lookUp, type SelectorSubject } from './selector-lookup.ts';
import { SELECTOR_OPERATORS } from './selector-operators.ts';

export { type SelectorSubject, valueOf } from './selector-lookup.ts';

type SelectorOperator = (typeof SELECTOR_OPERATORS)[number];

/** `In` and `NotIn` take globs; `Gt`, `Ge`, `Lt`, `Le` one version, number, quantity or RFC 3339 time; `Exists` and `DoesNotExist` none. */
interface MatchExpression {
  readonly key: string;
  readonly operator: SelectorOperator;
  readonly values?: readonly string[];
}

/**
 * All given parts must match; an empty selector matches every cluster. Keys name labels first, then properties, then facts.
 * Values are globs (`*`, `?`); a list means any of them.
 */
export interface ClusterSelector {
  readonly labels?: Readonly<Record<string, string | readonly string[]>>;
  readonly exclude_labels?: Readonly<Record<string, string | readonly string[]>>;
  /** Globs over cluster names. */
  readonly names?: readonly string[];
  readonly match_expressions?: readonly MatchExpression[];
  /** A CEL condition over `cluster.name`, `labels`, `properties` and `facts`. */
  readonly cel?: string;
}

/** `undefined`: unknown, which is neither. */
type Verdict = boolean | undefined;
type Condition = (subject: SelectorSubject) => boolean | { readonly problem: string };

/** A selector as conditions, or why it is none. */
type Compiled = { readonly conditions: readonly Condition[] } | { readonly problem: string };

/** A selector is a value: it is read once. */
const compiledSelectors = new WeakMap<ClusterSelector, Compiled>();

/**
 * Never throws. A selector with a problem matches nothing. A cluster without a label or property matches no `labels` entry and no `exclude_labels` entry, `NotIn` and `DoesNotExist`;
 * one matching `exclude_labels` entry is enough to be excluded. A cluster whose fact is unknown is not selected, whatever is asked of the fact; nor is one for which CEL fails.
 */
export function matchesSelector(selector: ClusterSelector, subject: SelectorSubject): boolean {
  const compiled = compile(selector);
  return 'conditions' in compiled && compiled.conditions.every((condition) => condition(subject) === true);
}

/** `matchesSelector` and `subjectProblem` at once: whether it matches, or why that cannot be said. */
export function selectorVerdict(selector: ClusterSelector, subject: SelectorSubject): boolean | { readonly problem: string } {
  const compiled = compile(selector);
  if ('problem' in compiled) return compiled;
  let unknown: { readonly problem: string } | undefined;
  for (const condition of compiled.conditions) {
    const verdict = condition(subject);
    if (verdict === false) return false;
    if (verdict !== true) unknown ??= verdict;
  }
  return unknown ?? true;
}

/** Nothing is given: every cluster matches. */
export function isEmptySelector({ labels = {}, exclude_labels: excluded = {}, names, match_expressions: expressions = [], cel }: ClusterSelector): boolean {
  return names === undefined && cel === undefined && Object.keys(labels).length + Object.keys(excluded).length + expressions.length === 0;
}

/** What the schema cannot see: a key without text, a list that can match nothing, a value that is no text, an operator without its value, CEL that is none. `undefined`: fine. */
export function selectorProblem(selector: ClusterSelector): string | undefined {
  const compiled = compile(selector);
  return 'problem' in compiled ? compiled.problem : undefined;
}

/** Why the selector cannot be judged on this cluster, for people; `undefined`: it can. A cluster that another part refuses has no problem. */
export function subjectProblem(selector: ClusterSelector, subject: SelectorSubject): string | undefined {
  const compiled = compile(selector);
  if ('problem' in compiled) return compiled.problem;
  const verdicts = compiled.conditions.map((condition) => condition(subject));
  if (verdicts.includes(false)) return undefined;
  return verdicts.find((verdict) => typeof verdict === 'object')?.problem;
}

function compile(selector: ClusterSelector): Compiled {
  let compiled = compiledSelectors.get(selector);
  if (compiled === undefined) {
    compiled = compileParts(selector);
    compiledSelectors.set(selector, compiled);
  }
  return compiled;
}

function compileParts(selector: ClusterSelector): Compiled {
  const conditions: Condition[] = [];
  if (selector.names !== undefined) {
    const { names } = selector;
    const problem = globsProblem('names', names);
    if (problem !== undefined) return { problem };
    conditions.push((subject) => matchesAny(names, [subject.name]));
  }
  for (const part of ['labels', 'exclude_labels'] as const) {
    if (!isMap(selector[part] ?? {})) return { problem: `${part}: ${show(selector[part])} is no map from keys to globs` };
    for (const [key, value] of Object.entries(selector[part] ?? {})) {
      if (key === '') return { problem: `${part}: has an empty key; name a label or a property` };
      const globs = typeof value === 'string' ? [value] : value;
      const problem = globsProblem(`${part}[${JSON.stringify(key)}]`, globs);
      if (problem !== undefined) return { problem };
      conditions.push((subject) => {
        const found = lookUp(subject, key, true);
        return known(key, part === 'labels' ? among(found, globs) : negated(among(found, globs)));
      });
    }
  }
  const expressions: unknown = selector.match_expressions ?? [];
  if (!Array.isArray(expressions)) return { problem: `match_expressions: ${show(expressions)} is no list` };
  for (const [index, expression] of expressions.entries()) {
    const field = `match_expressions[${index}]`;
    const condition = isMap(expression) ? compileExpression(field, expression as unknown as MatchExpression) : `${field}: ${show(expression)} is no expression; give key, operator and values`;
    if (typeof condition === 'string') return { problem: condition };
    conditions.push(condition);
  }
  if (selector.cel !== undefined && selector.cel !== null) {
    const compiled = selectorCel(selector.cel);
    if ('problem' in compiled) return { problem: `cel: ${compiled.problem}` };
    conditions.push(celCondition(compiled));
  }
  return { conditions };
}

const celCondition = (program: CelProgram<SelectorSubject>): Condition => (subject) => {
  const result = program.evaluate(subject);
  return typeof result === 'boolean' ? result : { problem: `cel: ${result.problem}` };
};

const COMPARISONS: Readonly<Partial<Record<SelectorOperator, Comparison>>> = { Gt: '>', Ge: '>=', Lt: '<', Le: '<=' };

/** A sentence: why there is none. */
function compileExpression(field: string, { key, operator, values = [] }: MatchExpression): Condition | string {
  if (typeof key !== 'string' || key === '') return `${field}: has no key; name a label, a property or a fact`;
  if (!SELECTOR_OPERATORS.includes(operator)) return `${field}: ${show(operator)} is no operator; use one of ${SELECTOR_OPERATORS.join(', ')}`;
  const found = (subject: SelectorSubject): Found => lookUp(subject, key, true);
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) return `${field}: ${operator} takes no values`;
    return (subject) => {
      const { state } = found(subject);
      return known(key, state === 'unknown' ? undefined : (state === 'known') === (operator === 'Exists'));
    };
  }
  const problem = globsProblem(`${field}.values`, values);
  if (problem !== undefined) return problem;
  const comparison = COMPARISONS[operator];
  if (comparison === undefined) return (subject) => known(key, operator === 'In' ? among(found(subject), values) : negated(among(found(subject), values)));
  const [text] = values;
  if (values.length !== 1 || text === undefined) return `${field}: ${operator} takes exactly one value, not ${values.length}`;
  const { durationMilliseconds, ...operand } = scalarOf(text, kindOf(key));
  const wrong = operandProblem(text, kindOf(key));
  if (wrong !== undefined) return `${field}: ${key} ${wrong}`;
  if (durationMilliseconds !== undefined && Object.keys(operand).length === 0) return `${field}: ${JSON.stringify(text)} is an age, and what a selector selects must not depend on the hour; give a time, or ask with a query`;
  return (subject) => {
    const has = found(subject);
    if (has.state !== 'known') return has.state === 'absent' ? false : known(key, undefined);
    const sign = compareScalars(scalarOf(has.texts[0] ?? '', has.kind), operand, has.kind, undefined);
    return sign !== undefined && holds(comparison, sign);
  };
}

const among = (found: Found, globs: readonly string[]): Verdict => (found.state === 'known' ? matchesAny(globs, found.texts) : found.state === 'absent' ? false : undefined);
const known = (key: string, verdict: Verdict): boolean | { readonly problem: string } =>
  verdict ?? { problem: isMomentary(key) ? `${key} is how a cluster is just now, which no selector goes by` : `nobody has told its ${key}` };
const negated = (verdict: Verdict): Verdict => (verdict === undefined ? undefined : !verdict);
const matchesAny = (globs: readonly string[], texts: readonly string[]): boolean => texts.some((text) => globs.some((glob) => matchesGlob(glob, text)));

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Of anything at all, a part. */
function show(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? typeof value).slice(0, 64);
  } catch {
    return typeof value;
  }
}

function globsProblem(field: string, globs: unknown): string | undefined {
  if (!Array.isArray(globs)) return `${field}: ${show(globs)} is neither a text nor a list of texts`;
  if (globs.length === 0) return `${field}: is an empty list, which matches nothing; list at least one glob or leave the entry out`;
  const wrong = globs.findIndex((glob) => typeof glob !== 'string');
  return wrong < 0 ? undefined : `${field}: ${show(globs[wrong])} is not a text; put numbers and booleans in quotes`;
}
