/** What kinds there are: `/api`, `/apis` and below, legacy and aggregated. */
import { REVIEW_KINDS, type ReviewKind } from '../builtin/review-kinds.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionIn, inVersion, type KindRegistry, type ServedKind } from '../kinds.ts';

const VERBS: readonly string[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
/** kube-apiserver has another order for what definitions define. */
const CUSTOM_VERBS: readonly string[] = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'] as const;

/** Namespaces go one at a time. */
export const verbsOf = (kind: ServedKind): readonly string[] => {
  if (!kind.builtIn) return CUSTOM_VERBS;
  return kind.group === '' && kind.plural === 'namespaces' ? VERBS.filter((verb) => verb !== 'deletecollection') : VERBS;
};

/** Groups in the order of their names, each with its versions (best first). */
export function groupsOf(kinds: KindRegistry): readonly { readonly group: string; readonly versions: readonly string[] }[] {
  const groups = new Map<string, Set<string>>();
  for (const kind of kinds.all()) {
    const versions = groups.get(kind.group) ?? new Set();
    for (const version of kind.versions) versions.add(version);
    groups.set(kind.group, versions);
  }
  for (const { group, version } of REVIEW_KINDS) groups.set(group, (groups.get(group) ?? new Set()).add(version));
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([group, versions]) => ({ group, versions: [...versions] }));
}

export const kindsIn = (kinds: KindRegistry, group: string, version: string): readonly ServedKind[] =>
  kinds.all().filter((kind) => kind.group === group && kind.versions.includes(version)).map((kind) => inVersion(kind, version));

export const reviewsIn = (group: string, version: string): readonly ReviewKind[] => REVIEW_KINDS.filter((kind) => kind.group === group && kind.version === version);

/** A kind as it is listed. */
type Listed = Pick<ServedKind, 'group' | 'plural' | 'singular' | 'kind' | 'namespaced' | 'shortNames' | 'categories' | 'builtIn' | 'statusSubresource'> & { readonly verbs: readonly string[] };

/** By plural. */
const listedIn = (kinds: KindRegistry, group: string, version: string): readonly Listed[] => [
  ...kindsIn(kinds, group, version).map((kind) => ({ ...kind, verbs: verbsOf(kind) })),
  ...reviewsIn(group, version).map((kind) => ({ ...kind, singular: kind.kind.toLowerCase(), shortNames: [], categories: [], builtIn: true, statusSubresource: false, verbs: ['create'] })),
].sort((a, b) => (a.plural < b.plural ? -1 : 1));

export const coreVersions = (address: string): JsonObject =>
  ({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }] });

export function groupDocument(group: string, versions: readonly string[]): JsonObject {
  const list = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

export const groupList = (kinds: KindRegistry): JsonObject =>
  ({ kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(kinds).filter(({ group }) => group !== '').map(({ group, versions }) => groupDocument(group, versions)) });

/** undefined: no such group and version. */
export function resourceList(kinds: KindRegistry, group: string, version: string): JsonObject | undefined {
  const found = listedIn(kinds, group, version);
  if (found.length === 0) return undefined;
  return {
    kind: 'APIResourceList', ...(group === '' ? {} : { apiVersion: 'v1' }), groupVersion: apiVersionIn({ group }, version),
    resources: found.flatMap((kind) => [
      {
        name: kind.plural, singularName: kind.singular, namespaced: kind.namespaced, kind: kind.kind, verbs: kind.verbs,
        ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }), ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
      },
      ...(kind.statusSubresource ? [{ name: `${kind.plural}/status`, singularName: '', namespaced: kind.namespaced, kind: kind.kind, verbs: STATUS_VERBS }] : []),
    ]),
  };
}

/** `APIGroupDiscoveryList` v2: the core group alone, or all the others. */
export function aggregated(kinds: KindRegistry, core: boolean): JsonObject {
  return {
    kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {},
    items: groupsOf(kinds).filter(({ group }) => (group === '') === core).map(({ group, versions }) => ({
      metadata: group === '' ? {} : { name: group },
      versions: versions.map((version) => ({
        version, freshness: 'Current',
        resources: listedIn(kinds, group, version).map((kind) => {
          // As kube-apiserver: empty where it is the group and version that it stands in.
          const responseKind = kind.builtIn ? { group: '', version: '', kind: kind.kind } : { group, version, kind: kind.kind };
          return {
            resource: kind.plural, responseKind, scope: kind.namespaced ? 'Namespaced' : 'Cluster', singularResource: kind.singular, verbs: kind.verbs,
            ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }), ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
            ...(kind.statusSubresource ? { subresources: [{ subresource: 'status', responseKind, verbs: STATUS_VERBS }] } : {}),
          };
        }),
      })),
    })),
  };
}
