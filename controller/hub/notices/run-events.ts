/** Transitions of runs as Kubernetes Events on the UpdateRun, and how long stages took. Clusters that failed come together in one Event: ten thousand make no ten thousand. */
import { Event, type RunEventObject, RunEvent } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import type { NumberedEntry } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { HubPorts } from '../ports.ts';
import { createFollower, type Follower } from './follower.ts';

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records' | 'digest'>;
  readonly runs: Cache<UpdateRunObject>;
}

/** Where Kubernetes keeps events of objects without a namespace. */
const NAMESPACE = Event.namespaced ? 'default' : '';
const GATHER_MILLISECONDS = 2000;
const LONGEST_NOTE = 1000;
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
    const names = failed.slice(0, MOST_NAMES).map(({ cluster, message }) => (failed.length === 1 ? `${cluster}: ${message}` : cluster)).join(', ');
    told.push({ sequence: last.sequence, at: last.at, reason: `Cluster${reason}`, note: failed.length === 1 ? names : `${failed.length} clusters: ${names}${failed.length > MOST_NAMES ? ` and ${failed.length - MOST_NAMES} more` : ''}` });
  }
  return told.sort((a, b) => a.sequence - b.sequence);
}

export function createRunEvents({ ports, runs }: Parts): Follower {
  const { clock, kubernetes, records, digest, metrics } = ports;
  const durations = metrics.histogram('isthmus_hub_run_stage_duration_seconds', 'From the first cluster of a stage until all of them were done, its soak was over and its gates after had passed.', [], BUCKETS_SECONDS);

  async function tell({ metadata: { name, uid = '' } }: UpdateRunObject, { sequence, at, reason, note }: Told, signal: CancelSignal): Promise<void> {
    const event: RunEventObject = {
      // After a crash the same entries come again: the same name is refused.
      apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { namespace: NAMESPACE, name: `${name.slice(0, 200)}.${digest(`${uid} ${reason} ${sequence}`).slice(0, 16)}` },
      eventTime: toRfc3339(at).replace('Z', '000Z'), reportingController: HUB_FIELD_MANAGER, reportingInstance: HUB_FIELD_MANAGER, action: 'Update', reason,
      regarding: { apiVersion: apiVersionOf(UpdateRun), kind: UpdateRun.kind, name, uid }, note: note.slice(0, LONGEST_NOTE), type: WARNINGS.includes(reason) || reason.startsWith('Cluster') ? 'Warning' : 'Normal',
    };
    await kubernetes.create(RunEvent, event, { fieldManager: HUB_FIELD_MANAGER }, signal).catch((error: unknown) => {
      if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
    });
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
