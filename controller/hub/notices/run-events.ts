/** Transitions of runs as Kubernetes Events on the UpdateRun, and how long stages took. Clusters that failed come together in one Event: ten thousand make no ten thousand. */
import { apiVersionOf, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { listed } from '../../../mesh/model/listed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { NumberedEntry } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { HubPorts } from '../ports.ts';
import { tellEvent } from './event.ts';
import { createFollower, type Follower } from './follower.ts';

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records' | 'digest'>;
  readonly runs: Cache<UpdateRunObject>;
}

const GATHER_MILLISECONDS = 2000;
const MOST_NAMES = 10;
/** An Event is gone after an hour: what happened longer ago is told in the journal alone. */
const OLDEST_MILLISECONDS = 3600_000;
const FAILURES = ['Failed', 'RollbackFailed'];
const WARNINGS = ['Failed', 'GateFailed', 'GateInconclusive', 'TooFewDone', 'Paused', 'RollingBack', 'RolledBack', 'CompletedWithFailures', 'RollbackFailed', 'Stopping'];
const BUCKETS_SECONDS = [10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 72 * 3600, 168 * 3600];

interface Told {
  /** Of the last of its entries. */
  readonly sequence: number;
  readonly at: Instant;
  readonly reason: string;
  readonly note: string;
}

/** Of one run's entries, oldest first. */
function toldOf(entries: readonly NumberedEntry[]): Told[] {
  const told: Told[] = entries.filter(({ cluster }) => cluster === '').map(({ sequence, at, event, message }) => ({ sequence, at, reason: event, note: message }));
  for (const reason of FAILURES) {
    const failed = entries.filter(({ cluster, event }) => cluster !== '' && event === reason);
    const last = failed.at(-1);
    if (last === undefined) continue;
    const note = failed.length === 1 ? `${last.cluster}: ${last.message}` : `${failed.length} clusters: ${listed(failed.map(({ cluster }) => cluster), MOST_NAMES)}`;
    told.push({ sequence: last.sequence, at: last.at, reason: `Cluster${reason}`, note });
  }
  return told.sort((a, b) => a.sequence - b.sequence);
}

export function createRunEvents({ ports, runs }: Parts): Follower {
  const { clock, records, metrics } = ports;
  const durations = metrics.histogram('isthmus_hub_run_stage_duration_seconds', 'From the first cluster of a stage until all of them were done, its soak was over and its gates after had passed.', [], BUCKETS_SECONDS);

  async function tell({ metadata: { name, uid = '' } }: UpdateRunObject, { sequence, at, reason, note }: Told, signal: CancelSignal): Promise<void> {
    await tellEvent(ports, {
      at, reason, note, occasion: String(sequence), regarding: { apiVersion: apiVersionOf(UpdateRun), kind: UpdateRun.kind, name, uid }, type: WARNINGS.includes(reason) || reason.startsWith('Cluster') ? 'Warning' : 'Normal',
    }, signal);
  }

  async function measure(run: string, finished: readonly NumberedEntry[]): Promise<void> {
    const state = finished.length === 0 ? undefined : (await records.getRun(run))?.state;
    for (const [stage, at] of Object.entries(state?.stageFinishedAt ?? {})) {
      const began = state?.stageStartedAt[Number(stage)];
      if (began !== undefined && finished.some((entry) => entry.at === at)) durations.observe({}, (at - began) / 1000);
    }
  }

  return createFollower({
    ports, name: 'events', gatherMilliseconds: GATHER_MILLISECONDS,
    async take(entries, _done, signal) {
      for (const run of new Set(entries.map((entry) => entry.run))) {
        const mine = entries.filter((entry) => entry.run === run);
        await measure(run, mine.filter(({ event }) => event === 'StageFinished'));
        const object = runs.get({ name: run });
        if (object === undefined) continue;
        for (const told of toldOf(mine)) if (clock.now() - told.at < OLDEST_MILLISECONDS) await tell(object, told, signal);
      }
    },
  });
}
