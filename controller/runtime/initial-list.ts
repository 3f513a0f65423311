/** Everything there is, as a stream (KEP-3157) or page by page. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind, type WatchEvent } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { cancelWithin } from './cancel.ts';
import type { Gathering } from './object-set.ts';

/** kube-apiserver's own page size for controllers (client-go `pager`). */
const PAGE_SIZE = 500;
/** A server that ignores `sendInitialEvents` sends what there is and then nothing: this long after the last object, there should have been the bookmark. */
const QUIET_MILLISECONDS = 10_000;
/** Streams that ended by themselves, without the bookmark, in a row. */
const MOST_INCOMPLETE = 3;

/** Answers of a server that has no streaming lists: not a `watch` of that form, or no watch at all. */
const REFUSALS: ReadonlySet<number> = new Set([400, 405, 406, 415, 422, 501]);

/** More objects than the bound. What came after the last one taken is unknown: only a list can tell whether there is room again. */
export class CacheFull extends Error {
  constructor(maximumObjects: number, { plural }: ResourceKind) {
    super(`more than ${maximumObjects} ${plural}: the cache is full; narrow it by a selector or raise its bound`);
  }
}

export interface Selected {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

interface StreamedList<T extends KubernetesObject> {
  /** Not older than this; undefined: the newest. */
  readonly atLeast: string | undefined;
  readonly gather: () => Gathering<T>;
  /** The list is complete; what follows is a watch. */
  readonly complete: (gathered: Gathering<T>, version: string) => void;
  readonly take: (event: WatchEvent<T>) => void;
}

export interface InitialLists<T extends KubernetesObject> {
  /** True: it was a list and then a watch, which has ended. False: this server has none, which is remembered; ask for pages. */
  stream(list: StreamedList<T>, signal: CancelSignal): Promise<boolean>;
  pages(atLeast: string | undefined, gathered: Gathering<T>, signal: CancelSignal): Promise<{ readonly gathered: Gathering<T>; readonly version: string }>;
}

export function createInitialLists<T extends KubernetesObject>({ client, kind, selected, maximumObjects, clock, log }: {
  readonly client: KubernetesClient; readonly kind: ResourceKind; readonly selected: Selected; readonly maximumObjects: number; readonly clock: Clock; readonly log: Log;
}): InitialLists<T> {
  let streams = true;
  let incomplete = 0;

  const add = (gathered: Gathering<T>, object: T): void => {
    gathered.put(object);
    if (gathered.size > maximumObjects) throw new CacheFull(maximumObjects, kind);
  };
  const noStreams = (why: string): false => {
    streams = false;
    log.info({ why }, 'this server has no streaming lists: reading page by page');
    return false;
  };

  /** Ends the watch where the bookmark is overdue. `later` puts that off. */
  function patience(signal: CancelSignal) {
    const watching = cancelWithin(signal);
    const waiting = cancelWithin(signal);
    let deadline = clock.now() + QUIET_MILLISECONDS;
    let over = false;
    void (async () => {
      while (!waiting.signal.aborted) {
        if (clock.now() < deadline) await clock.sleepUntil(deadline, waiting.signal);
        else {
          over = true;
          waiting.abort();
          watching.abort();
        }
      }
    })();
    return {
      signal: watching.signal,
      isOver: () => over,
      later: () => { deadline = clock.now() + QUIET_MILLISECONDS; },
      enough: () => waiting.abort(),
      release() {
        waiting.abort();
        waiting.release();
        watching.release();
      },
    };
  }

  return {
    async stream({ atLeast = '', gather, complete, take }, signal) {
      if (!streams) return false;
      let gathered: Gathering<T> | undefined = gather();
      const wait = patience(signal);
      try {
        for await (const event of client.watch<T>(kind, { ...selected, resourceVersion: atLeast, sendInitialEvents: true }, wait.signal)) {
          if (signal.aborted) return true;
          if (gathered === undefined) take(event);
          else if (event.type === 'DELETED') gathered.remove(event.object.metadata);
          else if (event.type !== 'BOOKMARK') {
            add(gathered, event.object);
            if (event.type === 'ADDED') wait.later();
          } else if (event.initialEventsEnd === true) {
            wait.enough();
            const list = gathered;
            gathered = undefined;
            incomplete = 0;
            complete(list, event.resourceVersion);
          }
        }
      } catch (error) {
        if (gathered !== undefined && !wait.isOver() && error instanceof KubernetesError && REFUSALS.has(error.code)) return noStreams(`it answers ${error.code} ${error.reason}`);
        if (gathered === undefined || !wait.isOver()) throw error;
      } finally {
        wait.release();
      }
      if (gathered === undefined || signal.aborted) return true;
      if (wait.isOver()) return noStreams('it never ends the list');
      incomplete += 1;
      if (incomplete >= MOST_INCOMPLETE) return noStreams('it closes the stream before the list has ended');
      throw new Error('the stream was closed before the list had ended');
    },

    async pages(atLeast, gathered, signal) {
      const since = atLeast === undefined ? {} : { resourceVersion: atLeast, resourceVersionMatch: 'NotOlderThan' as const };
      let page = await client.list<T>(kind, { ...selected, limit: PAGE_SIZE, ...since }, signal);
      // All pages are of the first one's version.
      const version = page.resourceVersion;
      for (;;) {
        for (const item of page.items) add(gathered, item);
        if (signal.aborted || page.continueToken === undefined || page.continueToken === '') return { gathered, version };
        page = await client.list<T>(kind, { ...selected, limit: PAGE_SIZE, continueToken: page.continueToken }, signal);
      }
    },
  };
}
