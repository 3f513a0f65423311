/** A cache of a kind that this agent may be refused, or that its API server may not have: what is read of it is then unknown, and nothing waits or asks on. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { type Cache, type CacheOptions, createCache } from '../../runtime/cache.ts';
import { messageOf } from '../../runtime/errors.ts';
import { type NotServed, servedVersion } from '../../runtime/served.ts';
import type { AgentPorts } from '../ports.ts';

/** Somebody may have given the right since. */
const REFUSED_AGAIN_SECONDS = 3600;
const FAILED_AGAIN_SECONDS = 10;

export interface OptionalCache<T extends KubernetesObject> extends Pick<Cache<T>, 'subscribe'> {
  /** undefined: unknown, for it is not read yet or cannot be. */
  list(): readonly T[] | undefined;
  /** Read, or known that it cannot be read. */
  readonly settled: boolean;
  start(signal: CancelSignal): Promise<void>;
}

/** `settled` is told once, when all of it was read or the first refusal came. */
export function createOptionalCache<T extends KubernetesObject>(kind: ResourceKind, options: CacheOptions<T>, ports: AgentPorts, settled: () => void): OptionalCache<T> {
  const { kubernetes, clock, log } = ports;
  const cache = createCache<T>(kubernetes, kind, options, ports);
  const { fieldSelector } = options;
  let refused = false;

  /** Milliseconds until it is asked again; undefined: it can be read. */
  async function refusal(signal: CancelSignal): Promise<number | undefined> {
    let state: ResourceKind | NotServed;
    try {
      state = await servedVersion(kubernetes, [kind], fieldSelector === undefined ? {} : { fieldSelector }, signal);
    } catch (error) {
      if (signal.aborted) return 0;
      log.info({ kind: kind.kind, error: messageOf(error) }, 'cannot be read yet, trying again');
      return FAILED_AGAIN_SECONDS * 1000;
    }
    if (signal.aborted) return 0;
    if (typeof state !== 'string') return undefined;
    if (!refused) {
      log.info({ kind: kind.kind, state }, `${kind.plural} cannot be read here: what they would tell is reported as unknown`);
      refused = true;
      settled();
    }
    return state === 'absent' ? Number.POSITIVE_INFINITY : REFUSED_AGAIN_SECONDS * 1000;
  }

  return {
    list: () => (cache.synced ? cache.list() : undefined),
    get settled() { return refused || cache.synced; },
    subscribe: (subscriber) => cache.subscribe(subscriber),
    async start(signal) {
      for (let pause = await refusal(signal); pause !== undefined; pause = await refusal(signal)) {
        if (signal.aborted || pause === Number.POSITIVE_INFINITY) return;
        await clock.sleepUntil(clock.now() + pause, signal);
        if (signal.aborted) return;
      }
      void cache.waitForSync(signal).then(() => { if (!signal.aborted) settled(); });
      await cache.start(signal);
    },
  };
}
