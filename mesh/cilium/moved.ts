/** Entries of peers that stand and lead elsewhere than they are to, or with other credentials: which these are, and how they stay until the peer answers to the new ones. Pure. */
import type { PeeringState } from '../model/desired.ts';
import type { ManagedObject } from '../model/managed.ts';
import { compareText } from '../model/order.ts';
import { parseEntry, peersIn } from './parse.ts';
import { marked, withoutMark } from './peering.ts';
import { isKeyOf } from './revoked.ts';
import { isEntry, MESH_SERVER, PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH } from './words.ts';

type Data = Readonly<Record<string, string>>;

/** The Secret whose entries lead to peers themselves: the other one leads agents to their own cluster's copy. */
export const remoteSecret = ({ kvstoreMesh }: Pick<PeeringState, 'kvstoreMesh'>): string => (kvstoreMesh ? PEERS_OF_KVSTOREMESH : PEERS_OF_AGENTS);

/** Peers with an entry that leads to them: one to the own copy says nothing of where a peer is, and is worth nothing alone. Sorted. */
export const peersReadIn = (objects: readonly Pick<ManagedObject, 'kind' | 'data'>[]): readonly string[] =>
  [...new Set(objects.flatMap((object) => (object.kind === 'Secret' ? peersIn(object).filter((peer) => !leadsToOwnCopy(object.data[peer]!)) : [])))].sort(compareText);

const leadsToOwnCopy = (text: string): boolean => parseEntry(text)?.endpoints.every((endpoint) => endpoint.startsWith(`https://${MESH_SERVER}.`)) === true;

/** Texts under another mark alone lead to the same place. What cannot be read leads elsewhere. */
function leadsElsewhere(standing: string, wanted: string): boolean {
  const [one, other] = [withoutMark(standing), withoutMark(wanted)];
  if (one === other) return false;
  const [there, here] = [parseEntry(one), parseEntry(other)];
  return there === undefined || here === undefined || JSON.stringify(there) !== JSON.stringify(here);
}

/** Whether files of its own stand beside its entry that are to be others. */
const showsOthers = (peer: string, wanted: Data, standing: Data): boolean =>
  Object.entries(wanted).some(([key, text]) => key !== peer && isKeyOf(peer, key) && standing[key] !== undefined && standing[key] !== text);

/** By peer: its keys as they stand. `wanted` and `standing` are data of the remote Secret. */
export function movedPeers(wanted: Data, standing: Data): ReadonlyMap<string, Data> {
  const moved = new Map<string, Data>();
  for (const [peer, text] of Object.entries(wanted)) {
    const there = standing[peer];
    if (there === undefined || !isEntry(there) || !isEntry(text) || !(leadsElsewhere(there, text) || showsOthers(peer, wanted, standing))) continue;
    moved.set(peer, Object.fromEntries(Object.entries(standing).filter(([key]) => isKeyOf(peer, key))));
  }
  return moved;
}

/** `objects` with these peers as they stood, under the mark that is to be: by it Cilium reads its roots anew. */
export function heldBack(objects: readonly ManagedObject[], secret: string, held: ReadonlyMap<string, Data>, mark: string | undefined): readonly ManagedObject[] {
  if (held.size === 0) return objects;
  return objects.map((object) => {
    if (object.kind !== 'Secret' || object.name !== secret) return object;
    const data: Record<string, string> = {};
    for (const [key, text] of Object.entries(object.data)) {
      const [peer = key] = key.split('.', 1);
      if (!held.has(peer)) data[key] = text;
    }
    for (const [peer, kept] of held) for (const [key, text] of Object.entries(kept)) data[key] = key === peer ? marked(text, mark) : text;
    return { ...object, data };
  });
}
