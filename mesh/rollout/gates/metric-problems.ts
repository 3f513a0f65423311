/** What is wrong with gates whatever they will find, said before they are asked. */
import { fromRfc3339 } from '../../model/instant.ts';
import type { MetricGateValue } from '../../model/metric-gate.ts';
import type { GateValue, StrategyValue } from '../../model/strategy.ts';
import { conditionProblem } from './measurement-condition.ts';
import { asksFor, queryProblems } from './measurement-query.ts';

const names = (text: string | undefined, variable: string): boolean => text !== undefined && new RegExp(`(?<![A-Za-z0-9_."'])${variable}(?![A-Za-z0-9_"'])`).test(text);

function metricProblems(metric: MetricGateValue): string[] {
  const { query, controlQuery, traffic, successCondition, failureCondition } = metric;
  const conditions = [['successCondition', successCondition], ['failureCondition', failureCondition]] as const;
  const queries = [['query', query], ['controlQuery', controlQuery], ['traffic.query', traffic?.query]] as const;
  const usesControl = names(successCondition, 'control') || names(failureCondition, 'control');
  return [
    ...queries.flatMap(([field, text]) => (text === undefined ? [] : queryProblems(text).map((problem) => `${field}: ${problem}`))),
    ...conditions.flatMap(([field, text]) => {
      const problem = text === undefined ? undefined : conditionProblem(text);
      return problem === undefined ? [] : [`${field}: ${problem}`];
    }),
    ...(successCondition === undefined ? ['has no successCondition: it can fail or hold, and never pass'] : []),
    ...(usesControl && controlQuery === undefined ? ['its conditions look at control, and there is no controlQuery: control is empty'] : []),
    ...(!usesControl && controlQuery !== undefined ? ['controlQuery is asked, and no condition looks at control'] : []),
    ...(controlQuery !== undefined && controlQuery === query && !asksFor(query, 'control') ? ['controlQuery is the same as query: canary and control are the same clusters'] : []),
  ];
}

function problemsOf({ metric, waitUntil }: GateValue): string[] {
  if (metric !== undefined) return metricProblems(metric);
  return waitUntil !== undefined && fromRfc3339(waitUntil.at) === undefined ? [`waitUntil.at ${JSON.stringify(waitUntil.at)} is no time; write 2026-12-24T18:00:00Z`] : [];
}

/** Clusters that are left over come after the last stage. */
const comparesAtEnd = ({ metric }: GateValue): boolean => metric !== undefined && [metric.query, metric.controlQuery, metric.traffic?.query].some((query) => query !== undefined && asksFor(query, 'control'));

/** Sentences that begin with the gate's place, in the order of the stages; empty: none. */
export function gateProblems({ stages, remaining }: StrategyValue): string[] {
  return stages.flatMap((stage, number) => (['before', 'after'] as const).flatMap((side) => (stage[side] ?? []).flatMap((gate) => {
    const isLast = number === stages.length - 1 && side === 'after' && remaining === 'Skip' && comparesAtEnd(gate);
    return [...problemsOf(gate), ...(isLast ? ['after the last stage no cluster is left that the run has not changed: {{control}} matches none'] : [])].map((problem) => `gate ${stage.name}/${side}/${gate.name}: ${problem}`);
  })));
}
