/** Asks the etcds of peers that wait for their entry, again and again, until each opens itself. */
import { pauseSeconds } from '../../../mesh/cilium/order.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { PeerState } from '../../../mesh/model/desired.ts';
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import { createLoop } from '../../runtime/loop.ts';
import { meshSecretName } from '../identity/mesh-secrets.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import { type CommonCredentials, openPeer } from './opening.ts';

/** Of peers that hang, each holds one until its time is up. */
const CONCURRENT = 32;
/** What was seen is to be used soon, or to be seen anew. */
const GOOD_SECONDS = 30;
/** Many peers are asked at once: the Secret is read once for them. */
const CREDENTIALS_SECONDS = 1;

export interface Openings {
  /** Whom to ask from now on; replaces whom to ask so far. */
  want(peers: readonly PeerState[]): void;
  /** Those that have opened themselves. */
  opened(): ReadonlySet<string>;
  /** Why the others have not, of those that were asked. */
  problems(): ReadonlyMap<string, string>;
  /** What may have been in the way has changed. */
  askNow(): void;
  /** Called when what `opened` or `problems` give has changed. */
  subscribe(listener: () => void): void;
  start(signal: CancelSignal): Promise<void>;
}

interface Asked {
  readonly peer: PeerState;
  readonly text: string;
  tries: number;
  problem: string | undefined;
  openedAt: Instant | undefined;
}

export function createOpenings({ ports, config }: { readonly ports: Pick<AgentPorts, 'clock' | 'random' | 'metrics' | 'log' | 'kubernetes' | 'etcd'>; readonly config: Pick<AgentConfig, 'cluster' | 'ciliumNamespace'> }): Openings {
  const { clock, kubernetes, log, etcd } = ports;
  const asked = new Map<string, Asked>();
  const listeners: (() => void)[] = [];
  let read: { readonly at: Instant; readonly credentials: Promise<CommonCredentials> } | undefined;

  async function readCredentials(signal: CancelSignal): Promise<CommonCredentials> {
    const name = meshSecretName('remote');
    const data = (await kubernetes.get<SecretObject>(Secret, { namespace: config.ciliumNamespace, name }, signal))?.data ?? {};
    const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
    const credentials = { certPem: text('tls.crt'), keyPem: text('tls.key'), caPem: text('ca.crt') };
    const missing = Object.values(credentials).includes('');
    return missing ? { missing: `Secret ${config.ciliumNamespace}/${name}, with which it is to be read, is not complete yet` } : credentials;
  }

  function credentials(signal: CancelSignal): Promise<CommonCredentials> {
    if (read === undefined || clock.now() >= read.at + seconds(CREDENTIALS_SECONDS)) read = { at: clock.now(), credentials: readCredentials(signal) };
    return read.credentials;
  }

  const isGood = ({ openedAt }: Asked): boolean => openedAt !== undefined && clock.now() < openedAt + seconds(GOOD_SECONDS);
  const changed = (): void => { for (const listener of listeners) listener(); };

  const loop = createLoop({
    ...ports,
    name: 'openings',
    workers: CONCURRENT,
    async reconcile(name, signal) {
      const one = asked.get(name);
      if (one === undefined) return {};
      if (isGood(one)) return { requeueAt: (one.openedAt ?? 0) + seconds(GOOD_SECONDS) };
      let problem: string | undefined;
      try {
        problem = await openPeer(etcd, one.peer, config.cluster, await credentials(signal), signal);
      } catch (error) {
        if (signal.aborted) throw error;
        read = undefined;
        problem = messageOf(error);
      }
      // Meanwhile it is not to be asked any more, or elsewhere.
      if (asked.get(name) !== one) return {};
      one.tries += 1;
      one.openedAt = problem === undefined ? clock.now() : undefined;
      const news = problem === undefined || problem !== one.problem;
      one.problem = problem;
      if (problem === undefined) log.info({ peer: name, tries: one.tries }, "a peer's etcd has opened itself");
      else log.debug({ peer: name, tries: one.tries, problem }, "a peer's etcd has not opened itself");
      if (news) changed();
      return { requeueAt: clock.now() + seconds(problem === undefined ? GOOD_SECONDS : pauseSeconds(one.tries, asked.size)) };
    },
  });

  return {
    want(peers) {
      const wanted = new Map(peers.map((peer) => [peer.name, peer]));
      for (const name of [...asked.keys()]) if (!wanted.has(name)) asked.delete(name);
      for (const [name, peer] of wanted) {
        const text = JSON.stringify(peer);
        if (asked.get(name)?.text === text) continue;
        asked.set(name, { peer, text, tries: 0, problem: undefined, openedAt: undefined });
        loop.add(name);
      }
    },
    opened: () => new Set([...asked.values()].filter(isGood).map(({ peer }) => peer.name)),
    problems: () => new Map([...asked.values()].flatMap(({ peer, problem }) => (problem === undefined ? [] : [[peer.name, problem] as const]))),
    askNow() {
      read = undefined;
      for (const [name, one] of asked) {
        one.tries = 0;
        if (!isGood(one)) loop.add(name);
      }
    },
    subscribe(listener) { listeners.push(listener); },
    start: (signal) => loop.start(signal),
  };
}
