/** All that a verdict on one peer rests on: looks at its etcd and at the own copy, beside what the plan and the last report say. */
import { readCertificate } from '../../../certs/index.ts';
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { PeeringState } from '../../../mesh/model/desired.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { EtcdConnector, EtcdTarget } from '../../../mesh/ports/etcd.ts';
import { type Failure, isFailure, type Life, type Observation } from '../../../mesh/verify/observation.ts';
import { readConfig } from '../../../mesh/verify/verdict.ts';
import type { Legs } from './entries.ts';
import { idsBut, type Known } from './known.ts';
import { lookAtMirror, lookAtPeer } from './look.ts';

/** Each refused write costs the peer's etcd a proposal and a line of its log. */
const WRITE_ASKED_SECONDS = 3600;

/** What the agent's last report says of entries. */
export interface Told {
  readonly drift?: readonly { readonly object: string; readonly path: string }[];
  readonly peering?: { readonly waiting: readonly { readonly peer: string; readonly reason: string }[] };
}

export interface Surroundings {
  readonly cluster: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly etcd: EtcdConnector;
  readonly known: ReadonlyMap<string, Known>;
  readonly peering: PeeringState | undefined;
  readonly told: Told | undefined;
  readonly rootsElsewhere: string | undefined;
}

const through = <T>(target: EtcdTarget | Failure | undefined, look: (target: EtcdTarget) => Promise<T>): Promise<T | Failure> | Failure | undefined => (target === undefined || isFailure(target) ? target : look(target));

/** null: not a certificate that we can read. */
function lifeOf(pem: string): Life | null {
  try {
    const { notBefore, notAfter } = readCertificate(pem);
    return { notBefore, notAfter };
  } catch {
    return null;
  }
}

/** Whether a write is to be asked for again. */
const asksToWrite = ({ write }: Known, now: Instant): boolean => write === undefined || write.allowed || now - write.at >= seconds(WRITE_ASKED_SECONDS);

/** Remembers in `of` what it learns of writes and of the id. `isAsked`: a person waits for it. */
export async function observe(peer: string, of: Known, legs: Legs | undefined, isAsked: boolean, { cluster, clock, etcd, known, peering, told, rootsElsewhere }: Surroundings, signal: CancelSignal): Promise<Observation> {
  const waiting = told?.peering?.waiting.find((entry) => entry.peer === peer)?.reason ?? null;
  const asks = isAsked || asksToWrite(of, clock.now());
  const [remote, mirror] = await Promise.all([
    through(legs?.remote, (target) => lookAtPeer(etcd, peer, target, asks, signal)), through(legs?.mirror, (target) => lookAtMirror(etcd, peer, target, signal)),
  ]);
  if (remote !== undefined && !isFailure(remote)) {
    if (remote.mayWrite !== undefined) of.write = { at: clock.now(), allowed: remote.mayWrite };
    of.id = remote.config === undefined ? undefined : readConfig(remote.config)?.id;
  }
  const wanted = peering?.peers.find(({ name }) => name === peer);
  return {
    reader: cluster, peer, now: clock.now(), expected: { clusterId: wanted?.clusterId ?? null, maxConnectedClusters: peering?.maxConnectedClusters ?? null },
    ids: idsBut(peer, known, peering === undefined ? undefined : { id: peering.clusterId, cluster }),
    ...(legs === undefined ? { missing: { waiting } } : {}), ...(rootsElsewhere === undefined ? {} : { rootsElsewhere }), drifted: told?.drift?.some(({ object, path }) => /Secret .*\/cilium-(clustermesh|kvstoremesh)$/.test(object) && (path === '' || path === `.data.${peer}`)) ?? false,
    agentsEntryMissing: legs?.agentsEntryMissing ?? false, entrySince: of.entrySince, client: legs === undefined || isFailure(legs.remote) ? null : lifeOf(legs.remote.certPem),
    ...(remote === undefined ? {} : { remote: isFailure(remote) ? remote : { ...remote, mayWrite: of.write?.allowed ?? false, heartbeat: { value: remote.heartbeat, ...(of.heartbeat === undefined ? {} : { before: of.heartbeat }) } } }),
    ...(mirror === undefined ? {} : { mirror: isFailure(mirror) ? mirror : { ...mirror, behindBefore: of.behind } }),
  };
}
