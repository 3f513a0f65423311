/** What happened, in order, as far back as a bounded log reaches; and those who watch. */
import type { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import type { JsonObject } from './json.ts';
import { expired } from './problems.ts';

export interface Change {
  readonly resourceVersion: number;
  /** `group/plural`. */
  readonly kind: string;
  /** `namespace/name`. */
  readonly key: string;
  /** undefined: deleted; then `last` is the object as it went, with the version of the deletion. */
  readonly after: JsonObject | undefined;
  readonly before: JsonObject | undefined;
  readonly last: JsonObject;
}

export type Delivery =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: JsonObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: number; readonly initialEventsEnd: boolean };

/** Both are called synchronously, `deliver` in the order of versions; neither may throw. */
export interface Watcher {
  deliver(delivery: Delivery): void;
  end(error: KubernetesError | undefined): void;
}

interface Subscription {
  readonly kind: string;
  readonly matches: (object: JsonObject) => boolean;
  readonly watcher: Watcher;
  delivered: number;
}

/** A quiet watcher learns the current version after this many changes of other things. */
const BOOKMARK_EVERY = 64;

export class EventLog {
  readonly #limit: number;
  #changes: Change[] = [];
  readonly #subscriptions = new Set<Subscription>();
  /** Changes up to this version are forgotten. */
  #compacted: number;

  constructor(limit: number, compacted: number) {
    this.#limit = limit;
    this.#compacted = compacted;
  }

  append(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length > this.#limit + (this.#limit >> 2)) {
      const dropped = this.#changes.length - this.#limit;
      this.#compacted = (this.#changes[dropped - 1] as Change).resourceVersion;
      this.#changes = this.#changes.slice(dropped);
    }
    for (const subscription of [...this.#subscriptions]) {
      if (subscription.kind === change.kind) offer(subscription, change);
      if (change.resourceVersion - subscription.delivered >= BOOKMARK_EVERY) this.#bookmark(subscription, change.resourceVersion, false);
    }
  }

  /** Newest first: what happened to a kind after `version`. Throws 410 where that is forgotten. */
  backTo(version: number, kind: string): readonly Change[] {
    this.#check(version);
    return this.#changes.filter((change) => change.resourceVersion > version && change.kind === kind).reverse();
  }

  /** Delivers what happened after `version` and all that follows; the result ends the watch without a word. */
  watch(kind: string, version: number, matches: (object: JsonObject) => boolean, watcher: Watcher): () => void {
    this.#check(version);
    const subscription: Subscription = { kind, matches, watcher, delivered: version };
    for (const change of this.#changes) if (change.resourceVersion > version && change.kind === kind) offer(subscription, change);
    this.#subscriptions.add(subscription);
    return () => this.#subscriptions.delete(subscription);
  }

  /** Tells every watcher the current version; the HTTP server does so now and then. */
  bookmarkAll(version: number): void {
    for (const subscription of [...this.#subscriptions]) this.#bookmark(subscription, version, false);
  }

  endAll(): void {
    for (const subscription of [...this.#subscriptions]) subscription.watcher.end(undefined);
    this.#subscriptions.clear();
  }

  get watcherCount(): number {
    return this.#subscriptions.size;
  }

  #bookmark(subscription: Subscription, version: number, initialEventsEnd: boolean): void {
    subscription.delivered = version;
    subscription.watcher.deliver({ type: 'BOOKMARK', resourceVersion: version, initialEventsEnd });
  }

  #check(version: number): void {
    if (version < this.#compacted) throw expired(`too old resource version: ${version} (${this.#compacted})`);
  }
}

/** An object that stops matching the selector is deleted for this watcher, one that starts is added. */
function offer(subscription: Subscription, { before, after, last, resourceVersion }: Change): void {
  const was = before !== undefined && subscription.matches(before);
  const is = after !== undefined && subscription.matches(after);
  if (!was && !is) return;
  subscription.delivered = resourceVersion;
  subscription.watcher.deliver({ type: is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED', object: last });
}
