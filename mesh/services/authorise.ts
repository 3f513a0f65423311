/** Who may export what: refused unless an ExportPolicy allows it. */
import type { ClusterView } from '../model/cluster.ts';
import { matchesGlob } from '../model/glob.ts';
import type { ExportPolicyValue } from '../model/policy.ts';
import { matchesSelector, selectorProblem } from '../model/selector.ts';
import { serviceKey, type ExportFact, type ExportVerdict } from '../model/service.ts';
import { planImports } from './merge.ts';

export interface Authorised {
  readonly allowed: ExportFact[];
  /** By exporting cluster; each list sorted by namespace and name. */
  readonly verdicts: Record<string, ExportVerdict[]>;
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A verdict for every fact; conflicts are judged among the allowed ones only, so a refused export cannot disturb others. */
export function authoriseExports(facts: readonly ExportFact[], clusters: readonly ClusterView[], policies: readonly ExportPolicyValue[]): Authorised {
  const views = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  const sorted = [...facts].sort((a, b) => byText(a.cluster, b.cluster) || byText(a.namespace, b.namespace) || byText(a.name, b.name));
  const allowed = sorted.filter((fact) => {
    const view = views.get(fact.cluster);
    return view !== undefined && policies.some((policy) => allows(policy, view, fact));
  });
  const allowedSet = new Set(allowed);
  const imports = new Map(planImports(allowed).map((plan) => [serviceKey(plan), plan]));
  const verdicts: Record<string, ExportVerdict[]> = {};
  const left = policiesLeftOut(policies);
  for (const fact of sorted) {
    const plan = allowedSet.has(fact) ? imports.get(serviceKey(fact)) : undefined;
    (verdicts[fact.cluster] ??= []).push(
      plan === undefined
        ? refusal(fact, left)
        : { namespace: fact.namespace, name: fact.name, valid: true, reason: 'Valid', message: 'The export is shared with the cluster set.', conflictReason: plan.conflictReason, conflictMessage: plan.conflictMessage },
    );
  }
  return { allowed, verdicts };
}

function allows(policy: ExportPolicyValue, cluster: ClusterView, fact: ExportFact): boolean {
  return policy.namespaces.some((glob) => matchesGlob(glob, fact.namespace))
    && (policy.services.length === 0 || policy.services.some((glob) => matchesGlob(glob, fact.name)))
    && matchesSelector(policy.clusters, cluster);
}

/** An ExportPolicy whose selector means nothing allows nothing: whoever is refused reads why. */
function policiesLeftOut(policies: readonly ExportPolicyValue[]): string {
  const [first, ...more] = policies.flatMap(({ name, clusters }) => { const problem = selectorProblem(clusters); return problem === undefined ? [] : [`ExportPolicy ${name} allows nothing, for its spec.clusters: ${problem}`]; }).sort(byText);
  return first === undefined ? '' : `. ${first}${more.length === 0 ? '' : ` (and ${more.length} more)`}`;
}

function refusal(fact: ExportFact, left: string): ExportVerdict {
  return {
    namespace: fact.namespace,
    name: fact.name,
    valid: false,
    reason: 'NotAllowed',
    message: `No ExportPolicy on the hub allows cluster ${JSON.stringify(fact.cluster)} to export ${serviceKey(fact)}: `
      + `ask the hub's administrators for an ExportPolicy whose clusters select ${JSON.stringify(fact.cluster)}, whose namespaces match ${JSON.stringify(fact.namespace)} `
      + `and whose services are empty or match ${JSON.stringify(fact.name)}${left}`,
    conflictReason: '',
    conflictMessage: '',
  };
}
