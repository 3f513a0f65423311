/** What becomes of a mesh that others made, cluster by cluster, if it is planned as it is: taken over with nothing changed, or left for a person to decide. */
import { canonicalJson, type Digest } from '../model/canonical.ts';
import type { PeeringState } from '../model/desired.ts';
import { type ManagedObject, managedObjectName } from '../model/managed.ts';
import type { StandingEntry, StandingObject } from '../model/standing.ts';
import { parseEntry, parseUsers, type PeerEntry, type RemoteUser } from './parse.ts';
import { filledBy } from './own-tls.ts';
import { renderPeering } from './peering.ts';

/** `Absent`: is written anew. `Equal`: byte for byte ours. `Same`: in other words, which stay. `Different`: means something else, and is left as it is. `Unneeded`: not ours to write. */
type AdoptionVerdict = 'Absent' | 'Ours' | 'Equal' | 'Same' | 'Different' | 'Unneeded';

export interface ObjectAdoption {
  readonly object: string;
  readonly verdict: AdoptionVerdict;
  /** Who says that it is theirs; empty: nobody. */
  readonly owner: string;
  /** Sentences; empty but for `Different`. */
  readonly differences: readonly string[];
}

/** `standing`: as the cluster's agent tells it. In the order in which the objects are written; those that we do not write last. */
export function adoptionOf(peering: PeeringState, standing: readonly StandingObject[], digest: Digest): readonly ObjectAdoption[] {
  const wanted = renderPeering(peering);
  const names = wanted.map(managedObjectName);
  const unneeded = standing.filter(({ object, ours }) => !names.includes(object) && !ours).map(({ object, owner, managers }): ObjectAdoption => ({ object, verdict: 'Unneeded', owner: ownerOf(owner, managers), differences: [] }));
  // Keys are compared by the agent, which has the Secret that is named.
  const filled = new Set(peering.peers.flatMap((peer) => filledBy(peer).map(([key]) => key)));
  return [...wanted.map((object) => adopted(object, standing.find((one) => one.object === managedObjectName(object)), filled, digest)), ...unneeded];
}

const ownerOf = (owner: string, managers: readonly string[]): string => (owner === '' ? managers.join(', ') : owner);

function adopted(wanted: ManagedObject, there: StandingObject | undefined, filled: ReadonlySet<string>, digest: Digest): ObjectAdoption {
  const object = managedObjectName(wanted);
  if (there === undefined) return { object, verdict: 'Absent', owner: '', differences: [] };
  const owner = ownerOf(there.owner, there.managers);
  const entries = new Map(there.entries.map((entry) => [entry.key, entry]));
  const compared = Object.entries(wanted.data).map(([key, text]) => compare(wanted.kind, key, text, entries.get(key), digest));
  const differences = [...compared.flatMap(({ difference }) => difference ?? []), ...there.entries.filter(({ key }) => !Object.hasOwn(wanted.data, key) && !filled.has(key)).map((entry) => extra(wanted, entry))];
  if (differences.length > 0) return { object, verdict: 'Different', owner, differences };
  return { object, verdict: there.ours ? 'Ours' : compared.every(({ equal }) => equal) ? 'Equal' : 'Same', owner, differences: [] };
}

function compare(kind: ManagedObject['kind'], key: string, text: string, entry: StandingEntry | undefined, digest: Digest): { readonly equal: boolean; readonly difference?: string } {
  if (entry === undefined) return { equal: false, difference: kind === 'Secret' ? `peer ${key} is planned and not there` : `${key} is not there` };
  if (entry.sha256 === digest(text)) return { equal: true };
  if (entry.means === undefined) return { equal: false, difference: `${key}: is written in a way that is not read` };
  const ours = kind === 'ConfigMap' ? parseUsers(text) : parseEntry(text);
  if (canonicalJson(ours) === entry.means) return { equal: false };
  const theirs = JSON.parse(entry.means) as unknown;
  return { equal: false, difference: kind === 'ConfigMap' ? usersDifference(ours as readonly RemoteUser[], theirs as readonly RemoteUser[]) : `peer ${key}: ${entryDifference(ours as PeerEntry, theirs as PeerEntry)}` };
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'nobody' : names.join(', '));

function usersDifference(ours: readonly RemoteUser[], theirs: readonly RemoteUser[]): string {
  const text = ({ name, role }: RemoteUser): string => (role === 'remote' ? name : `${name} as ${role}`);
  const missing = ours.map(text).filter((user) => !theirs.map(text).includes(user));
  const more = theirs.map(text).filter((user) => !ours.map(text).includes(user));
  return [missing.length === 0 ? '' : `${listed(missing)} may not log in there`, more.length === 0 ? '' : `${listed(more)} may log in there, and no planned cluster reads it so`].filter((part) => part !== '').join('; ') || 'users are there twice';
}

function entryDifference(ours: PeerEntry, theirs: PeerEntry): string {
  const hosts = ({ hostAliases }: PeerEntry): string => (hostAliases.length === 0 ? 'none' : hostAliases.map(({ hostname, ips }) => `${hostname} at ${ips.join(', ')}`).join('; '));
  const files = ({ trustedCaFile = 'none', keyFile = 'none', certFile = 'none' }: PeerEntry): string => [trustedCaFile, keyFile, certFile].map((path) => path.split('/').at(-1)).join(', ');
  return [
    ours.endpoints.join() === theirs.endpoints.join() ? '' : `is reached at ${listed(theirs.endpoints)} there, and planned at ${listed(ours.endpoints)}`,
    files(ours) === files(theirs) && ours.trustedCaFile === theirs.trustedCaFile && ours.keyFile === theirs.keyFile ? '' : `reads ${files(theirs)} there, and is planned with ${files(ours)}`,
    hosts(ours) === hosts(theirs) ? '' : `has the addresses ${hosts(theirs)} there, and is planned with ${hosts(ours)}`,
    theirs.others.length === 0 ? '' : `has ${theirs.others.join(', ')} there`,
  ].filter((part) => part !== '').join('; ') || 'is written otherwise';
}

function extra({ kind, data }: ManagedObject, { key, means }: StandingEntry): string {
  const peer = Object.keys(data).find((name) => key.startsWith(`${name}.`));
  if (kind === 'Secret' && means !== undefined) return `peer ${key} is there, and not planned: is it in the mesh, joined, and under this name?`;
  if (kind === 'Secret' && peer !== undefined) return `peer ${peer} has a certificate of its own there (${key})`;
  return `${key} is there, and nothing of ours`;
}
