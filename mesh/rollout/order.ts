/** In which order the clusters of a stage go: by the value of a label, property or fact, then by name. */
import type { ClusterView } from '../model/cluster.ts';
import { compareVersions, parseQuantity, parseVersion } from '../model/compare.ts';
import { compareText } from '../model/order.ts';
import { lookUp } from '../model/selector-lookup.ts';

type Version = NonNullable<ReturnType<typeof parseVersion>>;

/** Numbers go before versions, versions before texts, and clusters without the key last: one order, whatever is mixed. */
type Place = { readonly rank: 0; readonly number: number } | { readonly rank: 1; readonly version: Version } | { readonly rank: 2; readonly text: string } | { readonly rank: 3 };

function placeOf(view: ClusterView | undefined, key: string): Place {
  const found = view === undefined ? undefined : lookUp(view, key, false);
  if (found?.state !== 'known') return { rank: 3 };
  const text = found.texts.join(',');
  const number = found.kind === 'version' ? undefined : parseQuantity(text);
  if (number !== undefined) return { rank: 0, number };
  const version = found.kind === 'version' ? parseVersion(text) : undefined;
  return version === undefined ? { rank: 2, text } : { rank: 1, version };
}

function comparePlaces(a: Place, b: Place): number {
  if (a.rank === 0 && b.rank === 0) return a.number - b.number;
  if (a.rank === 1 && b.rank === 1) return compareVersions(a.version, b.version);
  if (a.rank === 2 && b.rank === 2) return compareText(a.text, b.text);
  return a.rank - b.rank;
}

/** Names of clusters in the order in which they go. */
export function inOrderOf(key: string, clusters: readonly string[], views: ReadonlyMap<string, ClusterView>): string[] {
  return clusters.map((name) => ({ name, place: placeOf(views.get(name), key) }))
    .sort((a, b) => comparePlaces(a.place, b.place) || compareText(a.name, b.name)).map(({ name }) => name);
}
