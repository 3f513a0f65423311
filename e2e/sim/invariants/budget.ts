/** At every durable step of a run no more clusters of a stage, of a group or of the whole run are in flight than its strategy allows. */
import type { Amount, RunTarget, StrategyValue } from '../../../mesh/model/rollout.ts';
import type { SavedStep } from '../ports.ts';
import type { Invariant } from './invariant.ts';

const inFlight = ({ phase }: RunTarget): boolean => phase === 'Assigned' || phase === 'Soaking' || phase === 'RollingBack';
/** The implicit last stage, `remaining`, takes one at a time. */
const REMAINING = { name: 'remaining', maxConcurrency: 1, groups: undefined } as const;

interface Bound { readonly what: string; readonly allowed: number; readonly members: readonly RunTarget[] }

/** Percentages are of all clusters that were frozen: those that are away or gone only make the bound smaller, and shrink it under what is in flight already. */
const most = (amount: Amount | undefined, of: number): number =>
  (amount === undefined ? Number.POSITIVE_INFINITY : typeof amount === 'number' ? amount : Math.max(1, Math.floor((Number.parseInt(amount, 10) * of) / 100)));

function* boundsOf(strategy: StrategyValue, targets: readonly RunTarget[], ownPace: Amount | undefined): Iterable<Bound> {
  const pace = (amount: Amount | undefined, of: number): number => (ownPace === undefined ? most(amount, of) : Math.max(most(amount, of), most(ownPace, targets.length)));
  yield { what: 'the run', allowed: pace(strategy.maxConcurrency, targets.length), members: targets };
  for (const [number, stage] of [...strategy.stages, REMAINING].entries()) {
    const members = targets.filter((target) => target.stage === number);
    yield { what: `stage ${stage.name}`, allowed: pace(stage.maxConcurrency, members.length), members };
    for (const [index, group] of (stage.groups ?? []).entries()) {
      const ofGroup = members.filter((target) => target.group === index);
      yield { what: `group ${group.name} of stage ${stage.name}`, allowed: pace(group.maxConcurrency, ofGroup.length), members: ofGroup };
    }
  }
}

export function budgetProblem({ run, strategy, targets, state }: SavedStep): string | undefined {
  if (strategy === null) return undefined;
  // Ways back of a stage or a run have a rule of their own, where there is one.
  const ownPace = state.rollback !== null && state.rollback.scope !== 'Cluster' ? strategy.rollback?.maxConcurrency : undefined;
  for (const { what, allowed, members } of boundsOf(strategy, targets, ownPace)) {
    const flying = members.filter(inFlight);
    if (flying.length > allowed) return `${run}: ${flying.map(({ cluster }) => cluster).join(', ')} are in flight in ${what}, which allows ${allowed}`;
  }
  return undefined;
}

/** Each step is looked at once. */
export function budget(): Invariant<readonly SavedStep[]> {
  let looked = 0;
  return {
    name: 'budget',
    capture({ steps }) {
      const fresh = steps.slice(looked);
      looked = steps.length;
      return fresh;
    },
    assert: (steps) => steps.map(budgetProblem).find((problem) => problem !== undefined),
    print: (steps) => steps.map(({ run, targets }) => `${run}: ${targets.map(({ cluster, stage, phase }) => `${cluster} (stage ${stage}) ${phase}`).join(', ')}`).join('\n'),
  };
}
