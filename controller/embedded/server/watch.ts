/** A watch as a chunked HTTP response: one JSON event a line. What is and was comes in slices, what happens as it happens. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { type IncludedObject, partialMetadata, tableOf } from '../documents/table.ts';
import type { Delivery, Watcher } from '../events.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionIn } from '../kinds.ts';
import { statusOf } from '../problems.ts';
import type { OpenWatch } from '../reads.ts';
import type { Target } from '../target.ts';
import { type Form, JSON_HEADERS } from './respond.ts';
import { SLICE_CHARACTERS, SLICE_STEPS, SlicedBody, type Turns } from './turns.ts';

/** A reader that leaves this much unread is cut off, and resumes from its last version. */
const MOST_UNSENT_BYTES = 16 * 1024 * 1024;
/** kube-apiserver ends watches after half an hour to an hour. */
const LONGEST_SECONDS = 3600;

export interface WatchStream {
  readonly target: Target;
  readonly form: Form;
  readonly include: IncludedObject;
  readonly bookmarks: boolean;
  readonly timeoutSeconds: number | undefined;
}

/** Answers at once; the stream goes on by itself until the reader leaves, the time is over or the watch ends. */
export function streamWatch(watch: OpenWatch, stream: WatchStream, response: ServerResponse, turns: Turns, clock: Clock): void {
  const timeout = new AbortController();
  let stop = (): void => {};
  const end = (): void => {
    timeout.abort();
    stop();
    if (!response.writableEnded) response.end();
  };
  response.writeHead(200, { ...JSON_HEADERS, 'transfer-encoding': 'chunked' });
  // Sent even where nothing happened yet, so that the caller knows that it watches.
  response.flushHeaders();
  response.once('close', end);
  const seconds = Math.min(stream.timeoutSeconds === undefined || stream.timeoutSeconds === 0 ? LONGEST_SECONDS : stream.timeoutSeconds, LONGEST_SECONDS);
  void clock.sleepUntil(clock.now() + seconds * 1000, timeout.signal).then(end);
  const lines = new Lines(stream, clock);
  const follow = (): void => {
    const live: Watcher = {
      deliver(delivery) {
        if (response.destroyed || response.writableEnded) return;
        response.write(lines.of(delivery));
        if (response.writableLength > MOST_UNSENT_BYTES) response.destroy();
      },
      end(error) {
        if (error !== undefined && !response.writableEnded) response.write(lines.error(error));
        end();
      },
    };
    stop = watch.follow(live);
  };
  catchUp(watch, lines, new SlicedBody(response, turns, clock, JSON_HEADERS), follow).catch((error: unknown) => {
    if (!response.writableEnded) response.write(lines.error(error));
    end();
    if (!(error instanceof KubernetesError)) throw error;
  });
}

async function catchUp(watch: OpenWatch, lines: Lines, body: SlicedBody, follow: () => void): Promise<void> {
  while (await body.ready()) {
    let text = '';
    const more = watch.advance(SLICE_STEPS, (delivery) => {
      text += lines.of(delivery);
      return text.length < SLICE_CHARACTERS ? 'more' : 'enough';
    });
    body.write(text);
    if (more) continue;
    follow();
    return;
  }
}

/** Events as text; of a table, the first one only says what its columns are. */
class Lines {
  readonly #stream: WatchStream;
  readonly #clock: Clock;
  #first = true;

  constructor(stream: WatchStream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /** Empty where the caller did not ask to hear of it. */
  of(delivery: Delivery): string {
    const initialEventsEnd = delivery.type === 'BOOKMARK' && delivery.initialEventsEnd;
    if (delivery.type === 'BOOKMARK' && !this.#stream.bookmarks) return '';
    const { target: { kind, version }, form } = this.#stream;
    const object: JsonObject = delivery.type === 'BOOKMARK'
      ? { kind: kind.kind, apiVersion: apiVersionIn(kind, version), metadata: { resourceVersion: String(delivery.resourceVersion), ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}) } }
      : delivery.object;
    const shape = form === 'table' ? this.#table(object, delivery.type) : form === 'metadata' ? partialMetadata(object) : object;
    return `${JSON.stringify({ type: delivery.type, object: shape })}\n`;
  }

  error(error: unknown): string {
    return `${JSON.stringify({ type: 'ERROR', object: statusOf(error).body })}\n`;
  }

  #table(object: JsonObject, type: Delivery['type']): JsonObject {
    const { target: { kind }, include } = this.#stream;
    const table = tableOf(kind, [object], this.#clock.now(), { resourceVersion: (object['metadata'] as JsonObject)['resourceVersion'] }, type === 'BOOKMARK' ? 'Metadata' : include, this.#first);
    this.#first = false;
    return table;
  }
}
