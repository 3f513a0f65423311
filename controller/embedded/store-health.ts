/** Whether an object store takes writes: what it last refused, for health checks and the log. */
import { type Instant, seconds } from '../../mesh/model/instant.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { type ObjectStore, ObjectStoreUnavailable } from './store.ts';

/** After a refusal nobody may write again: the store itself is asked then, and not before. */
const ASK_AGAIN_SECONDS = 10;

export interface WatchedStore {
  readonly objects: ObjectStore;
  /** A sentence for people; undefined: the last write was taken. */
  problem(): string | undefined;
}

export function watchStore(store: ObjectStore, { clock, log }: { readonly clock: Pick<Clock, 'now'>; readonly log: Log }): WatchedStore {
  let failure: { readonly message: string; readonly at: Instant } | undefined;
  let version = 0;
  const commit: ObjectStore['commit'] = (resourceVersion, writes) => {
    try {
      store.commit(resourceVersion, writes);
      version = resourceVersion;
      if (failure !== undefined) log.info({ problem: failure.message }, 'objects can be written again');
      failure = undefined;
    } catch (error) {
      if (!(error instanceof ObjectStoreUnavailable)) throw error;
      if (failure === undefined) log.error({ problem: error.message }, 'objects cannot be written');
      failure = { message: error.message, at: clock.now() };
      throw error;
    }
  };
  return {
    objects: {
      ...store,
      commit,
      load() {
        const loaded = store.load();
        version = loaded.resourceVersion;
        return loaded;
      },
    },
    problem() {
      if (failure !== undefined && clock.now() - failure.at >= seconds(ASK_AGAIN_SECONDS)) {
        try {
          commit(version, []);
        } catch {
          // Noted.
        }
      }
      return failure?.message;
    },
  };
}
