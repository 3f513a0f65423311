/** ExportPolicy and UpdateStrategy objects whose selectors or gates mean nothing: said in the condition `Valid`, which those that were always right do not have. A mesh says it with its plan. */
import { ExportPolicy, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { ExportPolicyObject } from '../../../mesh/api/resources/policies.ts';
import type { UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import { findCondition, setCondition } from '../../../mesh/model/condition.ts';
import { selectorProblem } from '../../../mesh/model/selector.ts';
import { gateProblems } from '../../../mesh/rollout/gates/metric-problems.ts';
import { strategyProblem } from '../../../mesh/rollout/targets.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import { conditionsOf, exportPolicyValues, strategyValue } from '../views.ts';
import { writeStatus } from '../write-status.ts';

type Ports = Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes'>;
const UNREADABLE = 'spec is not as its schema has it';
/** Told of in one condition. */
const MOST_GATES = 4;

interface Problem {
  readonly reason: 'InvalidSelector' | 'InvalidGate';
  /** Begins with the field. */
  readonly message: string;
}

const problemOf = (message: string | undefined, reason: Problem['reason'] = 'InvalidSelector'): Problem | undefined => (message === undefined ? undefined : { reason, message });

function policyProblem(object: ExportPolicyObject): Problem | undefined {
  const [policy] = exportPolicyValues([object]);
  const problem = policy === undefined ? undefined : selectorProblem(policy.clusters);
  return problemOf(policy === undefined ? UNREADABLE : problem === undefined ? undefined : `spec.clusters: ${problem}; until then the policy allows nothing`);
}

function stagesProblem(object: UpdateStrategyObject): Problem | undefined {
  const strategy = strategyValue(object);
  const problem = strategy === undefined ? undefined : strategyProblem(strategy);
  if (strategy === undefined || problem !== undefined) return problemOf(strategy === undefined ? UNREADABLE : `spec.stages: ${problem}; until then nothing is rolled out by this strategy`);
  const gates = gateProblems(strategy);
  return problemOf(gates.length === 0 ? undefined : `spec.stages: ${gates.slice(0, MOST_GATES).join('; ')}${gates.length > MOST_GATES ? `; and ${gates.length - MOST_GATES} more` : ''}`, 'InvalidGate');
}

export function createSelectorChecks(ports: Ports, policies: Cache<ExportPolicyObject>, strategies: Cache<UpdateStrategyObject>): readonly Loop[] {
  return [checks(ports, ExportPolicy, policies, policyProblem), checks(ports, UpdateStrategy, strategies, stagesProblem)];
}

function checks<T extends ExportPolicyObject | UpdateStrategyObject>(ports: Ports, kind: typeof ExportPolicy | typeof UpdateStrategy, cache: Cache<T>, problemIn: (object: T) => Problem | undefined): Loop {
  const report = reportOn<T>(ports, kind);
  const loop = createLoop({
    name: `selectors of ${kind.plural}`, ...ports,
    async reconcile(name, signal) {
      const object = cache.get({ name });
      if (object === undefined) return {};
      const problem = problemIn(object);
      if (problem === undefined && findCondition(conditionsOf(object), 'Valid') === undefined) return {};
      const observedGeneration = object.metadata.generation ?? 0;
      const conditions = setCondition(conditionsOf(object), {
        type: 'Valid', observedGeneration, ...(problem === undefined ? { status: 'True', reason: 'Valid', message: 'every selector and every gate is understood' } : { status: 'False', ...problem }),
      }, ports.clock.now());
      await writeStatus(ports.kubernetes, kind, object, { observedGeneration, conditions: [...conditions] } as NonNullable<T['status']>, signal);
      return {};
    },
    async report(name, trouble, signal) {
      const object = cache.get({ name });
      if (object !== undefined) await report(object, trouble, signal);
    },
  });
  cache.subscribe(({ type, object }) => { if (type !== 'deleted') loop.add(object.metadata.name); });
  return loop;
}
