/** What people said of runs that are no more: approvals that came when their run had gone (others go with it), and overrides of windows. */
import type { ApprovalObject } from '../../../mesh/api/resources/approval.ts';
import { Approval, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { HistoryRetention, HubPorts } from '../ports.ts';

const DAY_MILLISECONDS = 86_400_000;
const MOST_AT_ONCE = 500;
const STEP_PAUSE_MILLISECONDS = 200;

export interface LooseWordsParts {
  readonly ports: Pick<HubPorts, 'clock' | 'kubernetes' | 'log'>;
  readonly runs: Cache<UpdateRunObject>;
  readonly approvals: Cache<ApprovalObject>;
  readonly overrides: Cache<WindowOverrideObject>;
  /** They are told of for as long as a run whose object is gone. */
  readonly limits: Pick<HistoryRetention, 'runDays'>;
}

/** One pass. */
export function createLooseWords({ ports: { clock, kubernetes, log }, runs, approvals, overrides, limits }: LooseWordsParts): (signal: CancelSignal) => Promise<void> {
  return async (signal) => {
    const before = clock.now() - limits.runDays * DAY_MILLISECONDS;
    const isLoose = ({ metadata, spec }: ApprovalObject | WindowOverrideObject): boolean => (fromRfc3339(metadata.creationTimestamp) ?? clock.now()) < before && runs.get({ name: spec.run }) === undefined;
    const loose = [...approvals.list().filter(isLoose).map((object) => ({ kind: Approval, object })), ...overrides.list().filter(isLoose).map((object) => ({ kind: WindowOverride, object }))];
    for (const { kind, object: { metadata: { name, uid }, spec } } of loose.slice(0, MOST_AT_ONCE)) {
      if (signal.aborted) return;
      try {
        await kubernetes.delete(kind, { name }, uid === undefined ? {} : { uid }, signal);
      } catch (error) {
        // Another of that name by now.
        if (!(error instanceof KubernetesError && error.code === 409)) throw error;
      }
      log.info({ kind: kind.kind, name, run: spec.run }, 'what was said of a run that is no more was deleted');
      await clock.sleepUntil(clock.now() + STEP_PAUSE_MILLISECONDS, signal);
    }
  };
}
