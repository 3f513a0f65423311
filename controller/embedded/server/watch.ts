/** A watch as a chunked HTTP response: one JSON event a line. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { EmbeddedApi } from '../api.ts';
import { type IncludedObject, partialMetadata, tableOf } from '../documents/table.ts';
import type { Delivery } from '../events.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionIn } from '../kinds.ts';
import { statusOf } from '../problems.ts';
import type { WatchRequest } from '../requests.ts';
import type { Target } from '../target.ts';
import type { Form } from './respond.ts';

/** A reader that leaves this much unread is cut off, and resumes from its last version. */
const MOST_UNSENT_BYTES = 16 * 1024 * 1024;
/** kube-apiserver ends watches after half an hour to an hour. */
const LONGEST_SECONDS = 3600;

export interface WatchStream {
  readonly form: Form;
  readonly include: IncludedObject;
  readonly bookmarks: boolean;
  readonly timeoutSeconds: number | undefined;
}

export function streamWatch(api: EmbeddedApi, target: Target, request: WatchRequest, stream: WatchStream, response: ServerResponse, clock: Clock): void {
  const timeout = new AbortController();
  let first = true;
  let stop: (() => void) | undefined;
  const begin = (): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private', 'transfer-encoding': 'chunked' });
  };
  const write = (type: string, object: unknown): void => {
    if (response.destroyed || response.writableEnded) return;
    begin();
    response.write(`${JSON.stringify({ type, object })}\n`);
    if (response.writableLength > MOST_UNSENT_BYTES) response.destroy();
  };
  const end = (): void => {
    timeout.abort();
    stop?.();
    if (!response.writableEnded) response.end();
  };
  stop = api.watch(target, request, {
    deliver(delivery) {
      const object = shape(delivery, target, stream, first, clock.now());
      if (object === undefined) return;
      if (delivery.type !== 'BOOKMARK') first = false;
      write(delivery.type, object);
    },
    end(error) {
      if (error !== undefined) write('ERROR', statusOf(error).body);
      end();
    },
  });
  // Sent even where nothing happened yet, so that the caller knows that it watches.
  begin();
  response.flushHeaders();
  response.once('close', end);
  const seconds = Math.min(stream.timeoutSeconds ?? LONGEST_SECONDS, LONGEST_SECONDS);
  void clock.sleepUntil(clock.now() + seconds * 1000, timeout.signal).then(end);
}

function shape(delivery: Delivery, { kind, version }: Target, { form, include, bookmarks }: WatchStream, first: boolean, now: number): JsonObject | undefined {
  if (delivery.type === 'BOOKMARK') {
    if (!bookmarks) return undefined;
    const metadata = {
      resourceVersion: String(delivery.resourceVersion), creationTimestamp: null,
      ...(delivery.initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    const bare: JsonObject = { kind: kind.kind, apiVersion: apiVersionIn(kind, version), metadata };
    if (form === 'table') return tableOf(kind, [bare], now, { resourceVersion: String(delivery.resourceVersion) }, include, first);
    return form === 'metadata' ? partialMetadata(bare) : bare;
  }
  const { object } = delivery;
  if (form === 'table') return tableOf(kind, [object], now, { resourceVersion: (object['metadata'] as JsonObject)['resourceVersion'] }, include, first);
  return form === 'metadata' ? partialMetadata(object) : object;
}
