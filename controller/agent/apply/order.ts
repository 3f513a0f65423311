/** Which entries and users the peering Secrets and the ConfigMap of users are to hold now, from what stands and what is known of the others. */
import { heldBack, movedPeers, peersReadIn, remoteSecret } from '../../../mesh/cilium/moved.ts';
import { keepsText, type Order, orderPeering, waitingText } from '../../../mesh/cilium/order.ts';
import { peersIn } from '../../../mesh/cilium/parse.ts';
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import { leftBehind, type MeshMounts, worthMaking } from '../../../mesh/cilium/presence.ts';
import { forgottenAt, tookAway } from '../../../mesh/cilium/returning.ts';
import { isKeyOf, usersIn } from '../../../mesh/cilium/revoked.ts';
import { PEERS_OF_KVSTOREMESH, USERS_KEY } from '../../../mesh/cilium/words.ts';
import { MAX_PEERS, type PeeringReport, type PeeringState, readersOf } from '../../../mesh/model/desired.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { type ManagedObject, managedObjectName } from '../../../mesh/model/managed.ts';
import { dnsLabelProblem } from '../../../mesh/model/names.ts';
import { isCutOff } from '../peers/cut-off.ts';
import type { Openings } from '../peers/openings.ts';
import type { OwnCredentials } from '../peers/own-credentials.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { equip, type Equipped } from './equip.ts';
import { type ManagedKubernetesObject, writtenOf } from './objects.ts';
import type { Settle } from './settle.ts';

export interface Standing {
  readonly object: Pick<ManagedObject, 'kind' | 'name' | 'data'>;
  readonly current: ManagedKubernetesObject;
}

export interface Ordered {
  readonly render: (mark: string | undefined) => readonly ManagedObject[];
  readonly report: PeeringReport;
  /** What is still to come, for people; empty: nothing. */
  readonly message: string;
  readonly lookAt?: Instant;
}

