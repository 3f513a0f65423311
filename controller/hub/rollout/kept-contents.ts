/** Contents of bundles in the records: those go that no state of a cluster, no way back, no Bundle, Channel or UpdateRun names any more. */
import type { BundleObject, ChannelObject } from '../../../mesh/api/resources/bundle.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Cache } from '../../runtime/cache.ts';
import { CONTENT_GRACE_MILLISECONDS } from '../bundles/bundles.ts';
import type { BundleJudge } from '../bundles/judge.ts';
import type { HubPorts } from '../ports.ts';
import type { Assignments } from './assignments.ts';

const STEP_PAUSE_MILLISECONDS = 200;

export interface KeptContentsParts {
  readonly ports: Pick<HubPorts, 'clock' | 'records' | 'metrics' | 'log'>;
  readonly bundles: Cache<BundleObject>;
  readonly channels: Cache<ChannelObject>;
  readonly runs: Cache<UpdateRunObject>;
  readonly assignments: Pick<Assignments, 'bundles'>;
  readonly judge: Pick<BundleJudge, 'verdict'>;
}

/** One pass. What the states of clusters name, now or before the last run, the records know themselves. */
export function createKeptContents({ ports, bundles, channels, runs, assignments, judge }: KeptContentsParts): (signal: CancelSignal) => Promise<void> {
  const { clock, records, log } = ports;
  const collected = ports.metrics.counter('isthmus_hub_contents_collected_total', 'Contents of bundles that were dropped from the records because nothing names them any more.');
  const count = ports.metrics.gauge('isthmus_hub_contents_kept', 'Contents of bundles in the records, looked at once an hour.');
  const bytes = ports.metrics.gauge('isthmus_hub_contents_kept_bytes', 'Bytes of these contents.');

  function named(): ReadonlySet<string> {
    const digests = [
      ...bundles.list().flatMap((object) => [judge.verdict(object).facts?.reference.digest, object.status?.digest]), ...channels.list().map(({ status }) => status?.digest),
      ...runs.list().map(({ spec }) => spec.bundle?.digest), ...[...assignments.bundles().values()].flat().map(({ digest }) => digest),
    ];
    return new Set(digests.filter((digest) => digest !== undefined));
  }

  return async (signal) => {
    let all = 0;
    for (let after: string | undefined = ''; after !== undefined && !signal.aborted;) {
      const { next, dropped }: { readonly next: string | undefined; readonly dropped: number } = await records.dropBundles(after, clock.now() - CONTENT_GRACE_MILLISECONDS, named());
      all += dropped;
      collected.inc({}, dropped);
      after = next;
      if (after !== undefined) await clock.sleepUntil(clock.now() + STEP_PAUSE_MILLISECONDS, signal);
    }
    if (all > 0) log.info({ contents: all }, 'contents of bundles that nothing names any more were dropped from the records');
    const kept = await records.countBundles();
    count.set({}, kept.count);
    bytes.set({}, kept.bytes);
  };
}
