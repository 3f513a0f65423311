/** Deletions of many objects while others are served: some of them in each turn of the event loop. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { Later } from '../emptying.ts';
import type { JsonObject } from '../json.ts';
import type { Listing, PageEnd } from '../reads.ts';
import { SLICE_STEPS, type Turns } from './turns.ts';
import type { WriteGroups } from './write-groups.ts';

/** Of one slice. */
const DELETIONS = 64;
/** Before a slice that could not be kept is tried again. */
const PAUSE_SECONDS = 5;

/** Goes through `listing`, which deletes; gives what went. As kube-apiserver: a refusal ends it, and what went before it stays away. */
export async function deleteInSlices({ resourceVersion, objects }: Listing, write: <T>(slice: () => T) => Promise<T>, turns: Turns): Promise<Listing> {
  const gone: JsonObject[] = [];
  const slice = (): PageEnd | undefined => {
    for (let [steps, deleted] = [0, 0]; steps < SLICE_STEPS && deleted < DELETIONS; steps += 1) {
      const step = objects.next();
      if (step.done === true) return step.value;
      if (step.value === undefined) continue;
      gone.push(step.value);
      deleted += 1;
    }
    return undefined;
  };
  for (;;) {
    await turns.take();
    const end = await write(slice);
    if (end !== undefined) return { resourceVersion, objects: each(gone, end) };
  }
}

function* each(objects: readonly JsonObject[], end: PageEnd): Listing['objects'] {
  yield* objects;
  return end;
}

/** For `workLater`: slices as writes among other writes, until they are through or `signal` aborts; the next start goes on then. */
export function slicesAmongWrites(writes: WriteGroups, turns: Turns, clock: Clock, log: Log, signal: CancelSignal): Later {
  return (slice) => {
    void (async () => {
      while (!signal.aborted) {
        await turns.take();
        try {
          if (signal.aborted || !(await writes.run(slice))) return;
        } catch (error) {
          log.warn({ error: error instanceof Error ? error.message : String(error) }, 'contents of what is deleted cannot be deleted yet');
          await clock.sleepUntil(clock.now() + PAUSE_SECONDS * 1000, signal);
        }
      }
    })();
  };
}
