/** What Cilium's peering objects hold of a peer, and what takes it out of them, whoever wrote the rest. */
import type { PeeringState } from '../model/desired.ts';
import type { ManagedObject } from '../model/managed.ts';
import { USERS_KEY } from './words.ts';

type Data = Pick<ManagedObject, 'kind' | 'data'>;

export const withoutPeers = (peering: PeeringState, isGone: (cluster: string) => boolean): PeeringState =>
  (peering.peers.some(({ name }) => isGone(name)) || peering.readers?.some(isGone) === true
    ? { ...peering, peers: peering.peers.filter(({ name }) => !isGone(name)), ...(peering.readers === undefined ? {} : { readers: peering.readers.filter((name) => !isGone(name)) }) }
    : peering);

/** Names are DNS labels: `oslo` is no part of `oslo-2`. */
const userOf = (cluster: string): RegExp => new RegExp(`(?<![a-z0-9-])remote-${cluster}(?![a-z0-9-])`);
export const isKeyOf = (cluster: string, key: string): boolean => key === cluster || key.startsWith(`${cluster}.`);

/** Whether the cluster could still come in, or be gone to, by this object. */
export function namesPeer({ kind, data }: Data, cluster: string): boolean {
  return kind === 'ConfigMap' ? userOf(cluster).test(data[USERS_KEY] ?? '') : Object.keys(data).some((key) => isKeyOf(cluster, key));
}

/** Clusters that have a user in ConfigMap `clustermesh-remote-users`, sorted. */
export const usersIn = ({ data }: Pick<ManagedObject, 'data'>): readonly string[] =>
  [...new Set([...(data[USERS_KEY] ?? '').matchAll(/(?<![a-z0-9-])remote-([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)/g)].map(([, name = '']) => name))].sort();

/** Data keys to set or, with null, to remove; empty: nothing of those clusters is there. `otherwise`: the users as we would write them, where others wrote them so that one cannot be taken out alone. */
export function strippedOf(object: Data, clusters: readonly string[], otherwise: string): Readonly<Record<string, string | null>> {
  if (object.kind === 'Secret') return Object.fromEntries(Object.keys(object.data).filter((key) => clusters.some((cluster) => isKeyOf(cluster, key))).map((key) => [key, null]));
  const before = object.data[USERS_KEY] ?? '';
  if (!clusters.some((cluster) => userOf(cluster).test(before))) return {};
  const after = withoutUsers(before, clusters);
  return { [USERS_KEY]: clusters.some((cluster) => userOf(cluster).test(after)) ? otherwise : after };
}

/** Block sequences, as everyone writes them: an item ends where a line is indented no deeper than its dash. */
function withoutUsers(text: string, clusters: readonly string[]): string {
  const lines = text.split('\n');
  const kept: string[] = [];
  for (let at = 0; at < lines.length;) {
    const dash = /^(\s*)- /.exec(lines[at] ?? '');
    if (dash === null) {
      kept.push(lines[at] ?? '');
      at += 1;
      continue;
    }
    const depth = (dash[1] ?? '').length;
    let end = at + 1;
    while (end < lines.length && /^\s/.test(lines[end] ?? '') && /^\s*/.exec(lines[end] ?? '')![0].length > depth && !/^\s*- /.test(lines[end] ?? '')) end += 1;
    const item = lines.slice(at, end);
    if (!clusters.some((cluster) => userOf(cluster).test(item.join('\n')))) kept.push(...item);
    at = end;
  }
  return kept.join('\n');
}
