/** Queries as templates: `{{clusters}}` and `{{control}}` stand for regular expressions that match names of clusters. */
import type { RunTarget } from '../../model/rollout.ts';

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;
const KNOWN = ['clusters', 'control'] as const;

/** The clusters that a gate looks at, and those that they are compared with; sorted. */
export interface QueryClusters {
  readonly clusters: readonly string[];
  readonly control: readonly string[];
}

/** Within a class of one: a backslash would mean something else in each of PromQL's three quotes. */
const escaped = (name: string): string => name.replace(/[.+*?()|{$[]/g, '[$&]');
/** What no class and no quote can hold; no name of a cluster has it. */
const OUTLANDISH = /[\\^"'`\n\r]/;
/** No name of a cluster begins so: matches none, where an empty expression would match what has no such label. */
const NOBODY = '-';

export function namesPattern(names: readonly string[]): string {
  const some = names.filter((name) => name !== '' && !OUTLANDISH.test(name)).map(escaped);
  return `(?:${some.length === 0 ? NOBODY : some.join('|')})`;
}

/** Whether it asks for clusters of that role. */
export const asksFor = (query: string, role: (typeof KNOWN)[number]): boolean => [...query.matchAll(PLACEHOLDER)].some(([, name]) => name === role);

/** Placeholders that mean nothing, each with its column. */
export function queryProblems(query: string): string[] {
  return [...query.matchAll(PLACEHOLDER)].filter(([, name]) => !(KNOWN as readonly string[]).includes(name!))
    .map(({ 0: text, index }) => `at column ${index + 1}: ${text} stands for nothing; known are {{clusters}} and {{control}}`);
}

export function fillQuery(query: string, { clusters, control }: QueryClusters): string {
  const values: Readonly<Record<string, string>> = { clusters: namesPattern(clusters), control: namesPattern(control) };
  return query.replace(PLACEHOLDER, (text, name: string) => (Object.hasOwn(values, name) ? values[name]! : text));
}

/**
 * After a stage: its clusters that the run has changed. Before one: all that it has changed until then. Control: clusters of the run that it has not changed.
 * One that went back has what it had, but went through it: it is in neither.
 */
export function queryClusters(targets: readonly RunTarget[], stage: number, side: 'before' | 'after'): QueryClusters {
  const names = (wanted: (target: RunTarget) => boolean): string[] => targets.filter(wanted).map(({ cluster }) => cluster).sort();
  return {
    clusters: names((target) => target.assignedAt !== null && target.rolledBackAt === undefined && (side === 'before' || target.stage === stage)),
    control: names((target) => target.assignedAt === null),
  };
}
