/** What each member of a mesh is told of its peers, as a revision. Kept from plan to plan: whose part is what it was keeps its revision. */
import { canonicalJson } from '../model/canonical.ts';
import type { CiliumFacts, MeshEndpoint } from '../model/cluster.ts';
import type { DesiredRevision, PeeringState } from '../model/desired.ts';
import { ownOf, type Owns, type OwnState, type States } from './desired.ts';
import type { Member } from './members.ts';
import type { Steps } from './steps.ts';
import type { TopologyPlan } from './topology.ts';

/** Text that is made into revisions in one step. */
const AT_ONCE_CHARACTERS = 1_000_000;

interface PeeringInput {
  /** As it is told to clusters. */
  readonly mesh: string;
  /** Sorted. */
  readonly members: readonly Member[];
  readonly ids: ReadonlyMap<string, number>;
  readonly endpoints: ReadonlyMap<string, MeshEndpoint>;
  readonly topology: TopologyPlan;
  /** As `PeeringState.connect`. */
  readonly connectOf: (cluster: string) => PeeringState['connect'];
  readonly owns: Owns;
  readonly states: States;
}

interface Row {
  /** Everything but the peers. */
  readonly own: string;
  readonly overrides: OwnState['overrides'];
  readonly access: OwnState['access'];
  readonly peers: string;
  readonly revision: DesiredRevision;
}

interface Kept {
  /** Of all peers, in the order of members; and who reads whom. */
  readonly peerTexts: readonly string[];
  readonly relation: string;
  readonly states: States;
  readonly mesh: string;
  readonly rows: ReadonlyMap<string, Row>;
  readonly revisions: readonly DesiredRevision[];
}

interface Peer {
  readonly name: string;
  readonly clusterId: number;
  readonly text: string;
}

/** Where the peers of a member stand in its peering. */
const HOLE = '\0';
const PEERS = {};
const HOLES = new Map<object, string>([[PEERS, HOLE]]);

export type Peerings = (input: PeeringInput) => Steps<readonly DesiredRevision[]>;

/** For one mesh. Gives the same list where nothing changed. */
export function createPeerings(): Peerings {
  let kept: Kept | undefined;
  const peers = new WeakMap<MeshEndpoint, Peer>();
  const frames = new WeakMap<CiliumFacts, { readonly clusterName: string; readonly clusterId: number; readonly text: string }>();

  function peerOf(name: string, clusterId: number, endpoint: MeshEndpoint): Peer {
    const known = peers.get(endpoint);
    if (known?.name === name && known.clusterId === clusterId) return known;
    const peer = { name, clusterId, text: canonicalJson({ name, clusterId, endpoint }) };
    peers.set(endpoint, peer);
    return peer;
  }

  function frameOf({ name, cilium }: Member, clusterId: number): string {
    const known = frames.get(cilium);
    if (known?.clusterName === name && known.clusterId === clusterId) return known.text;
    const text = frameText({ name, cilium }, clusterId, {});
    frames.set(cilium, { clusterName: name, clusterId, text });
    return text;
  }

  return function* ({ mesh, members, ids, endpoints, topology, connectOf, owns, states }) {
    const all = members.flatMap(({ name }) => {
      const [clusterId, endpoint] = [ids.get(name), endpoints.get(name)];
      return clusterId === undefined || endpoint === undefined ? [] : [peerOf(name, clusterId, endpoint)];
    });
    const peerTexts = all.map(({ text }) => text);
    const { relation } = topology;
    const before = kept !== undefined && kept.states === states && kept.mesh === mesh ? kept : undefined;
    const isSamePeers = before !== undefined && before.relation === relation && isSame(before.peerTexts, peerTexts);
    const partsOf = partsFor(all, topology);
    const rows = new Map<string, Row>();
    const revisions: DesiredRevision[] = [];
    let characters = 0;
    const rowOf = (member: Member): Row => {
      const { name } = member;
      const clusterId = ids.get(name) ?? 0;
      const row = before?.rows.get(name);
      const connect = connectOf(name);
      const own = connect === undefined ? frameOf(member, clusterId) : frameText(member, clusterId, { connect });
      const { overrides, access } = ownOf(owns, name);
      const isSameOwn = row !== undefined && row.own === own && row.overrides === overrides && row.access === access;
      if (isSamePeers && isSameOwn) return row;
      const { key, texts, readers } = partsOf(name);
      characters += texts.reduce((sum, text) => sum + text.length, 0);
      if (key !== '' && isSameOwn && row.peers === key) return row;
      const [head = '', tail = ''] = (readers === undefined ? own : frameText(member, clusterId, { ...(connect === undefined ? {} : { connect }), readers })).split(HOLE);
      const revision = states.revision(name, mesh, [`${head}[`, ...texts, `]${tail}`], { overrides, access });
      return { own, overrides, access, peers: key, revision };
    };
    for (const member of members) {
      const row = rowOf(member);
      rows.set(member.name, row);
      revisions.push(row.revision);
      if (characters < AT_ONCE_CHARACTERS) continue;
      characters = 0;
      yield;
    }
    kept = { peerTexts, relation, states, mesh, rows, revisions: kept !== undefined && isSame(kept.revisions, revisions) ? kept.revisions : revisions };
    return kept.revisions;
  };
}

function frameText({ name, cilium }: Pick<Member, 'name' | 'cilium'>, clusterId: number, more: Pick<PeeringState, 'connect' | 'readers'>): string {
  const { maxConnectedClusters, version, namespace, kvstoreMesh, authMode } = cilium;
  const peering: PeeringState = { clusterName: name, clusterId, maxConnectedClusters, ciliumVersion: version, namespace, kvstoreMesh, authMode, ...more, peers: PEERS as PeeringState['peers'] };
  return canonicalJson(peering, HOLES);
}

interface PeerParts {
  /** Texts of its peers, and who reads it; empty: not put together, for they are slices of one text. */
  readonly key: string;
  readonly texts: readonly string[];
  /** Where they are others than its peers. */
  readonly readers: readonly string[] | undefined;
}

function partsFor(all: readonly Peer[], { everybody, reads }: TopologyPlan): (name: string) => PeerParts {
  if (!everybody) {
    return (name) => {
      const read = all.filter((peer) => reads(name, peer.name));
      const readers = all.filter((peer) => reads(peer.name, name));
      const mutual = readers.length === read.length && readers.every((reader, index) => reader === read[index]);
      const text = read.map((peer) => peer.text).join(',');
      const names = mutual ? undefined : readers.map((reader) => reader.name);
      return { key: `${text}|${names?.join(',') ?? ''}`, texts: [text], readers: names };
    };
  }
  // One text of all, of which each member's is two slices.
  const joined = all.map(({ text }) => text).join(',');
  const places = new Map<string, readonly [number, number]>();
  let at = 0;
  for (const { name, text } of all) {
    places.set(name, [at, at + text.length]);
    at += text.length + 1;
  }
  return (name) => {
    const [start, end] = places.get(name) ?? [0, -1];
    return { key: '', texts: start === 0 ? [joined.slice(end + 1)] : [joined.slice(0, start - 1), joined.slice(end)], readers: undefined };
  };
}

const isSame = <T>(a: readonly T[], b: readonly T[]): boolean => a.length === b.length && a.every((one, index) => one === b[index]);
