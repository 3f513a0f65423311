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
import { secretText } from '../secret-text.ts';
import { type CommonCredentials, openPeer, type OwnCredentialsOf } from './opening.ts';
import { ownServerProblem } from './own-server.ts';

/** Of peers that hang, each holds one until its time is up. */
const CONCURRENT = 32;
/** What was seen is to be used soon, or to be seen anew. */
const GOOD_SECONDS = 30;
/** Many peers are asked at once: what is of this cluster is read once for them. */
const OWN_SECONDS = 1;

export interface Openings {
  /** Whom to ask from now on; replaces whom to ask so far. `byOwnServer`: nobody, before the cluster's own clustermesh-apiserver serves. */
  want(peers: readonly PeerState[], options: { readonly byOwnServer: boolean }): void;
  /** Those that have opened themselves. */
  opened(): ReadonlySet<string>;
  /** Nobody is waited for any more. */
  everybody(): boolean;
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
  /** What was asked with what. */
  readonly text: string;
  tries: number;
  problem: string | undefined;
  openedAt: Instant | undefined;
}

/** What this cluster itself brings. */
type Own = { readonly credentials: CommonCredentials } | { readonly notYet: string };

export function createOpenings({ ports, config, ownOf }: {
  readonly ports: Pick<AgentPorts, 'clock' | 'random' | 'metrics' | 'log' | 'kubernetes' | 'etcd' | 'digest'>; readonly config: Pick<AgentConfig, 'cluster' | 'ciliumNamespace'>; readonly ownOf: OwnCredentialsOf;
}): Openings {
  const { clock, kubernetes, log, etcd, digest } = ports;
  const asked = new Map<string, Asked>();
  const listeners: (() => void)[] = [];
  let read: { readonly at: Instant; readonly own: Promise<Own> } | undefined;
  let byOwnServer = false;

  async function readOwn(signal: CancelSignal): Promise<Own> {
    const notYet = byOwnServer ? await ownServerProblem(kubernetes, config.ciliumNamespace, signal) : undefined;
    if (notYet !== undefined) return { notYet };
    const name = meshSecretName('remote');
    const secret = await kubernetes.get<SecretObject>(Secret, { namespace: config.ciliumNamespace, name }, signal);
    const credentials = { certPem: secretText(secret, 'tls.crt'), keyPem: secretText(secret, 'tls.key'), caPem: secretText(secret, 'ca.crt') };
    const missing = Object.values(credentials).includes('');
    return { credentials: missing ? { missing: `Secret ${config.ciliumNamespace}/${name}, with which it is to be read, is not complete yet` } : credentials };
  }

  function own(signal: CancelSignal): Promise<Own> {
    if (read === undefined || clock.now() >= read.at + seconds(OWN_SECONDS)) read = { at: clock.now(), own: readOwn(signal) };
    return read.own;
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
        const given = await own(signal);
        problem = 'notYet' in given ? given.notYet : await openPeer(etcd, one.peer, config.cluster, given.credentials, signal, ownOf(one.peer));
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
    want(peers, options) {
      if (options.byOwnServer !== byOwnServer) read = undefined;
      byOwnServer = options.byOwnServer;
      const wanted = new Map(peers.map((peer) => [peer.name, peer]));
      for (const name of [...asked.keys()]) if (!wanted.has(name)) asked.delete(name);
      for (const [name, peer] of wanted) {
        const own = ownOf(peer);
        const text = `${JSON.stringify(peer)} ${own === undefined ? '' : digest(JSON.stringify(own))}`;
        if (asked.get(name)?.text === text) continue;
        asked.set(name, { peer, text, tries: 0, problem: undefined, openedAt: undefined });
        loop.add(name);
      }
    },
    opened: () => new Set([...asked.values()].filter(isGood).map(({ peer }) => peer.name)),
    everybody: () => [...asked.values()].every(isGood),
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