export function createOrder({ ports, cluster, namespace, state, openings, ownCredentials, lastWritten, mounts }: {
  readonly ports: Pick<AgentPorts, 'clock' | 'digest' | 'log'>; readonly cluster: string; readonly namespace: string; readonly state: AgentState; readonly openings: Openings; readonly ownCredentials: OwnCredentials;
  readonly lastWritten: Settle['lastWritten'];
  /** undefined: not known. */
  readonly mounts: () => MeshMounts | undefined;
}) {
  const isOther = (name: string): boolean => name !== cluster && dnsLabelProblem('', name) === undefined;

  /** Peers with an entry, whoever wrote it. */
  const readIn = (standing: readonly Standing[]): readonly string[] =>
    standing.flatMap(({ object }) => (object.kind === 'Secret' ? peersIn(object).filter(isOther) : []));

  /** Users as we wrote them: what others wrote is theirs. */
  function usersOf(standing: readonly Standing[]): readonly string[] {
    const found = standing.find(({ object }) => object.kind === 'ConfigMap');
    const text = found?.object.data[USERS_KEY];
    return found === undefined || text === undefined || writtenOf(found.current)?.[USERS_KEY] !== ports.digest(text) ? [] : usersIn(found.object);
  }

  /** Of peers whose entry leads elsewhere, those that stand as we wrote them last; one of which anything was changed is somebody else's by now. */
  function movedOf({ peering, credentialsOf }: Equipped, standing: readonly Standing[]): ReturnType<typeof movedPeers> {
    const secret = remoteSecret(peering);
    const found = standing.find(({ object }) => object.kind === 'Secret' && object.name === secret);
    const written = found === undefined ? undefined : lastWritten(found.object, found.current);
    if (found === undefined || written === undefined) return new Map();
    const wanted = renderPeering(peering, undefined, credentialsOf).find(({ kind, name }) => kind === 'Secret' && name === secret);
    const isOurs = (peer: string, data: Readonly<Record<string, string>>): boolean =>
      [...Object.keys(data), ...Object.keys(written).filter((key) => isKeyOf(peer, key))].every((key) => data[key] !== undefined && ports.digest(data[key]) === written[key]);
    return new Map([...movedPeers(wanted?.data ?? {}, found.object.data)].filter(([peer, data]) => isOurs(peer, data)));
  }

  /** What KVStoreMesh had to read when it was last looked; undefined: not since the start. */
  let mirrored: ReadonlySet<string> | undefined;
  /** Peers whose entries went of late and are back, or on their way. */
  function returned(peering: PeeringState | null, standing: readonly Standing[]): ReadonlyMap<string, Instant> {
    const written = Object.keys(state.managed.written[managedObjectName({ kind: 'Secret', namespace, name: PEERS_OF_KVSTOREMESH })] ?? {}).filter(isOther);
    const found = standing.find(({ object }) => object.kind === 'Secret' && object.name === PEERS_OF_KVSTOREMESH);
    const stand = new Set(found === undefined ? [] : peersIn(found.object).filter(isOther));
    state.setTookAway(tookAway(state.tookAway, mirrored ?? new Set(written), stand, ports.clock.now()));
    mirrored = stand;
    // What somebody else took away does not come back by us.
    return new Map(peering?.kvstoreMesh === true ? Object.entries(state.tookAway).filter(([peer]) => stand.has(peer) || !written.includes(peer)).map(([peer, at]) => [peer, forgottenAt(at)] as const) : []);
  }

  /** Since when no other cluster has a user any more. */
  let emptySince: Instant | undefined;

  /** `peering` without clusters that were cut off. */
  return function order(peering: PeeringState | null, standing: readonly Standing[]): Ordered {
    const remote = managedObjectName({ kind: 'Secret', namespace, name: remoteSecret({ kvstoreMesh: peering?.kvstoreMesh ?? true }) });
    const written = Object.keys(state.managed.written[remote] ?? {});
    const users = usersOf(standing);
    const stands = new Set([...peersReadIn(standing.map(({ object }) => object)), ...written]);
    ownCredentials.want(peering?.peers ?? []);
    const equipped = peering === null ? undefined : equip(peering, standing.map(({ object }) => object), (peer) => stands.has(peer), ownCredentials.of);
    const moved = equipped === undefined ? new Map<string, never>() : movedOf(equipped, standing);
    const decided = orderPeering({
      desired: peering, standing: stands, opened: openings.opened(), problems: openings.problems(), ...(equipped === undefined ? {} : { unequipped: equipped.missing }), moved: new Set(moved.keys()), returned: returned(peering, standing),
      users: users.filter((name) => name !== cluster), letGo: state.letGo, reads: (name) => state.get('Reader', name)?.reads, isCutOff: (name) => isCutOff(state, name), now: ports.clock.now(),
    });
    state.setLetGo(decided.letGo);
    const unasked = new Set(decided.entries.filter((name) => !decided.held.includes(name)));
    openings.want(peering?.peers.filter(({ name }) => !unasked.has(name)) ?? [], { byOwnServer: peering?.kvstoreMesh === true });
    const present = { names: new Set(standing.map(({ object }) => object.name)), mounts: mounts() };
    const held = new Map([...moved].filter(([name]) => decided.held.includes(name)));
    const left = equipped === undefined ? leave(users, decided, standing) : undefined;
    const lookAt = [decided.lookAt, left?.until].filter((at) => at !== undefined);
    const render = ({ peering: wanted, credentialsOf }: Equipped, mark: string | undefined): readonly ManagedObject[] =>
      worthMaking(heldBack(renderPeering(inOrder(wanted, decided), mark, credentialsOf), remoteSecret(wanted), held, mark), present);
    const waits = new Set(decided.waiting.map(({ peer }) => peer));
    const reads = [...new Set([...readIn(standing), ...decided.entries])].filter((name) => !waits.has(name)).sort();
    return {
      render: (mark) => (equipped === undefined ? left?.objects ?? [] : render(equipped, mark)),
      report: {
        reads: reads.slice(0, MAX_PEERS), waiting: decided.waiting.slice(0, MAX_PEERS), ...(decided.keeps.length === 0 ? {} : { keeps: decided.keeps.slice(0, MAX_PEERS).map((kept) => kept.cluster) }),
      },
      message: [waitingText(decided.waiting), equipped?.message ?? '', keepsText(decided.keeps)].filter((text) => text !== '').join('; '),
      ...(lookAt.length === 0 ? {} : { lookAt: Math.min(...lookAt) }),
    };
  };

  /** The last of a mesh that a cluster has left. Agents of its own before Cilium 1.17 log in as one of the users. */
  function leave(users: readonly string[], { keeps }: Order, standing: readonly Standing[]): ReturnType<typeof leftBehind> {
    const now = ports.clock.now();
    const others = users.some((name) => name !== cluster);
    emptySince = others ? undefined : emptySince ?? now;
    return leftBehind({
      namespace, ours: new Set(standing.filter(({ object, current }) => lastWritten(object, current) !== undefined).map(({ object }) => object.name)),
      users: [...users.filter((name) => name === cluster), ...keeps.map((kept) => kept.cluster)], drains: keeps.length > 0, mounts: mounts(), emptySince: others ? now : emptySince ?? now, now,
    });
  }
}

function inOrder(peering: PeeringState, { entries, keeps }: Order): PeeringState {
  const wanted = new Set(entries);
  if (wanted.size === peering.peers.length && keeps.length === 0) return peering;
  return { ...peering, peers: peering.peers.filter(({ name }) => wanted.has(name)), readers: [...readersOf(peering), ...keeps.map(({ cluster }) => cluster)].sort() };
}

