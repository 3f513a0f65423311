/**
 * When a rotation goes on. The order is that of Teleport's rotations (standby, init, update_clients, update_servers, standby) with what Cilium's mesh asks for:
 * its etcd and kvstoremesh read whom they believe at their start alone, so nothing is signed anew before everybody believes both.
 */
import { type Instant, toRfc3339 } from '../model/instant.ts';
import { type ClusterTrust, FIRST_BUNDLE, phaseAfter, type RotationPhase, type RotationTarget, type TrustUse, type WaitedCluster } from '../model/trust.ts';

export interface RotationView {
  readonly id: string;
  readonly phase: RotationPhase;
  /** When it came into this phase. */
  readonly since: Instant;
  /** Of the bundle that the hub publishes now. */
  readonly sequence: number;
  /** Common names of issuing CAs whose leaves are to be replaced. */
  readonly leaving: { readonly clients: readonly string[]; readonly servers: readonly string[] };
  /** Why it cannot take its next step, whatever the fleet believes; undefined: it can. */
  readonly blocked?: string;
}

export interface RotationPlan {
  readonly move?: RotationTarget;
  /** Whom it waits for, sorted by name. */
  readonly waiting: readonly WaitedCluster[];
  /** What it waits for, for people; empty: nothing. */
  readonly why: string;
  /** A sentence for people, once it has waited for too long. */
  readonly alarm?: string;
  /** When to look again, whatever happens; absent: when something does. */
  readonly nextAt?: Instant;
}

/** Teleport's grace period; here nothing is dropped after it, people are told. */
export const ALARM_AFTER_MILLISECONDS = 48 * 3_600_000;
const NAMED_IN_ALARM = 3;
/** Characters of what an agent says. */
const LONGEST_SAID = 300;

/** Total. A cluster that was cut off is not waited for; one that is away is, for ever: only people give it up, by cutting it off or by removing it. */
export function planRotation(rotation: RotationView, clusters: readonly ClusterTrust[], now: Instant): RotationPlan {
  const waiting = clusters.filter(({ revoked }) => !revoked).flatMap((cluster): WaitedCluster[] => {
    const why = missing(rotation, cluster.use);
    return why === undefined ? [] : [{ cluster: cluster.name, why: `${why}${cluster.connected ? said(cluster) : `; ${away(cluster)}`}` }];
  }).sort((a, b) => (a.cluster < b.cluster ? -1 : a.cluster > b.cluster ? 1 : 0));
  const why = waitText(waiting, rotation.blocked);
  if (why === '') return { move: phaseAfter(rotation.phase), waiting, why };
  const alarmAt = rotation.since + ALARM_AFTER_MILLISECONDS;
  if (now < alarmAt) return { waiting, why, nextAt: alarmAt };
  return { waiting, why, alarm: `rotation "${rotation.id}": has been in phase ${rotation.phase} since ${toRfc3339(rotation.since)}: ${why}` };
}

function missing({ phase, sequence, leaving }: RotationView, use: TrustUse | undefined): string | undefined {
  // A cluster in no mesh that was never assigned anything says nothing: the first bundle it believes by joining, and there is no other that it could believe. What it shows it must say.
  if (use === undefined) return phase === 'Init' && sequence <= FIRST_BUNDLE ? undefined : 'its agent has not said whom the cluster believes';
  if (use.sequence < sequence) return `believes bundle ${use.sequence}, not yet ${sequence}`;
  const clients = phase === 'Init' ? [] : use.clientIssuers.filter((issuer) => leaving.clients.includes(issuer));
  if (clients.length > 0) return `has client certificates of ${clients.join(', ')}`;
  const servers = phase === 'Init' || phase === 'UpdateClients' ? [] : use.serverIssuers.filter((issuer) => leaving.servers.includes(issuer));
  return servers.length > 0 ? `has a server certificate of ${servers.join(', ')}` : undefined;
}

/** Who is away may have got further since. */
const said = ({ said: text = '' }: ClusterTrust): string => (text === '' ? '' : `: ${text.slice(0, LONGEST_SAID)}${text.length > LONGEST_SAID ? '…' : ''}`);

const away = ({ since }: ClusterTrust): string => (since === undefined ? 'its agent has not been seen since the hub started' : `its agent is away since ${toRfc3339(since)}`);

function waitText(waiting: readonly WaitedCluster[], blocked: string | undefined): string {
  const named = waiting.slice(0, NAMED_IN_ALARM).map(({ cluster, why }) => `${cluster} (${why})`);
  const more = waiting.length - named.length;
  const clusters = waiting.length === 0 ? [] : [`waits for ${waiting.length === 1 ? '1 cluster' : `${waiting.length} clusters`}: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
  return [...blocked === undefined ? [] : [blocked], ...clusters].join('; ');
}
