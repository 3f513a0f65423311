/** How far a selector reaches over a fleet, for whoever must ask before everything is changed, or say that nothing is. */
import { type ClusterSelector, selectorProblem, type SelectorSubject, selectorVerdict } from './selector.ts';

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
  const matched: string[] = [];
  const undecided: { readonly name: string; readonly problem: string }[] = [];
  if (selectorProblem(selector) === undefined) {
    for (const cluster of clusters) {
      const verdict = selectorVerdict(selector, cluster);
      if (verdict === true) matched.push(cluster.name);
      else if (verdict !== false) undecided.push({ name: cluster.name, problem: verdict.problem });
    }
  }
  return reachOf(selector, matched.sort(), undecided.sort((a, b) => (a.name < b.name ? -1 : 1)), clusters.length);
}

/** Of what is known to match, and what cannot be judged; both sorted. */
export function reachOf(selector: ClusterSelector, matched: readonly string[], undecided: SelectorReach['undecided'], of: number): SelectorReach {
  const problem = selectorProblem(selector);
  if (problem !== undefined) return { kind: 'invalid', problem, matched: [], of, undecided: [], message: `the selector matches no cluster, for it cannot be read: ${problem}` };
  const kind = matched.length === 0 ? 'nothing' : matched.length === of ? 'everything' : 'some';
  const reached = { nothing: of === 0 ? 'there is no cluster yet' : `none of ${of} clusters matches`, some: `${matched.length} of ${of} clusters match`, everything: of === 1 ? 'the only cluster matches' : `all ${of} clusters match` }[kind];
  const left = undecided.length === 0 ? '' : `; left out, for it cannot be said: ${undecided.slice(0, MOST_NAMED).map((one) => `${one.name} (${one.problem})`).join(', ')}${undecided.length > MOST_NAMED ? ` and ${undecided.length - MOST_NAMED} more` : ''}`;
  return { kind, matched, of, undecided, message: `${reached}${left}` };
}
