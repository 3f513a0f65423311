/** Looks at every peer again and again, with the very files that stand in the cluster's Secrets, and tells the hub and the metrics what was found. */
import { MAX_PEERS, type PeeringState } from '../../../mesh/model/desired.ts';
import { seconds } from '../../../mesh/model/instant.ts';
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { verdict } from '../../../mesh/verify/verdict.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { legsOf } from './entries.ts';
import { type Known, remember, sharing, unknown } from './known.ts';
import { observe, type Told } from './observe.ts';
import { nextLook } from './pace.ts';
import { createStanding } from './standing.ts';
import { createTelling } from './telling.ts';

/** Of peers that hang, each holds one until its time is up. */
const CONCURRENT = 32;
/** The two Secrets are written one after the other. */
const TOGETHER_SECONDS = 1;

export interface Verify {
  start(signal: CancelSignal): Promise<void>;
}

export function createVerify({ ports, config, state, publisher }: { readonly ports: AgentPorts; readonly config: AgentConfig; readonly state: AgentState; readonly publisher: Publisher }): Verify {
  const { clock, random, etcd } = ports;
  const { cluster } = config;
  const standing = createStanding(ports, config);
  const telling = createTelling(ports, publisher);
  const known = new Map<string, Known>();
  /** Peer → id of the question that waits for a look. */
  const asked = new Map<string, string>();
  const peering = (): PeeringState | undefined => state.desired?.state.peering ?? undefined;
  const told = (): Told | undefined => publisher.get('AppliedReport', cluster)?.value as Told | undefined;
  const peers = (): readonly string[] => [...new Set([...standing.peers(), ...(peering()?.peers.map(({ name }) => name) ?? [])])].sort().slice(0, MAX_PEERS);

  function forget(peer: string): void {
    known.delete(peer);
    asked.delete(peer);
    telling.forget(peer);
  }

  /** undefined: the entry is another one than what was looked at. */
  async function look(peer: string, question: string | undefined, signal: CancelSignal): Promise<PeerVerdict | undefined> {
    const { entries } = standing;
    let of = known.get(peer);
    const unchanged = of?.text === [entries.clustermesh?.[peer] ?? '', entries.kvstoremesh?.[peer] ?? ''].join('\n');
    const { aliases, rootsElsewhere, ...certificates } = await standing.common(unchanged && of?.told?.colour === 'green' && question === undefined, signal);
    const stood = standing.entries;
    const legs = legsOf(peer, { ...stood, ...certificates }, peering()?.peers.find(({ name }) => name === peer), aliases);
    const text = legs?.text ?? '';
    if (of === undefined || of.text !== text) {
      // What stands at the start stood before it.
      of = { ...of, text, entrySince: of !== undefined && of.text === undefined ? 0 : clock.now(), behind: [], write: undefined };
      known.set(peer, of);
    }
    const [startedAt, hadId] = [clock.now(), of.id];
    const observation = await observe(peer, of, legs, question !== undefined, { cluster, clock, etcd, known, peering: peering(), told: told(), rootsElsewhere }, signal);
    const found = verdict(observation);
    remember(of, observation);
    if (of.id !== hadId) for (const other of sharing([hadId, of.id], known)) if (other !== peer) loop.add(other);
    return standing.entries === stood ? telling.tell(of, found, observation, question, clock.now() - startedAt) : undefined;
  }

  const loop = createLoop({
    ...ports,
    name: 'verify',
    workers: CONCURRENT,
    async reconcile(peer, signal) {
      if (!standing.begun) return {};
      if (!peers().includes(peer)) {
        forget(peer);
        return {};
      }
      const question = asked.get(peer);
      const seen = await look(peer, question, signal);
      if (seen === undefined) return { requeueAt: clock.now() };
      if (question !== undefined && asked.get(peer) === question) asked.delete(peer);
      return { requeueAt: asked.has(peer) ? clock.now() : nextLook(seen, known.size, clock.now(), random.uniform()) };
    },
  });

  function ask(id: string, which: string): void {
    for (const peer of peers()) {
      if (which !== '*' && which !== peer) continue;
      asked.set(peer, id);
      loop.add(peer);
    }
  }

  return {
    async start(signal) {
      state.subscribe((type, name) => {
        if (type === 'DesiredRevision') for (const peer of new Set([...known.keys(), ...peers()])) loop.add(peer);
        const question = type === 'Question' ? state.get('Question', name) : undefined;
        if (question?.verify !== undefined) ask(question.id, question.verify);
      });
      const end = await standing.follow((peer) => loop.addAt(peer, clock.now() + seconds(TOGETHER_SECONDS)), signal);
      for (const peer of peers()) {
        known.set(peer, unknown());
        loop.add(peer);
      }
      await loop.start(signal);
      await end();
    },
  };
}
