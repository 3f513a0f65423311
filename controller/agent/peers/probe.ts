/** Asks every other agent for its facts, again and again: who answers is reachable, and what it says of its own endpoints needs no hub. */
import type { Reachability } from '../../../mesh/model/failover.ts';
import { type IdentityMaterial, type PeerFacts, TransportError } from '../../../mesh/ports/transport.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import type { Facts } from '../state/facts.ts';
import type { AgentState } from '../state/state.ts';
import { isCutOff } from './cut-off.ts';

/** Of peers that hang, each holds one until its time is up: enough that the living are still asked in time. */
const CONCURRENT_PROBES = 64;
/** A probe without an answer fails after the interval, but not later than this. */
const LONGEST_PROBE_SECONDS = 5;
/** So that a fleet does not probe in step. */
const JITTER = 0.1;

interface Peer {
  failures: number;
  /** undefined: no verdict yet. */
  reachable: boolean | undefined;
  since: number;
  opinions: PeerFacts['reachability'];
  /** Why its last answer was of no use. */
  problem: string;
}

/** A peer that refuses (its agent has just started, our certificate has expired) or that cannot be understood (a newer version) can be reached all the same. */
const gaveAnAnswer = (error: unknown): boolean => error instanceof TransportError && (error.answered || error.reason === 'Overloaded');

export interface Probes {
  /** Evidence on a cluster: own probe first, then what reachable peers say; its own word on itself is none. */
  reachability(cluster: string): readonly Reachability[];
  /** Own verdicts only, sorted by cluster: what this agent tells others. */
  own(): PeerFacts['reachability'];
  /** Called after the evidence on a cluster changed. */
  subscribe(listener: (cluster: string) => void): void;
  start(signal: CancelSignal): Promise<void>;
}

export function createProbes(parts: {
  readonly ports: AgentPorts; readonly config: AgentConfig; readonly state: AgentState; readonly facts: Facts; readonly identity: () => IdentityMaterial | undefined;
}): Probes {
  const { ports, config, state, facts, identity } = parts;
  const { clock, random, log, metrics } = ports;
  const peers = new Map<string, Peer>();
  const listeners: ((cluster: string) => void)[] = [];
  const gauge = metrics.gauge('isthmus_agent_peer_reachable', '1 where the other agent answers, else 0.', ['peer']);
  const tell = (cluster: string): void => { for (const listener of listeners) listener(cluster); };

  async function ask(cluster: string, address: string, material: IdentityMaterial, signal: CancelSignal): Promise<PeerFacts> {
    const patience = cancelWithin(signal);
    const refused = state.get('Revocation', cluster);
    const late = clock.sleepUntil(clock.now() + Math.min(config.peerProbeIntervalSeconds, LONGEST_PROBE_SECONDS) * 1000, patience.signal).then(() => {
      throw new Error('no answer in time');
    });
    try {
      return await Promise.race([ports.peers.facts({ cluster, address, ...(refused === undefined ? {} : { refused }) }, material, patience.signal), late]);
    } finally {
      late.catch(() => {});
      patience.abort();
      patience.release();
    }
  }

  function conclude(cluster: string, peer: Peer, reachable: boolean): void {
    if (peer.reachable === reachable) return;
    peer.reachable = reachable;
    peer.since = clock.now();
    gauge.set({ peer: cluster }, reachable ? 1 : 0);
    log.info({ peer: cluster, reachable }, 'reachability of a peer changed');
    tell(cluster);
    // What it said of others counts only while it can be asked.
    for (const opinion of peer.opinions) tell(opinion.cluster);
  }

  function takeOpinions(peer: Peer, opinions: PeerFacts['reachability']): void {
    const text = (list: PeerFacts['reachability'], cluster: string): string => JSON.stringify(list.find((entry) => entry.cluster === cluster) ?? null);
    const touched = [...new Set([...peer.opinions, ...opinions].map((entry) => entry.cluster))].sort();
    const before = peer.opinions;
    peer.opinions = opinions;
    for (const cluster of touched) if (text(before, cluster) !== text(opinions, cluster)) tell(cluster);
  }

  const loop = createLoop({
    ...ports,
    name: 'peers',
    workers: CONCURRENT_PROBES,
    async reconcile(cluster, signal) {
      const address = isCutOff(state, cluster) ? undefined : state.get('PeerAddress', cluster)?.address;
      const material = identity();
      if (address === undefined || address === '') {
        if (peers.delete(cluster)) { gauge.set({ peer: cluster }, 0); tell(cluster); }
        return {};
      }
      const next = clock.now() + config.peerProbeIntervalSeconds * 1000 * (1 + JITTER * (random.uniform() - 0.5));
      if (material === undefined) return { requeueAt: next };
      const peer = peers.get(cluster) ?? { failures: 0, reachable: undefined, since: clock.now(), opinions: [], problem: '' };
      peers.set(cluster, peer);
      try {
        const said = await ask(cluster, address, material, signal);
        if (said.cluster !== cluster) throw new Error(`answers as cluster "${said.cluster}"`);
        peer.failures = 0;
        peer.problem = '';
        facts.hear(cluster, said.exports);
        takeOpinions(peer, said.reachability);
        conclude(cluster, peer, true);
      } catch (error) {
        if (signal.aborted) return {};
        if (gaveAnAnswer(error)) {
          peer.failures = 0;
          if (peer.problem !== messageOf(error)) log.warn({ peer: cluster, error: messageOf(error) }, 'a peer is there, but what it answers is of no use');
          peer.problem = messageOf(error);
          conclude(cluster, peer, true);
          return { requeueAt: next };
        }
        peer.failures += 1;
        log.debug({ peer: cluster, failures: peer.failures, error: messageOf(error) }, 'a peer does not answer');
        if (peer.failures >= config.peerProbeFailures) conclude(cluster, peer, false);
      }
      return { requeueAt: next };
    },
  });

  return {
    reachability(cluster) {
      // Whoever runs here is reached from here, whatever others think of the way to it.
      if (cluster === config.cluster) return [{ observer: config.cluster, own: true, reachable: true, since: 0 }];
      const own = peers.get(cluster);
      const others = [...peers].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([observer, peer]) => {
        const opinion = peer.reachable === true && observer !== cluster ? peer.opinions.find((entry) => entry.cluster === cluster) : undefined;
        return opinion === undefined ? [] : [{ observer, reachable: opinion.reachable, since: opinion.since }];
      });
      return own?.reachable === undefined ? others : [{ observer: config.cluster, own: true, reachable: own.reachable, since: own.since }, ...others];
    },
    own: () => [...peers].sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([cluster, { reachable, since }]) => (reachable === undefined ? [] : [{ cluster, reachable, since }])),
    subscribe(listener) { listeners.push(listener); },
    async start(signal) {
      const probe = (cluster: string): void => { if (cluster !== config.cluster) loop.add(cluster); };
      state.subscribe((type, name) => { if (type === 'PeerAddress' || type === 'Revocation') probe(name); });
      for (const peer of state.list('PeerAddress')) probe(peer.cluster);
      await loop.start(signal);
    },
  };
}
