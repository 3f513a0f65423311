/** The budgets of runs that are at work. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { type Budgets, budgetsOf } from './budgets.ts';

interface Parts {
  readonly rollout: Pick<Rollout, 'openRun'>;
  readonly runs: Pick<Cache<UpdateRunObject>, 'get'>;
  readonly fleet: Pick<Fleet, 'connection'>;
}

/** undefined: the run is not open, or no stage of it is at work. */
export const openBudgets = ({ rollout, runs, fleet }: Parts) => (run: string): Budgets | undefined => {
  const open = rollout.openRun(run);
  const stage = runs.get({ name: run })?.status?.stage;
  return open?.record.strategy == null || stage === undefined ? undefined : budgetsOf(open.record.strategy, open.targets, stage, (cluster) => fleet.connection(cluster)?.connected ?? false);
};
