/** What tests of the embedded API share: an API with a steady clock and random, and readers of answers. */
import { HUB_RESOURCES, MEMBER_RESOURCES } from '../../../mesh/api/resources/index.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError, type KubernetesClient, type KubernetesObject, type ResourceKind, type WatchEvent } from '../../../mesh/ports/kubernetes.ts';
import { createEmbeddedApi, type EmbeddedApi, type EmbeddedApiOptions } from '../api.ts';
import { embeddedClient } from '../client.ts';
import { memoryObjectStore } from '../store.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- tests reach into objects of many kinds
export type Open = KubernetesObject & Record<string, any>;
export const signal: CancelSignal = new AbortController().signal;
export const me = { fieldManager: 'test' };

export function start(options: Partial<EmbeddedApiOptions> = {}): { readonly api: EmbeddedApi; readonly client: KubernetesClient; readonly time: { now: number } } {
  const time = { now: Date.parse('2026-01-01T00:00:00Z') };
  let seed = 1;
  const random = { bytes: (count: number) => Uint8Array.from({ length: count }, () => (seed = (seed * 48271) % 2147483647) & 255), uniform: () => 0.5 };
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock: { now: () => time.now }, random, definitions: [...HUB_RESOURCES, ...MEMBER_RESOURCES], namespaces: ['shop'], ...options });
  return { api, client: embeddedClient(api), time };
}

export const configMap = (name: string, data: Record<string, string> = {}, namespace = 'shop'): Open => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
export const cluster = (name: string, extra: object = {}): Open => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name }, spec: {}, ...extra });

/** What the promise is refused with; anything but a `KubernetesError` fails. */
export async function refusal(promise: Promise<unknown>): Promise<KubernetesError> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  if (!(error instanceof KubernetesError)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error;
}

/** Reads events until `count` came that are no bookmarks. */
export async function read(api: EmbeddedApi, kind: ResourceKind, options: object, count: number): Promise<string[]> {
  const events: string[] = [];
  const cancel = new AbortController();
  for await (const event of embeddedClient(api).watch<Open>(kind, { resourceVersion: '', ...options }, cancel.signal) as AsyncIterable<WatchEvent<Open>>) {
    if (event.type !== 'BOOKMARK') events.push(`${event.type} ${event.object.metadata.name}`);
    if (events.length >= count) cancel.abort();
  }
  return events;
}
