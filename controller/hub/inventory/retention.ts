/** Lets the old go: rows of history after some months, daily states after longer, ended runs that nothing tells of any more, reports that nothing needs; in steps between which others may write. */
import { Drill, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { DRILL_REPORTS, RUN_REPORTS } from '../../../mesh/ports/records.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { HistoryRetention, HubPorts } from '../ports.ts';

export const USUAL_RETENTION: HistoryRetention = { changeDays: 90, stateDays: 400, runDays: 90, runsPerStrategy: 50, runObjectDays: 400 };

const DAY_MILLISECONDS = 86_400_000;
const ROUND_MILLISECONDS = 3_600_000;
const OBJECTS_AT_ONCE = 500;
const STEP_PAUSE_MILLISECONDS = 200;
/** A hub that died between a run and its revisions leaves them: in the next one's second round, when it has done what is urgent, and so often, they are looked at in any case. */
const SWEEP_ROUND = 2;
/** What a run is to change is written down before its object is made. */
const RUN_IS_MADE_MILLISECONDS = 3_600_000;
const ROUNDS_PER_SWEEP = 24;

/** Until `signal` aborts. A step that fails is tried again an hour later: nothing waits for it. */
export function keepHistoryShort({ clock, kubernetes, records, log }: Pick<HubPorts, 'clock' | 'kubernetes' | 'records' | 'log'>, { changeDays, stateDays, runDays }: Pick<HistoryRetention, 'changeDays' | 'stateDays' | 'runDays'>): (signal: CancelSignal) => Promise<void> {
  const pause = (signal: CancelSignal): Promise<void> => clock.sleepUntil(clock.now() + STEP_PAUSE_MILLISECONDS, signal);
  /** What an object tells of, and what that takes back or tries again. The server is asked: a copy that is not complete would let too much go. */
  const told = (signal: CancelSignal): Promise<ReadonlySet<string>> => namesIn<UpdateRunObject>(UpdateRun, ({ metadata, spec }) => [metadata.name, spec.undoOf, spec.retryOf], signal);
  async function namesIn<T extends KubernetesObject>(kind: ResourceKind, namesOf: (object: T) => readonly (string | undefined)[], signal: CancelSignal): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    for (let page = ''; ;) {
      const { items, continueToken } = await kubernetes.list<T>(kind, { limit: OBJECTS_AT_ONCE, ...(page === '' ? {} : { continueToken: page }) }, signal);
      for (const object of items) for (const name of namesOf(object)) if (name !== undefined) names.add(name);
      if (continueToken === undefined || continueToken === '') return names;
      page = continueToken;
    }
  }
  /** Of runs that never came to be, and of drills whose objects are gone for so long. */
  async function dropReports(signal: CancelSignal): Promise<void> {
    for (const [kind, staysMilliseconds, list] of [
      [RUN_REPORTS, RUN_IS_MADE_MILLISECONDS, () => told(signal)],
      [DRILL_REPORTS, runDays * DAY_MILLISECONDS, () => namesIn(Drill, ({ metadata }) => [metadata.name], signal)],
    ] as const) {
      let asked: Promise<ReadonlySet<string>> | undefined;
      const keep = (): Promise<ReadonlySet<string>> => (asked ??= list());
      const at = clock.now();
      for (let after: string | undefined = ''; after !== undefined && !signal.aborted; await pause(signal)) after = await records.dropReports(kind, after, { at, unneededBefore: at - staysMilliseconds, keep });
    }
  }
  async function dropRuns(sweep: boolean, signal: CancelSignal): Promise<void> {
    let asked: Promise<ReadonlySet<string>> | undefined;
    const keep = (): Promise<ReadonlySet<string>> => (asked ??= told(signal));
    const endedBefore = clock.now() - runDays * DAY_MILLISECONDS;
    let dropped = 0;
    while (!signal.aborted && await records.dropRun(endedBefore, keep) !== undefined) {
      dropped += 1;
      await pause(signal);
    }
    const summariesBefore = clock.now() - Math.max(runDays, stateDays) * DAY_MILLISECONDS;
    while (!signal.aborted && await records.dropSummaries(summariesBefore, keep)) await pause(signal);
    for (let after = dropped === 0 && !sweep ? undefined : ''; after !== undefined && !signal.aborted; after = await records.dropRevisions(after)) await pause(signal);
  }
  return async (signal) => {
    for (let round = 1; !signal.aborted; round += 1) {
      const now = clock.now();
      const before = { rowsBefore: now - changeDays * DAY_MILLISECONDS, statesBefore: now - Math.max(changeDays, stateDays) * DAY_MILLISECONDS };
      try {
        while (!signal.aborted && await records.compactHistory(before)) await pause(signal);
        const sweep = round % ROUNDS_PER_SWEEP === SWEEP_ROUND;
        if (!signal.aborted) await dropRuns(sweep, signal);
        if (sweep && !signal.aborted) await dropReports(signal);
      } catch (error) {
        log.warn({ problem: messageOf(error) }, 'old history and runs could not be dropped; tried again in an hour');
      }
      await clock.sleepUntil(clock.now() + ROUND_MILLISECONDS, signal);
    }
  };
}
