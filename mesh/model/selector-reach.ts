/** How far a selector reaches over a fleet, for whoever must ask before everything is changed, or say that nothing is. */
import { type ClusterSelector, matchesSelector, selectorProblem, type SelectorSubject, subjectProblem } from './selector.ts';

export interface SelectorReach {
  /** `invalid`: it selects nothing, for it means nothing. `everything` only where there is anything. */
  readonly kind: 'invalid' | 'nothing' | 'some' | 'everything';
  /** Why it is `invalid`. */
  readonly problem?: string;
  /** Names, sorted. */
  readonly matched: readonly string[];
  /** Clusters of the fleet. */
  readonly of: number;
  /** Clusters that are left out because it cannot be said whether they match, and why; sorted by name. */
  readonly undecided: readonly { readonly name: string; readonly problem: string }[];
  /** For people: what it reaches, and why it is none or not more. */
  readonly message: string;
}

const MOST_NAMED = 3;

export function selectorReach(selector: ClusterSelector, clusters: readonly SelectorSubject[]): SelectorReach {
  const problem = selectorProblem(selector);
  if (problem !== undefined) return { kind: 'invalid', problem, matched: [], of: clusters.length, undecided: [], message: `the selector matches no cluster, for it cannot be read: ${problem}` };
  const matched = clusters.filter((cluster) => matchesSelector(selector, cluster)).map(({ name }) => name).sort();
  const undecided = clusters.flatMap((cluster) => { const why = subjectProblem(selector, cluster); return why === undefined ? [] : [{ name: cluster.name, problem: why }]; }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const kind = matched.length === 0 ? 'nothing' : matched.length === clusters.length ? 'everything' : 'some';
  const reached = { nothing: clusters.length === 0 ? 'there is no cluster yet' : `none of ${clusters.length} clusters matches`, some: `${matched.length} of ${clusters.length} clusters match`, everything: clusters.length === 1 ? 'the only cluster matches' : `all ${clusters.length} clusters match` }[kind];
  const left = undecided.length === 0 ? '' : `; left out, for it cannot be said: ${undecided.slice(0, MOST_NAMED).map((one) => `${one.name} (${one.problem})`).join(', ')}${undecided.length > MOST_NAMED ? ` and ${undecided.length - MOST_NAMED} more` : ''}`;
  return { kind, matched, of: clusters.length, undecided, message: `${reached}${left}` };
}
