/** What happened, in order, as far back as a bounded log reaches; and those who watch. */
import type { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import { type JsonObject, objectAt } from './json.ts';
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
  /** What happened up to this version is not its business. */
  readonly after: number;
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
      if (subscription.kind === change.kind && change.resourceVersion > subscription.after) offer(subscription, change);
      if (change.resourceVersion - subscription.delivered >= BOOKMARK_EVERY) this.#bookmark(subscription, change.resourceVersion, false);
    }
  }

  /** Whether what happened after `version` is no longer known in full. */
  forgets(version: number): boolean {
    return version < this.#compacted;
  }

  /** Newest first: what happened to a kind after `version`. Throws 410 where that is forgotten. */
  backTo(version: number, kind: string): readonly Change[] {
    return this.#after(version).filter((change) => change.kind === kind).reverse();
  }

  /** Oldest first: what happened to a kind after `version`, as far as `most` changes of any kind reach; `version` of the result is the last looked at. Throws 410 where that is forgotten. */
  read(version: number, kind: string, most: number): { readonly changes: readonly Change[]; readonly version: number; readonly more: boolean } {
    const looked = this.#after(version, most);
    const last = looked.at(-1)?.resourceVersion ?? version;
    return { changes: looked.filter((change) => change.kind === kind), version: last, more: last < (this.#changes.at(-1)?.resourceVersion ?? 0) };
  }

  /** Delivers what happens after `version`, which must not have happened yet; the result ends the watch without a word. */
  follow(kind: string, version: number, matches: (object: JsonObject) => boolean, watcher: Watcher): () => void {
    const subscription: Subscription = { kind, after: version, matches, watcher, delivered: version };
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
    if (version < subscription.after) return;
    subscription.delivered = version;
    subscription.watcher.deliver({ type: 'BOOKMARK', resourceVersion: version, initialEventsEnd });
  }

  /** Changes after `version`, the oldest `most` of them. Throws 410 where they are forgotten. */
  #after(version: number, most = Infinity): readonly Change[] {
    if (this.forgets(version)) throw expired(`too old resource version: ${version} (${this.#compacted})`);
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle] as Change).resourceVersion <= version) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low, low + most);
  }
}

/** How one who selects by `matches` sees a change: an object that stops matching is deleted as it last matched, one that starts is added. undefined: not at all. */
export function seenAs({ before, after, last, resourceVersion }: Change, matches: (object: JsonObject) => boolean): Delivery | undefined {
  const was = before !== undefined && matches(before);
  const is = after !== undefined && matches(after);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: last };
  if (!was) return undefined;
  return { type: 'DELETED', object: after === undefined ? last : { ...before, metadata: { ...objectAt(before, 'metadata'), resourceVersion: String(resourceVersion) } } };
}

function offer(subscription: Subscription, change: Change): void {
  const delivery = seenAs(change, subscription.matches);
  if (delivery === undefined) return;
  subscription.delivered = change.resourceVersion;
  subscription.watcher.deliver(delivery);
}
