/** A server with one kind of object and everything that can go wrong between it and a cache. */
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, KubernetesUnreachable, type ListOptions, type ObjectList, type WatchEvent, type WatchOptions } from '../../../mesh/ports/kubernetes.ts';

type Change = Extract<WatchEvent<ConfigMapObject>, { type: 'ADDED' | 'MODIFIED' | 'DELETED' }>;
type Stream = (item: WatchEvent<ConfigMapObject> | Error | 'close') => void;

const versionOf = (object: ConfigMapObject): number => Number(object.metadata.resourceVersion);
const tooLarge = (): KubernetesError => new KubernetesError(504, 'Timeout', 'Too large resource version', [{ reason: 'ResourceVersionTooLarge' }], 1);

export class FlakyServer {
  readonly objects = new Map<string, ConfigMapObject>();
  /** What it has of streaming lists; `ignores`: an old server that takes the request for a plain watch. */
  streaming: 'has' | 'refuses' | 'ignores' = 'has';
  down = false;
  /** The next list is answered by a replica that has not seen the last changes. */
  lagging = false;
  version = 10;
  #history: Change[] = [];
  #compacted = 0;
  /** What stood at the last compaction. */
  #base = new Map<string, ConfigMapObject>();
  #uids = 0;
  #streams = new Set<Stream>();

  write(name: string): void {
    const held = this.objects.get(name);
    this.#commit(held === undefined ? 'ADDED' : 'MODIFIED', { ...this.#body(name, held?.metadata.uid), data: { written: String(this.version) } });
  }

  delete(name: string): void {
    const held = this.objects.get(name);
    if (held !== undefined) this.#commit('DELETED', { ...held, metadata: { ...held.metadata, resourceVersion: String(this.version + 1) } });
  }

  /** Without a DELETED in between, as a proxy that drops an event would show it. */
  replaceSilently(name: string): void {
    if (this.objects.has(name)) this.#commit('MODIFIED', this.#body(name, undefined));
  }

  repeat(index: number): void {
    const change = this.#history.at(-1 - index % 5);
    if (change !== undefined) this.#send(change);
  }

  bookmark(): void { this.#send({ type: 'BOOKMARK', resourceVersion: String(this.version) }); }

  compact(): void {
    this.#history = [];
    this.#base = new Map(this.objects);
    this.#compacted = this.version;
  }

  cut(how: 'close' | 'reset' | 'gone'): void {
    const item = how === 'close' ? how : how === 'reset' ? new KubernetesUnreachable('connection reset') : new KubernetesError(410, 'Expired', 'too old resource version');
    for (const stream of this.#streams) stream(item);
    this.#streams.clear();
  }

  /** Back to what was `versions` versions ago, as from a backup. */
  setBack(versions: number): void {
    const target = Math.max(this.#compacted, 10, this.version - versions);
    const state = this.#at(target);
    this.cut('reset');
    this.objects.clear();
    for (const [name, object] of state) this.objects.set(name, object);
    this.#history = this.#history.filter(({ object }) => versionOf(object) <= target);
    this.version = target;
  }

  client(): KubernetesClient {
    return {
      list: (_kind: unknown, options: ListOptions) => this.#list(options),
      watch: (_kind: unknown, options: WatchOptions, signal: CancelSignal) => this.#watch(options, signal),
    } as unknown as KubernetesClient;
  }

  async #list(options: ListOptions): Promise<ObjectList<ConfigMapObject>> {
    if (this.down) throw new KubernetesUnreachable('refused');
    const [first, from] = options.continueToken?.split('@').map(Number) ?? [];
    if (from !== undefined && from < this.#compacted) throw new KubernetesError(410, 'Expired', 'the continue token expired');
    if (Number(options.resourceVersion ?? 0) > this.version) throw tooLarge();
    const version = from ?? (this.lagging ? Math.max(this.#compacted, this.version - 3) : this.version);
    this.lagging = false;
    const all = [...this.#at(version).values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    const start = first ?? 0;
    return { resourceVersion: String(version), items: all.slice(start, start + 2), ...(start + 2 < all.length ? { continueToken: `${start + 2}@${version}` } : {}) };
  }

  async *#watch(options: WatchOptions, signal: CancelSignal): AsyncGenerator<WatchEvent<ConfigMapObject>> {
    if (this.down) throw new KubernetesUnreachable('refused');
    const streamed = options.sendInitialEvents === true;
    if (streamed && this.streaming === 'refuses') throw new KubernetesError(422, 'Invalid', 'sendInitialEvents is forbidden');
    const from = Number(options.resourceVersion || 0);
    if (from > this.version) throw tooLarge();
    if (!streamed && from < this.#compacted) throw new KubernetesError(410, 'Expired', 'too old resource version');
    const queue: (WatchEvent<ConfigMapObject> | Error | 'close')[] = streamed
      ? [...[...this.objects.values()].map((object) => ({ type: 'ADDED' as const, object })), ...(this.streaming === 'has' ? [{ type: 'BOOKMARK' as const, resourceVersion: String(this.version), initialEventsEnd: true as const }] : [])]
      : this.#history.filter(({ object }) => versionOf(object) > from);
    let wake: () => void = () => {};
    const stream: Stream = (item) => { queue.push(item); wake(); };
    this.#streams.add(stream);
    const abort = (): void => stream('close');
    signal.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        const item = queue.shift();
        if (item === undefined) await new Promise<void>((resolve) => { wake = resolve; });
        else if (item === 'close') return;
        else if (item instanceof Error) throw item;
        else yield item;
      }
    } finally {
      this.#streams.delete(stream);
      signal.removeEventListener('abort', abort);
    }
  }

  #body(name: string, uid: string | undefined): ConfigMapObject {
    return { apiVersion: 'v1', kind: ConfigMap.kind, metadata: { namespace: 'n', name, uid: uid ?? `uid-${this.#uids++}`, resourceVersion: String(this.version + 1), managedFields: [{ manager: 'x' }] } };
  }

  #commit(type: Change['type'], object: ConfigMapObject): void {
    this.version += 1;
    if (type === 'DELETED') this.objects.delete(object.metadata.name);
    else this.objects.set(object.metadata.name, object);
    this.#history.push({ type, object });
    this.#send({ type, object });
  }

  #send(event: WatchEvent<ConfigMapObject>): void { for (const stream of this.#streams) stream(event); }

  #at(version: number): Map<string, ConfigMapObject> {
    const state = new Map(this.#base);
    for (const { type, object } of this.#history) {
      if (versionOf(object) > version) break;
      if (type === 'DELETED') state.delete(object.metadata.name);
      else state.set(object.metadata.name, object);
    }
    return state;
  }
}
