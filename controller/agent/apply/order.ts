/** Which entries and users the peering Secrets and the ConfigMap of users are to hold now, from what stands and what is known of the others. */
import { keepsText, type Order, orderPeering, waitingText } from '../../../mesh/cilium/order.ts';
import { renderPeering, usersText } from '../../../mesh/cilium/peering.ts';
import { usersIn } from '../../../mesh/cilium/revoked.ts';
import { MAX_PEERS, type PeeringReport, type PeeringState, readersOf } from '../../../mesh/model/desired.ts';
import type { ManagedObject } from '../../../mesh/model/managed.ts';
import { dnsLabelProblem } from '../../../mesh/model/names.ts';
import { isCutOff } from '../peers/cut-off.ts';
import type { Openings } from '../peers/openings.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { type ManagedKubernetesObject, writtenOf } from './objects.ts';

export interface Standing {
  readonly object: Pick<ManagedObject, 'kind' | 'name' | 'data'>;
  readonly current: ManagedKubernetesObject;
}

export interface Ordered {
  readonly render: (mark: string | undefined) => readonly ManagedObject[];
  readonly report: PeeringReport;
  /** What is still to come, for people; empty: nothing. */
  readonly message: string;
  readonly lookAt?: number;
}

const USERS = 'users.yaml';
/** Cilium takes a file for a peer's configuration if and only if it holds this. */
const ENDPOINTS = 'endpoints:';

export function createOrder({ ports, cluster, namespace, state, openings }: { readonly ports: Pick<AgentPorts, 'clock' | 'digest' | 'log'>; readonly cluster: string; readonly namespace: string; readonly state: AgentState; readonly openings: Openings }) {
  const isOther = (name: string): boolean => name !== cluster && dnsLabelProblem('', name) === undefined;

  /** Peers with an entry, whoever wrote it. */
  const readIn = (standing: readonly Standing[]): readonly string[] =>
    standing.flatMap(({ object }) => (object.kind === 'Secret' ? Object.keys(object.data).filter((key) => object.data[key]?.includes(ENDPOINTS) === true && isOther(key)) : []));

  /** Users as we wrote them: what others wrote is theirs. */
  function usersOf(standing: readonly Standing[]): readonly string[] {
    const found = standing.find(({ object }) => object.kind === 'ConfigMap');
    const text = found?.object.data[USERS];
    return found === undefined || text === undefined || writtenOf(found.current)?.[USERS] !== ports.digest(text) ? [] : usersIn(found.object);
  }

  /** `peering` without clusters that were cut off. */
  return function order(peering: PeeringState | null, standing: readonly Standing[]): Ordered {
    const written = Object.values(state.managed.written).flatMap((keys) => Object.keys(keys));
    const users = usersOf(standing);
    const decided = orderPeering({
      desired: peering, standing: new Set([...readIn(standing), ...written]), opened: openings.opened(), problems: openings.problems(),
      users: users.filter((name) => name !== cluster), letGo: state.letGo, reads: (name) => state.get('Reader', name)?.reads, isCutOff: (name) => isCutOff(state, name), now: ports.clock.now(),
    });
    state.setLetGo(decided.letGo);
    const waits = new Set(decided.waiting.map(({ peer }) => peer));
    openings.want(peering?.peers.filter(({ name }) => waits.has(name)) ?? []);
    const reads = [...new Set([...readIn(standing), ...decided.entries])].sort();
    return {
      render: (mark) => (peering === null ? usersAlone(users, decided) : renderPeering(inOrder(peering, decided), mark)),
      report: {
        reads: reads.slice(0, MAX_PEERS), waiting: decided.waiting.slice(0, MAX_PEERS), ...(decided.keeps.length === 0 ? {} : { keeps: decided.keeps.slice(0, MAX_PEERS).map((kept) => kept.cluster) }),
      },
      message: [waitingText(decided.waiting), keepsText(decided.keeps)].filter((text) => text !== '').join('; '),
      ...(decided.lookAt === undefined ? {} : { lookAt: decided.lookAt }),
    };
  };

  /** The last thing of a mesh that a cluster has left. Agents of its own before Cilium 1.17 log in as one of them. */
  function usersAlone(users: readonly string[], { keeps }: Order): readonly ManagedObject[] {
    if (keeps.length === 0) return [];
    const names = [...users.filter((name) => name === cluster), ...keeps.map((kept) => kept.cluster)];
    return [{ kind: 'ConfigMap', namespace, name: 'clustermesh-remote-users', data: { [USERS]: usersText(names) } }];
  }
}

function inOrder(peering: PeeringState, { entries, keeps }: Order): PeeringState {
  const wanted = new Set(entries);
  if (wanted.size === peering.peers.length && keeps.length === 0) return peering;
  return { ...peering, peers: peering.peers.filter(({ name }) => wanted.has(name)), readers: [...readersOf(peering), ...keeps.map(({ cluster }) => cluster)].sort() };
}

