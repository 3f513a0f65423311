/** Those who follow a cache. What one of them throws, at once or later, is logged and holds up nobody. */
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { messageOf } from './errors.ts';
import type { CacheEvent } from './object-set.ts';

export type Subscriber<T extends KubernetesObject> = (event: CacheEvent<T>) => unknown;

export class Subscribers<T extends KubernetesObject> {
  readonly #log: Log;
  readonly #all = new Set<{ readonly subscriber: Subscriber<T> }>();

  constructor(log: Log) { this.#log = log; }

  /** First tells what is `held`. The result ends it. */
  add(subscriber: Subscriber<T>, held: readonly T[]): () => void {
    const one = { subscriber };
    for (const object of held) this.#tell(subscriber, { type: 'added', object });
    this.#all.add(one);
    return () => { this.#all.delete(one); };
  }

  /** Who joins meanwhile has been told the state after all of these. */
  deliver(events: readonly CacheEvent<T>[]): void {
    if (events.length === 0) return;
    const present = [...this.#all];
    for (const event of events) for (const one of present) if (this.#all.has(one)) this.#tell(one.subscriber, event);
  }

  #tell(subscriber: Subscriber<T>, event: CacheEvent<T>): void {
    const failed = (error: unknown): void => {
      const { namespace, name } = event.object.metadata;
      this.#log.error({ type: event.type, namespace, name, error: messageOf(error) }, 'a subscriber failed');
    };
    try {
      const answer = subscriber(event);
      if (answer instanceof Promise) answer.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
