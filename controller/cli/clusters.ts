/** Clusters as they are named on the command line. */
import { type ClusterSelector, selectorProblem } from '../../mesh/model/selector.ts';
import { UsageProblem } from './environment.ts';

/** `berlin,oslo-*`, or `region=eu,tier=gold`. */
export function selectorOf(option: string, text: string): ClusterSelector {
  const words = text.split(',').map((word) => word.trim());
  const labels = words.filter((word) => word.includes('='));
  if (labels.length > 0 && labels.length < words.length) throw new UsageProblem(`${option} ${JSON.stringify(text)}: write names (berlin,oslo-*) or labels (region=eu,tier=gold), not both`);
  const selector: ClusterSelector = labels.length === 0 ? { names: words } : { labels: Object.fromEntries(labels.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)])) };
  const problem = words.includes('') ? 'a name is missing' : selectorProblem(selector);
  if (problem !== undefined) throw new UsageProblem(`${option} ${JSON.stringify(text)}: ${problem}`);
  return selector;
}

/** Whole names, separated by commas. */
export function clusterNames(option: string, text: string): string[] {
  const names = text.split(',').map((word) => word.trim());
  const wrong = names.find((name) => !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name));
  if (wrong !== undefined) throw new UsageProblem(`${option} ${JSON.stringify(text)}: ${JSON.stringify(wrong)} is no name of a cluster; write names separated by commas, as berlin,oslo`);
  return names;
}
