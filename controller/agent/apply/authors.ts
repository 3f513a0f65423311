/** Who changed an object, as far as it says: field manager, operation, subresource, time, and the tool or person behind it. Pure. */
import type { Author } from '../../../mesh/drift/diff.ts';
import { managedBy } from '../../../mesh/drift/managed-by.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { KubernetesObject, ManagedFieldsEntry } from '../../../mesh/ports/kubernetes.ts';

/** Whoever changes an object by hand, or an admission webhook, may say who it was. */
const CHANGED_BY = 'isthmus.dev/changed-by';
const LONGEST_NAME = 128;

/** Field managers that each tool writes as. */
const MANAGERS = { 'Argo CD': /argo/i, 'Flux Kustomization': /kustomize-controller/i, 'Flux HelmRelease': /helm/i, Helm: /helm/i } as const;

const laterOf = (a: ManagedFieldsEntry, b: ManagedFieldsEntry): ManagedFieldsEntry => ((a.time ?? '') >= (b.time ?? '') ? a : b);

/** By field manager; of several entries of one manager the newest speaks. */
export function authorsOf({ metadata }: KubernetesObject): Record<string, Author> {
  const newest = new Map<string, ManagedFieldsEntry>();
  for (const entry of metadata.managedFields ?? []) {
    const manager = entry.manager ?? 'unknown';
    const known = newest.get(manager);
    newest.set(manager, known === undefined ? entry : laterOf(entry, known));
  }
  const owner = managedBy(metadata);
  const person = metadata.annotations?.[CHANGED_BY]?.slice(0, LONGEST_NAME);
  return Object.fromEntries([...newest].map(([manager, { operation, subresource, time }]): [string, Author] => {
    const how = [operation, subresource].filter((part) => part !== undefined && part !== '').join(' ');
    const self = `${manager.slice(0, LONGEST_NAME)}${how === '' ? '' : ` (${how})`}`;
    const tool = owner === null ? '' : `${owner.tool} ${owner.namespace === null ? '' : `${owner.namespace}/`}${owner.name}${owner.sure ? '' : ' (by its label alone)'}`;
    const behind = owner !== null && MANAGERS[owner.tool].test(manager) ? `${tool}, as ${self}` : tool === '' ? self : `${self}, beside ${tool}`;
    const changedAt = fromRfc3339(time);
    return [manager, { actor: person === undefined || person === '' ? behind : `${person}, with ${self}`, ...(changedAt === undefined ? {} : { changedAt }) }];
  }));
}

/** The newest writer of `path`'s first member other than `own`; undefined: nobody else has written it. */
export function lastOther(object: KubernetesObject, own: string, member?: string): string | undefined {
  const others = (object.metadata.managedFields ?? []).filter(({ manager, fieldsV1, subresource = '' }) =>
    manager !== own && subresource === '' && (member === undefined || Object.hasOwn(fieldsV1 ?? {}, `f:${member}`)));
  return others.length === 0 ? undefined : others.reduce((a, b) => laterOf(b, a)).manager ?? 'unknown';
}

/** Managers of the member that `members` leads to, or of anything within it; of a member within an atomic list, those of the list. Sorted. */
export function ownersOf({ metadata }: KubernetesObject, members: readonly string[]): readonly string[] {
  const owners = (metadata.managedFields ?? []).filter(({ fieldsV1, subresource = '' }) => {
    if (subresource !== '') return false;
    let at: unknown = fieldsV1;
    for (const member of members) {
      if (typeof at !== 'object' || at === null) return false;
      at = (at as Readonly<Record<string, unknown>>)[`f:${member}`];
    }
    return at !== undefined;
  });
  return [...new Set(owners.map(({ manager }) => manager ?? 'unknown'))].sort();
}
