/** Clusters as other inventories have them, beside those that have joined here. */
import type { DiscoveredCluster } from '../model/discovered.ts';
import { clusterNameProblem } from '../model/names.ts';
import { compareText } from '../model/order.ts';
import { argoSecretNames, normalEndpoint } from './endpoint.ts';

/** One object of another inventory. Texts are other people's: bounded and without control characters by `plainText`. */
export interface FoundCluster extends Omit<DiscoveredCluster, 'cluster' | 'join'> {
  /** By which the fleet may know it for sure: its uid (of namespace kube-system), its id in the cluster set. */
  readonly ids: readonly string[];
  /** Name of an Argo CD Secret, which holds a digest of the endpoint. */
  readonly secretName: string | null;
}

/** A Cluster of this hub. */
export interface KnownCluster {
  readonly name: string;
  readonly uid: string | null;
  readonly endpoint: string | null;
  /** false: no agent has joined as it yet. */
  readonly joined: boolean;
}

/** Declared property of a Cluster: the URL of its API server. */
export const ENDPOINT_PROPERTY = 'api-server';

const LONGEST_TEXT = 253;

/** Without what could change a terminal's state or an answer's shape, and not longer than a Kubernetes name. */
// oxlint-disable-next-line no-control-regex -- control characters are what it takes out
export const plainText = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, ' ').slice(0, LONGEST_TEXT);

/** Sorted by name, then source and object. */
export function discover(found: readonly FoundCluster[], known: readonly KnownCluster[]): readonly DiscoveredCluster[] {
  const matches = matchAll(found, known);
  const taken = new Set(known.map(({ name }) => name));
  return found.map((each) => {
    const { ids: _, secretName: __, ...one } = each;
    const cluster = matches.get(each) ?? null;
    return { ...one, cluster, join: cluster === null ? joinCommand(one, taken) : cluster.joined ? null : command(cluster.name, one.endpoint) };
  }).sort((a, b) => compareText(a.name, b.name) || compareText(a.source, b.source) || compareText(a.object, b.object));
}

type Match = NonNullable<DiscoveredCluster['cluster']>;

/** The surest sign first. What one object tells of its cluster helps with the next: a Cluster of Cluster API known by its name has the endpoint that names Argo CD's Secret. */
function matchAll(found: readonly FoundCluster[], known: readonly KnownCluster[]): ReadonlyMap<FoundCluster, Match> {
  const matches = new Map<FoundCluster, Match>();
  const byName = new Map(known.map((cluster) => [cluster.name, cluster]));
  const byUid = unique(known.flatMap(({ name, uid }) => (uid === null ? [] : [[uid, name] as const])));
  const matchRest = (by: Match['by'], clusterOf: (one: FoundCluster) => string | undefined): void => {
    for (const one of found) {
      const cluster = matches.has(one) ? undefined : byName.get(clusterOf(one) ?? '');
      if (cluster !== undefined && !contradicts(one, cluster)) matches.set(one, { name: cluster.name, by, joined: cluster.joined });
    }
  };
  const matchByEndpoint = (): void => {
    const told = [...known.map(({ name, endpoint }) => ({ name, endpoint })), ...found.map((one) => ({ name: matches.get(one)?.name, endpoint: one.endpoint }))];
    const byEndpoint = unique(told.flatMap(({ name, endpoint }) => (name === undefined ? [] : keysOf(endpoint).map((key) => [key, name] as const))));
    matchRest('endpoint', (one) => byEndpoint.get(one.secretName ?? '') ?? byEndpoint.get(normalEndpoint(one.endpoint ?? '') ?? ''));
  };
  matchRest('uid', ({ ids }) => ids.map((id) => byUid.get(id)).find((cluster) => cluster !== undefined));
  matchByEndpoint();
  matchRest('name', ({ name, ids }) => [name, ...ids].find((candidate) => byName.has(candidate)));
  matchByEndpoint();
  return matches;
}

const keysOf = (endpoint: string | null): readonly string[] => {
  const normal = normalEndpoint(endpoint ?? '');
  return normal === undefined ? [] : [normal, ...argoSecretNames(normal)];
};

const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Both say a uid, and not the same: another cluster, whatever it is called. */
function contradicts({ ids }: FoundCluster, known: KnownCluster): boolean {
  const uids = ids.filter((id) => UID.test(id));
  return known.uid !== null && uids.length > 0 && !uids.includes(known.uid);
}

/** Without keys that stand for two clusters. */
function unique(entries: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  const all = new Map<string, string | undefined>();
  for (const [key, name] of entries) all.set(key, !all.has(key) || all.get(key) === name ? name : undefined);
  return new Map([...all].flatMap(([key, name]) => (name === undefined ? [] : [[key, name] as const])));
}

const MOST_ALIKE = 9;
const NAME_LENGTH = 32;

/** A name that this hub takes and that no Cluster has; its parts are safe in a shell, for the names are DNS labels and the endpoint is spelled without anything else. */
function joinCommand({ name, endpoint }: Pick<FoundCluster, 'name' | 'endpoint'>, taken: ReadonlySet<string>): string | null {
  const trim = (text: string, length: number): string => text.slice(0, length).replaceAll(/^-+|-+$/g, '');
  const base = trim(name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replace(/^-+/, ''), NAME_LENGTH);
  const candidates = [base, ...Array.from({ length: MOST_ALIKE - 1 }, (_, index) => `${trim(base, NAME_LENGTH - 2)}-${index + 2}`)];
  const free = candidates.find((candidate) => clusterNameProblem('', candidate) === undefined && !taken.has(candidate));
  return free === undefined ? null : command(free, endpoint);
}

/** With the endpoint, so that this hub knows the cluster by it from then on. */
function command(name: string, endpoint: string | null): string {
  const url = normalEndpoint(endpoint ?? '');
  return `isthmus join ${name}${url === undefined ? '' : ` --property '${ENDPOINT_PROPERTY}=${url}'`}`;
}
