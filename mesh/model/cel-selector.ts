/** CEL over one cluster: `cluster.name`, `labels`, `properties` and `facts`. */
import { type CelInput, celFunc, celMethod, CelScalar } from '@bufbuild/cel';
import { celLanguage, type CelProgram } from './cel.ts';
import { compareVersions, parseQuantity, parseVersion } from './compare.ts';
import { matchesGlob } from './glob.ts';
import { nearest } from './near.ts';
import { isKnownFact, isMomentary, KNOWN_FACTS } from './selector-facts.ts';
import type { SelectorSubject } from './selector-lookup.ts';

export type { CelProgram } from './cel.ts';

const { BOOL, DOUBLE, INT, STRING } = CelScalar;

function version(text: string): NonNullable<ReturnType<typeof parseVersion>> {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`${JSON.stringify(text.slice(0, 64))} is no version`);
  return parsed;
}

const MOST_GLOB_STEPS = 65_536;

/** As kube-apiserver's semver and quantity libraries have them, but a version stays its text and a quantity is a number. */
const FUNCTIONS = [
  celFunc('semver', [STRING], STRING, (text) => { version(text); return text; }),
  celFunc('isSemver', [STRING], BOOL, (text) => parseVersion(text) !== undefined),
  celMethod('isLessThan', STRING, [STRING], BOOL, function (other) { return compareVersions(version(this), version(other)) < 0; }),
  celMethod('isGreaterThan', STRING, [STRING], BOOL, function (other) { return compareVersions(version(this), version(other)) > 0; }),
  celMethod('compareTo', STRING, [STRING], INT, function (other) { return BigInt(Math.sign(compareVersions(version(this), version(other)))); }),
  celFunc('quantity', [STRING], DOUBLE, (text) => {
    const number = parseQuantity(text);
    if (number === undefined) throw new Error(`${JSON.stringify(text.slice(0, 64))} is no quantity`);
    return number;
  }),
  celMethod('glob', STRING, [STRING], BOOL, function (pattern) {
    if (pattern.length * this.length > MOST_GLOB_STEPS) throw new Error(`a glob of ${pattern.length} characters is too much for a text of ${this.length}`);
    return matchesGlob(pattern, this);
  }),
];

function factProblem(name: string): string | undefined {
  if (isMomentary(name)) return 'is how a cluster is just now, which no selector goes by; ask for it with a query';
  if (isKnownFact(name)) return undefined;
  const near = nearest(name, Object.keys(KNOWN_FACTS).filter((known) => !isMomentary(known)));
  return `is no fact${near === undefined ? '; facts are listed in the reference of queries' : `; did you mean facts[${JSON.stringify(near)}]?`}`;
}

const anything = (): undefined => undefined;

const language = celLanguage<SelectorSubject>({
  variables: { cluster: (member) => (member === 'name' ? undefined : 'is not there; a cluster has a name here, and labels, properties and facts beside it'), labels: anything, properties: anything, facts: factProblem },
  functions: FUNCTIONS,
  bind: (subject) => ({
    cluster: new Map([['name', subject.name]]),
    labels: new Map(Object.entries(subject.labels)),
    properties: new Map(subject.properties.map(({ name, value }) => [name, value])),
    facts: new Map(Object.entries(KNOWN_FACTS).flatMap(([name, { kind, momentary }]): [string, CelInput][] => {
      const fact = momentary === true || subject.facts === undefined || !Object.hasOwn(subject.facts, name) ? undefined : subject.facts[name];
      if (fact === undefined || (fact.values?.length === 0 && kind !== 'list')) return [];
      return [[name, kind === 'list' ? [...(fact.values ?? [String(fact.value)])] : fact.value]];
    })),
  }),
});

/** What a selector's `cel` means, or why it means nothing. */
export const selectorCel = (text: string): CelProgram<SelectorSubject> | { readonly problem: string } => language.compile(text);
