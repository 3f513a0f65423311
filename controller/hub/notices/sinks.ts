/** Webhooks that are told of the transitions of runs: at least once, in order, each sink by itself. One that is dead holds up nobody but itself. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { seconds } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { NumberedEntry } from '../../../mesh/ports/records.ts';
import { type BackoffLimits, backoffMilliseconds } from '../../runtime/backoff.ts';
import type { Cache } from '../../runtime/cache.ts';
import { messageOf } from '../../runtime/errors.ts';
import { authorization } from '../gates/gate-secret.ts';
import { CLOUD_EVENT } from '../gates/webhook.ts';
import type { HubPorts, NotificationSink } from '../ports.ts';
import { isWanted, noticeOf } from './cloud-events.ts';
import { createFollower, type Follower } from './follower.ts';

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records' | 'digest' | 'ask'>;
  readonly runs: Cache<UpdateRunObject>;
  readonly sinks: readonly NotificationSink[];
  /** Of the hub: where Secrets are. */
  readonly namespace: string;
  readonly source: string;
}

const TIMEOUT_SECONDS = 10;
const RETRIES: BackoffLimits = { baseMilliseconds: 1000, maximumMilliseconds: 300_000, jitter: 0.1 };
const LONGEST_RETRY_SECONDS = 3600;
/** Older than this, and tried: given up, so that a sink that comes back after weeks is told what is new. */
const LIFETIME_SECONDS = 24 * 3600;
/** The receiver will not take this one, ever. */
const REFUSALS = [400, 405, 410, 413, 415, 422];

/** One for each sink. */
export function createSinks({ ports, runs, sinks, namespace, source }: Parts): readonly Follower[] {
  const { clock, random, log, metrics, kubernetes, digest, ask } = ports;
  if (ask === undefined) return [];
  const told = metrics.counter('isthmus_hub_notifications_total', 'Transitions of runs that webhooks were told of, by sink (its place in the settings, from 0) and what became of it: delivered, refused, or given up after a day.', ['sink', 'result']);
  const attempts = metrics.counter('isthmus_hub_notification_failures_total', 'Attempts to tell a webhook that failed and are made again.', ['sink']);

  return sinks.map(({ url, types, authSecret }, index) => {
    const sink = String(index);
    const host = URL.parse(url)?.host ?? '';

    /** undefined: it has it; else why not, and whether it may have it later. */
    async function send(entry: NumberedEntry, signal: CancelSignal): Promise<{ readonly problem: string; readonly final: boolean; readonly retryAfterSeconds: number } | undefined> {
      const { spec, status } = runs.get({ name: entry.run }) ?? {};
      const changedBy = status?.changedBy;
      const event = noticeOf(source, entry, spec === undefined ? {} : { reason: spec.reason, author: spec.requestedBy, ...(changedBy === undefined ? {} : { changedBy: changedBy.map(({ person }) => person) }) });
      try {
        const headers = { 'content-type': CLOUD_EVENT, ...(authSecret === undefined ? {} : { authorization: await authorization(kubernetes, namespace, authSecret, url, signal) }) };
        const { status, retryAfterSeconds = 0 } = await ask!({ method: 'POST', url, headers, body: JSON.stringify(event), timeoutSeconds: TIMEOUT_SECONDS }, signal);
        return status >= 200 && status < 300 ? undefined : { problem: `answers ${status}`, final: REFUSALS.includes(status), retryAfterSeconds: Math.min(retryAfterSeconds, LONGEST_RETRY_SECONDS) };
      } catch (error) {
        return { problem: messageOf(error), final: false, retryAfterSeconds: 0 };
      }
    }

    /** Returns when the sink has it, or never will. */
    async function deliver(entry: NumberedEntry, signal: CancelSignal): Promise<void> {
      for (let failures = 1; !signal.aborted; failures++) {
        const failed = await send(entry, signal);
        if (signal.aborted) return;
        const result = failed === undefined ? 'delivered' : failed.final ? 'refused' : clock.now() - entry.at > seconds(LIFETIME_SECONDS) ? 'given-up' : undefined;
        if (failed !== undefined) {
          const fields = { sink, host, run: entry.run, sequence: entry.sequence, problem: failed.problem };
          if (result !== undefined) log.error({ ...fields, result }, 'a notification was not taken, and is not sent again');
          else if (failures === 1) log.warn(fields, 'a notification could not be sent, trying again');
        }
        if (result !== undefined) {
          told.inc({ sink, result });
          return;
        }
        attempts.inc({ sink });
        await clock.sleepUntil(clock.now() + Math.max(backoffMilliseconds(failures, RETRIES, random), seconds(failed!.retryAfterSeconds)), signal);
      }
    }

    return createFollower({
      ports, name: `sink/${digest(url).slice(0, 16)}`, gatherMilliseconds: 0,
      async take(entries, done, signal) {
        for (const entry of entries) {
          if (!isWanted(entry, types)) continue;
          await deliver(entry, signal);
          if (signal.aborted) return;
          await done(entry.sequence);
        }
      },
    });
  });
}
