/** What other inventories know, read when somebody asks: nothing is watched or kept for it, and what is not there or not ours to read is said. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { DiscoveredAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { discover, ENDPOINT_PROPERTY, type FoundCluster, type KnownCluster } from '../../../mesh/inventory/discovered.ts';
import type { PublishedProfiles, SourceReading } from '../../../mesh/model/discovered.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Cache } from '../../runtime/cache.ts';
import { messageOf } from '../../runtime/errors.ts';
import { notServed } from '../../runtime/served.ts';
import type { HubPorts, InventoryConfig } from '../ports.ts';
import { readAll } from './reading.ts';
import { describeSource, type Source, sourcesOf } from './sources.ts';

/** Who asks again so soon gets the same answer, which says of when it is. */
const FRESH_SECONDS = 5;

export interface DiscoveryParts {
  readonly ports: Pick<HubPorts, 'clock' | 'kubernetes'>;
  readonly clusters: Pick<Cache<ClusterObject>, 'list'>;
  readonly namespace: string;
  readonly config: InventoryConfig;
  readonly published: () => PublishedProfiles;
}

interface Reading { readonly at: Instant; readonly sources: readonly SourceReading[]; readonly found: readonly FoundCluster[] }

export function createDiscovery({ ports: { clock, kubernetes }, clusters, namespace, config, published }: DiscoveryParts): (question: { readonly limit: number }, signal: CancelSignal) => Promise<DiscoveredAnswer> {
  const sources = sourcesOf(namespace, config.argoNamespaces);
  let last: Reading | undefined;

  async function read(source: Source, signal: CancelSignal): Promise<{ readonly reading: SourceReading; readonly found: readonly FoundCluster[] }> {
    const said = (state: SourceReading['state'], message: string, found: readonly FoundCluster[] = []): { reading: SourceReading; found: readonly FoundCluster[] } =>
      ({ reading: { source: source.source, what: describeSource(source), state, found: new Set(found.map(({ object }) => object)).size, message }, found });
    for (const kind of source.versions) {
      try {
        const { kept, complete } = await readAll(kubernetes, kind, source.options, source.read, signal);
        return said('read', complete ? '' : 'there are more than were read', kept);
      } catch (error) {
        if (signal.aborted) throw error;
        const state = notServed(error);
        if (state === 'forbidden') return said('forbidden', 'this hub may not list them: install its chart with inventory.discover=true (and inventory.argocdNamespaces)');
        if (state === undefined) return said('failed', messageOf(error).slice(0, 1024));
      }
    }
    return said('absent', 'their definition is not installed here');
  }

  async function readEverything(signal: CancelSignal): Promise<Reading> {
    const at = clock.now();
    const readings: SourceReading[] = [];
    const found: FoundCluster[] = [];
    // One after the other: a person waits, and the API server should not notice.
    for (const source of sources) {
      const { reading, found: more } = await read(source, signal);
      readings.push(reading);
      found.push(...more);
    }
    if (config.argoNamespaces.length === 0) readings.push({ source: 'Argo CD', what: 'secrets', state: 'off', found: 0, message: 'name the namespaces of its Secrets: --argocd-namespace, inventory.argocdNamespaces of the chart' });
    return { at, sources: readings, found: once(found) };
  }

  return async ({ limit }, signal) => {
    if (!config.discover) return { at: toRfc3339(clock.now()), published: published(), sources: sources.map((source) => ({ source: source.source, what: describeSource(source), state: 'off', found: 0, message: 'inventory.discover of the hub\'s chart is false' })), clusters: [], omitted: 0 };
    if (last === undefined || clock.now() - last.at > FRESH_SECONDS * 1000) last = await readEverything(signal);
    const all = discover(last.found, clusters.list().map(knownCluster));
    return { at: toRfc3339(last.at), published: published(), sources: last.sources, clusters: all.slice(0, limit), omitted: Math.max(0, all.length - limit) };
  };
}

/** Many objects of Flux name one kubeconfig: the first stands for all of them. */
function once(found: readonly FoundCluster[]): readonly FoundCluster[] {
  const byObject = new Map<string, { readonly first: FoundCluster; more: number }>();
  for (const one of found) {
    const key = `${one.source} ${one.object}`;
    const known = byObject.get(key);
    if (known === undefined) byObject.set(key, { first: one, more: 0 });
    else known.more += 1;
  }
  return [...byObject.values()].map(({ first, more }) => (more === 0 ? first : { ...first, detail: `${first.detail ?? ''}, and ${more} more` }));
}

function knownCluster({ metadata: { name }, spec, status }: ClusterObject): KnownCluster {
  return { name, uid: status?.uid ?? null, endpoint: spec?.properties?.[ENDPOINT_PROPERTY] ?? status?.properties?.find((property) => property.name === ENDPOINT_PROPERTY)?.value ?? null, joined: status?.identity !== undefined };
}
