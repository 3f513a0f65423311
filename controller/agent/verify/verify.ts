/** Looks at every peer again and again, with the very files that stand in the cluster's Secrets, and tells the hub and the metrics what was found. */
import { readCertificate } from '../../../certs/index.ts';
import { DaemonSet, Deployment, Secret, type SecretObject, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import { MAX_PEERS } from '../../../mesh/model/desired.ts';
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { EtcdTarget } from '../../../mesh/ports/etcd.ts';
import { type Failure, type Heartbeat, isFailure, type Kind, KINDS, type Life, type Observation } from '../../../mesh/verify/observation.ts';
import { readConfig, verdict } from '../../../mesh/verify/verdict.ts';
import { createCache } from '../../runtime/cache.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import { meshSecretName } from '../identity/mesh-secrets.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { type Files, legsOf, type Legs, peersOf } from './entries.ts';
import { lookAtMirror, lookAtPeer } from './look.ts';
import { createVerifyMetrics, figuresOf } from './figures.ts';

const INTERVAL_SECONDS = 60;
/** An etcd is read by as many clusters as this one reads: so it is asked once in half a second by all of them together, however large the mesh is. */
const INTERVAL_SECONDS_PER_PEER = 0.5;
/** What is not well, or has just become so, is looked at more often for a while. */
const SOON_SECONDS = 15;
const SOON_FOR_SECONDS = 300;
const JITTER = 0.2;
/** Of peers that hang, each holds one until its time is up. */
const CONCURRENT = 32;
/** Certificates and hosts files are read once for looks that come together, and anew where anything is not as it was. */
const READ_SECONDS = 2;
const CALM_READ_SECONDS = 900;
/** Each refused write costs the peer's etcd a proposal and a line of its log. */
const WRITE_ASKED_SECONDS = 3600;
/** The two Secrets are written one after the other. */
const TOGETHER_SECONDS = 1;

type Common = Pick<Files, 'remote' | 'local'> & { readonly aliases: ReadonlyMap<string, readonly string[]> };

interface Known {
  /** Of the entries; undefined: not looked at yet. */
  readonly text: string | undefined;
  /** 0: since before this agent's start. */
  readonly entrySince: Instant;
  heartbeat?: NonNullable<Heartbeat['before']>;
  behind: readonly Kind[];
  /** Whether a write was let in when that was last asked; absent: not asked yet of this entry. */
  write?: { readonly at: Instant; readonly allowed: boolean } | undefined;
  /** Of the cluster-config. */
  id?: number | undefined;
  told?: PeerVerdict;
}

export interface Verify {
  start(signal: CancelSignal): Promise<void>;
}

const decoded = (object: SecretObject | undefined): Readonly<Record<string, string>> | undefined =>
  (object === undefined ? undefined : Object.fromEntries(Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')])));

export function createVerify({ ports, config, state, publisher }: { readonly ports: AgentPorts; readonly config: AgentConfig; readonly state: AgentState; readonly publisher: Publisher }): Verify {
  const { clock, kubernetes, random, etcd, log } = ports;
  const { cluster, ciliumNamespace: namespace } = config;
  const [clustermesh, kvstoremesh] = (['cilium-clustermesh', 'cilium-kvstoremesh'] as const).map((name) => createCache<SecretObject>(kubernetes, Secret, { namespace, fieldSelector: `metadata.name=${name}` }, ports)) as [ReturnType<typeof createCache<SecretObject>>, ReturnType<typeof createCache<SecretObject>>];
  const caches = [clustermesh, kvstoremesh];
  const known = new Map<string, Known>();
  const measured = createVerifyMetrics(ports.metrics);
  /** What stands was read once. */
  let begun = false;
  /** Peer → id of the question that waits for a look. */
  const asked = new Map<string, string>();
  let read: { readonly at: Instant; readonly common: Promise<Common> } | undefined;
  let standing: Pick<Files, 'clustermesh' | 'kvstoremesh'> = { clustermesh: undefined, kvstoremesh: undefined };

  const peering = () => state.desired?.state.peering ?? undefined;
  const desiredPeer = (peer: string) => peering()?.peers.find(({ name }) => name === peer);
  const applied = () => publisher.get('AppliedReport', cluster)?.value as { readonly drift?: readonly { readonly object: string; readonly path: string }[]; readonly peering?: { readonly waiting: readonly { readonly peer: string; readonly reason: string }[] } } | undefined;
  const peers = (): readonly string[] => [...new Set([...peersOf(standing, cluster), ...(peering()?.peers.map(({ name }) => name) ?? [])])].sort().slice(0, MAX_PEERS);

  async function readCommon(signal: CancelSignal): Promise<Common> {
    const secret = async (role: 'remote' | 'local') => decoded(await kubernetes.get<SecretObject>(Secret, { namespace, name: meshSecretName(role) }, signal));
    // Before Cilium 1.20 addresses of peers stand in hosts files of the pods alone: of KVStoreMesh, or without it of the agents.
    const pods = standing.kvstoremesh === undefined ? await kubernetes.get<WorkloadObject>(DaemonSet, { namespace, name: 'cilium' }, signal) : await kubernetes.get<WorkloadObject>(Deployment, { namespace, name: 'clustermesh-apiserver' }, signal);
    const aliases = new Map<string, readonly string[]>();
    for (const { ip, hostnames } of pods?.spec?.template?.spec?.hostAliases ?? []) for (const name of hostnames ?? []) aliases.set(name, [...aliases.get(name) ?? [], ip]);
    return { remote: await secret('remote'), local: await secret('local'), aliases };
  }

  function common(calm: boolean, signal: CancelSignal): Promise<Common> {
    if (read === undefined || clock.now() >= read.at + seconds(calm ? CALM_READ_SECONDS : READ_SECONDS)) read = { at: clock.now(), common: readCommon(signal) };
    read.common.catch(() => { read = undefined; });
    return read.common;
  }

  async function observe(peer: string, of: Known, legs: Legs | undefined, isAsked: boolean, signal: CancelSignal): Promise<Observation> {
    const report = applied();
    const waiting = report?.peering?.waiting.find((entry) => entry.peer === peer)?.reason ?? null;
    const through = <T>(target: EtcdTarget | Failure | undefined, look: (target: EtcdTarget) => Promise<T>): Promise<T | Failure> | Failure | undefined => (target === undefined || isFailure(target) ? target : look(target));
    const asksToWrite = isAsked || of.write === undefined || of.write.allowed || clock.now() - of.write.at >= seconds(WRITE_ASKED_SECONDS);
    const [remote, mirror] = await Promise.all([
      through(legs?.remote, (target) => lookAtPeer(etcd, peer, target, asksToWrite, signal)), through(legs?.mirror, (target) => lookAtMirror(etcd, peer, target, signal)),
    ]);
    if (remote !== undefined && !isFailure(remote) && remote.mayWrite !== undefined) of.write = { at: clock.now(), allowed: remote.mayWrite };
    if (remote !== undefined && !isFailure(remote)) of.id = remote.config === undefined ? undefined : readConfig(remote.config)?.id;
    const wanted = desiredPeer(peer);
    const ids = new Map<number, string>();
    for (const [name, { id }] of [...known].sort(([a], [b]) => (a < b ? -1 : 1))) if (id !== undefined && name !== peer && !ids.has(id)) ids.set(id, name);
    const own = peering();
    if (own !== undefined) ids.set(own.clusterId, cluster);
    return {
      reader: cluster, peer, now: clock.now(), expected: { clusterId: wanted?.clusterId ?? null, maxConnectedClusters: own?.maxConnectedClusters ?? null }, ids,
      ...(legs === undefined ? { missing: { waiting } } : {}), drifted: report?.drift?.some(({ object, path }) => /Secret .*\/cilium-(clustermesh|kvstoremesh)$/.test(object) && (path === '' || path === `.data.${peer}`)) ?? false,
      agentsEntryMissing: legs?.agentsEntryMissing ?? false, entrySince: of.entrySince, client: legs === undefined || isFailure(legs.remote) ? null : lifeOf(legs.remote.certPem),
      ...(remote === undefined ? {} : { remote: isFailure(remote) ? remote : { ...remote, mayWrite: of.write?.allowed ?? false, heartbeat: { value: remote.heartbeat, ...(of.heartbeat === undefined ? {} : { before: of.heartbeat }) } } }),
      ...(mirror === undefined ? {} : { mirror: isFailure(mirror) ? mirror : { ...mirror, behindBefore: of.behind } }),
    };
  }

  /** What the next look compares with. */
  function remember(of: Known, { remote, mirror, now }: Observation): void {
    if (remote === undefined || isFailure(remote)) {
      delete of.heartbeat;
    } else {
      const { value } = remote.heartbeat;
      of.heartbeat = { value, firstAt: of.heartbeat !== undefined && of.heartbeat.value === value ? of.heartbeat.firstAt : now, lastAt: now };
    }
    of.behind = remote === undefined || mirror === undefined || isFailure(remote) || isFailure(mirror) ? [] : KINDS.filter((kind) => remote.counts[kind] !== undefined && remote.counts[kind] !== mirror.counts[kind]);
  }

  function tell(peer: string, of: Known, found: Pick<PeerVerdict, 'colour' | 'reasons'>, observation: Observation, question: string | undefined, took: number): PeerVerdict {
    const { now } = observation;
    const codes = (one: Pick<PeerVerdict, 'colour' | 'reasons'>): string => [one.colour, ...one.reasons.map(({ code }) => code)].join(' ');
    const before = of.told;
    const same = before !== undefined && codes(before) === codes(found);
    const next: PeerVerdict = { cluster, peer, ...found, since: same ? before.since : now, at: now, ...(question === undefined ? {} : { question }), figures: figuresOf(observation, took) };
    if (!same) log[found.colour === 'green' ? 'info' : 'warn']({ peer, colour: found.colour, reasons: found.reasons.map(({ code, text }) => `${code}: ${text}`) }, 'the verdict on a peer changed');
    of.told = next;
    if (!same || question !== undefined || JSON.stringify(before.reasons) !== JSON.stringify(found.reasons)) publisher.set('PeerVerdict', peer, next);
    measured.set(peer, next);
    return next;
  }

  const loop = createLoop({
    ...ports,
    name: 'verify',
    workers: CONCURRENT,
    async reconcile(peer, signal) {
      if (!begun) return {};
      if (!peers().includes(peer)) {
        known.delete(peer);
        asked.delete(peer);
        publisher.remove('PeerVerdict', peer);
        measured.remove(peer);
        return {};
      }
      const question = asked.get(peer);
      let of = known.get(peer);
      const unchanged = of?.text === [standing.clustermesh?.[peer] ?? '', standing.kvstoremesh?.[peer] ?? ''].join('\n');
      const { aliases, ...certificates } = await common(unchanged && of?.told?.colour === 'green' && question === undefined, signal);
      const legs = legsOf(peer, { ...standing, ...certificates }, desiredPeer(peer), aliases);
      const text = legs?.text ?? '';
      if (of === undefined || of.text !== text) {
        // What stands at the start stood before it.
        of = { ...of, text, entrySince: of !== undefined && of.text === undefined ? 0 : clock.now(), behind: [], write: undefined };
        known.set(peer, of);
      }
      const [startedAt, stood] = [clock.now(), standing];
      const observation = await observe(peer, of, legs, question !== undefined, signal);
      const found = verdict(observation);
      remember(of, observation);
      // It may be another entry meanwhile, of which this says nothing.
      if (standing !== stood) return { requeueAt: clock.now() };
      const { since, colour } = tell(peer, of, found, observation, question, clock.now() - startedAt);
      if (question !== undefined && asked.get(peer) === question) asked.delete(peer);
      const soon = (colour !== 'green' && clock.now() - since < seconds(SOON_FOR_SECONDS)) || asked.has(peer);
      const pause = soon ? SOON_SECONDS : Math.max(INTERVAL_SECONDS, known.size * INTERVAL_SECONDS_PER_PEER);
      return { requeueAt: asked.has(peer) ? clock.now() : clock.now() + seconds(pause * (1 + JITTER * (random.uniform() - 0.5))) };
    },
  });

  const stands = (): typeof standing => ({ clustermesh: decoded(clustermesh.list()[0]), kvstoremesh: decoded(kvstoremesh.list()[0]) });

  /** Peers whose entries are other than they were, and those that came or went. */
  function changed(): void {
    if (!begun) return;
    const before = standing;
    standing = stands();
    const entry = (of: typeof standing, peer: string): string => JSON.stringify([of.clustermesh?.[peer], of.kvstoremesh?.[peer]]);
    for (const peer of new Set([...peersOf(before, cluster), ...peersOf(standing, cluster)])) if (entry(before, peer) !== entry(standing, peer)) loop.addAt(peer, clock.now() + seconds(TOGETHER_SECONDS));
  }

  function ask(id: string, which: string): void {
    for (const peer of peers()) {
      if (which !== '*' && which !== peer) continue;
      asked.set(peer, id);
      loop.add(peer);
    }
  }

  return {
    async start(signal) {
      for (const cache of caches) cache.subscribe(changed);
      state.subscribe((type, name) => {
        if (type === 'DesiredRevision') for (const peer of new Set([...known.keys(), ...peers()])) loop.add(peer);
        const question = type === 'Question' ? state.get('Question', name) : undefined;
        if (question?.verify !== undefined) ask(question.id, question.verify);
      });
      const inner = cancelWithin(signal);
      const running = caches.map((cache) => cache.start(inner.signal));
      await Promise.all(caches.map((cache) => cache.waitForSync(signal)));
      standing = stands();
      begun = caches.every(({ synced }) => synced);
      for (const peer of peers()) {
        known.set(peer, { text: undefined, entrySince: 0, behind: [] });
        loop.add(peer);
      }
      await loop.start(signal);
      inner.abort();
      inner.release();
      await Promise.all(running);
    },
  };
}

/** null: not a certificate that we can read. */
function lifeOf(pem: string): Life | null {
  try {
    const { notBefore, notAfter } = readCertificate(pem);
    return { notBefore, notAfter };
  } catch {
    return null;
  }
}
