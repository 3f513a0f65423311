/** UpdateRuns that have stood long enough are deleted; what their finalizer holds goes as it would by a person's hand. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { expired, type PastRun } from '../../../mesh/rollout/expired.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { HistoryRetention, HubPorts } from '../ports.ts';
import type { Assignments } from './assignments.ts';
import { outlineOf, pastRun, type Surroundings } from './past-runs.ts';

const DAY_MILLISECONDS = 86_400_000;
/** Of one pass: an hour later there is another one. */
const MOST_AT_ONCE = 500;
const STEP_PAUSE_MILLISECONDS = 200;

export interface ExpiryParts {
  readonly ports: Pick<HubPorts, 'clock' | 'kubernetes' | 'records' | 'metrics' | 'log'>;
  readonly runs: Cache<UpdateRunObject>;
  readonly clusters: Cache<ClusterObject>;
  readonly assignments: Pick<Assignments, 'list'>;
  /** Runs from which it follows what channels do next. */
  readonly deciding: () => ReadonlySet<string>;
  readonly limits: Pick<HistoryRetention, 'runsPerStrategy' | 'runObjectDays'>;
}

/** One pass. */
export function createExpiry({ ports, runs, clusters, assignments, deciding, limits }: ExpiryParts): (signal: CancelSignal) => Promise<void> {
  const { clock, kubernetes, records, log } = ports;
  const collected = ports.metrics.counter('isthmus_hub_runs_collected_total', 'UpdateRun objects of ended runs that were deleted because more than so many stood, or for so long.');
  const within = { perStrategy: limits.runsPerStrategy, ageMilliseconds: limits.runObjectDays * DAY_MILLISECONDS };

  /** What it was like when all that might have gone was kept. */
  let fruitless: string | undefined;

  const surroundings = (): Surroundings => ({
    isMember: (name) => clusters.get({ name }) !== undefined, assigning: new Set(assignments.list().map(({ run }) => run)), deciding: deciding(),
  });

  async function chosen(signal: CancelSignal): Promise<readonly string[]> {
    const around = surroundings();
    // Rows are read only where something may go at all: what they tell only keeps more. They do not change, so that what kept it the last time keeps it still.
    const outlines = runs.list().map((object) => outlineOf(object, around));
    const possible = expired(outlines, clock.now(), within);
    const looksLike = JSON.stringify([possible, outlines, clusters.list().map(({ metadata }) => metadata.uid)]);
    if (possible.length === 0 || looksLike === fruitless) return [];
    const names = new Map<string, string>();
    const shared = (name: string): string => names.get(name) ?? (names.set(name, name), name);
    const past: PastRun[] = [];
    for (const object of runs.list()) {
      if (signal.aborted) return [];
      past.push(await pastRun(object, around, records, shared));
      await clock.sleepUntil(clock.now() + 1, signal);
    }
    const found = expired(past, clock.now(), within).slice(0, MOST_AT_ONCE);
    fruitless = found.length === 0 ? looksLike : undefined;
    return found;
  }

  return async (signal) => {
    for (const name of await chosen(signal)) {
      const object = runs.get({ name });
      // A run may have begun meanwhile that needs it, and a person may want it kept.
      if (signal.aborted || object === undefined || isNeeded(object, runs, surroundings())) continue;
      const { uid, resourceVersion } = object.metadata;
      try {
        await kubernetes.delete(UpdateRun, { name }, { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) }, signal);
      } catch (error) {
        if (error instanceof KubernetesError && error.code === 409) continue;
        throw error;
      }
      collected.inc();
      log.info({ run: name }, 'the UpdateRun of an ended run was deleted: it has stood long enough');
      await clock.sleepUntil(clock.now() + STEP_PAUSE_MILLISECONDS, signal);
    }
  };
}

function isNeeded(object: UpdateRunObject, runs: Cache<UpdateRunObject>, around: Surroundings): boolean {
  const { name, endedAt, marked, assigns, decides } = outlineOf(object, around);
  return endedAt === null || marked || assigns || decides || runs.list().some((other) => outlineOf(other, around).repeats.includes(name));
}
