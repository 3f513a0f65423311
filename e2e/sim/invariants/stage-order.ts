/** Never more clusters of a stage in flight than it allows, and no later stage before the earlier ones have ended. */
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunTarget, TargetPhase } from '../../../mesh/model/rollout.ts';
import type { Invariant } from './invariant.ts';

interface SeenRun { readonly name: string; readonly maxConcurrency: readonly number[]; readonly targets: readonly Pick<RunTarget, 'cluster' | 'stage' | 'phase'>[] }

const IN_FLIGHT: readonly TargetPhase[] = ['Assigned', 'Soaking'];
const NOT_BEGUN: readonly TargetPhase[] = ['Pending', 'Skipped'];
/** The implicit last stage, `remaining`, takes one at a time. */
const REMAINING_CONCURRENCY = 1;

export const stageOrder: Invariant<readonly SeenRun[]> = {
  name: 'stage order',
  capture: (fleet) => fleet.hub.readAll<UpdateRunObject>(UpdateRun).map((run) => ({
    name: run.metadata.name, maxConcurrency: (run.spec.strategy?.stages ?? []).map((stage) => Number(stage.maxConcurrency)), targets: fleet.targets(run.metadata.name),
  })),
  assert(runs) {
    for (const { name, maxConcurrency, targets } of runs) {
      for (const stage of new Set(targets.map((target) => target.stage))) {
        const here = targets.filter((target) => target.stage === stage);
        const inFlight = here.filter(({ phase }) => IN_FLIGHT.includes(phase));
        const most = maxConcurrency[stage] ?? REMAINING_CONCURRENCY;
        if (inFlight.length > most) return `${name}: ${inFlight.map(({ cluster }) => cluster).join(', ')} are in flight in stage ${stage}, which allows ${most}`;
        const begun = here.find(({ phase }) => !NOT_BEGUN.includes(phase));
        const open = targets.find((target) => target.stage < stage && (target.phase === 'Pending' || IN_FLIGHT.includes(target.phase)));
        if (begun !== undefined && open !== undefined) return `${name}: ${begun.cluster} of stage ${stage} is ${begun.phase} while ${open.cluster} of stage ${open.stage} is ${open.phase}`;
      }
    }
    return undefined;
  },
  print: (runs) => runs.map(({ name, targets }) => `${name}: ${targets.map(({ cluster, stage, phase }) => `${cluster} (stage ${stage}) ${phase}`).join(', ')}`).join('\n'),
};
