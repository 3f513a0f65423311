/** Clusters that people have cut off: whose certificates count no more, who is told, and what has come of it. Kept in the records, so that neither a restart nor a deleted Cluster lets one back in. */
import { z } from 'zod';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { StatusRevocation } from '../../../mesh/model/cluster-status.ts';
import { fromRfc3339, type Instant, seconds, toRfc3339 } from '../../../mesh/model/instant.ts';
import { isCutOff, isRefused, MAX_REVOCATIONS, refusalText, revokedAt } from '../../../mesh/model/revocation.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type GatewayHandler, type PeerIdentity, TransportError } from '../../../mesh/ports/transport.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Publishers } from '../gateway/publishers.ts';
import type { HubPorts } from '../ports.ts';
import { createProgress } from './revocation-progress.ts';

const REPORT = 'revocations';
/** No certificate of ours lives longer; then there is nothing left to refuse. */
const LONGEST_LIFE_SECONDS = 8 * 86_400;

const entrySchema = z.object({ cluster: z.string(), at: z.number(), declaredAt: z.number(), reason: z.string(), streamsCutAt: z.number().nullable() });
const documentSchema = z.object({ schema: z.literal(1), revocations: z.array(entrySchema).max(MAX_REVOCATIONS) });
/** `declaredAt` as the person wrote it; `at` by this hub's clock, which certificates are issued by, and never before that. */
type HeldRevocation = z.infer<typeof entrySchema>;

export interface Revocations {
  /** Before the gateway opens, with the caches filled. */
  load(): Promise<void>;
  start(signal: CancelSignal): Promise<void>;
  /** It has not joined anew. */
  isCutOff(cluster: string): boolean;
  /** Throws `TransportError` where the certificate does not count. */
  admit(peer: Pick<PeerIdentity, 'cluster' | 'notBefore'>): void;
  /** Of a cluster that was revoked, throws unless the permission to join was made after; undefined: there is none with a time. Resolves once the revocation is durable. */
  admitJoin(cluster: string, madeAt: Instant | undefined): Promise<void>;
  /** For `Cluster.status`; undefined: not cut off. */
  progress(cluster: string, shown: StatusRevocation | undefined): StatusRevocation | undefined;
  /** Called with a cluster after what `isCutOff` or `progress` say of it may have changed. */
  subscribe(listener: (cluster: string) => void): void;
}

/** Every call but `Join` is judged by its certificate before it is answered, and again before the answer leaves: what was issued meanwhile is not handed over. */
export function refusingRevoked({ admit }: Pick<Revocations, 'admit'>, handler: GatewayHandler): GatewayHandler {
  const judged = <Rest extends readonly unknown[], Answer>(work: (peer: PeerIdentity, ...rest: Rest) => Promise<Answer>) => async (peer: PeerIdentity, ...rest: Rest): Promise<Answer> => {
    admit(peer);
    const answer = await work(peer, ...rest);
    admit(peer);
    return answer;
  };
  return { join: handler.join, renew: judged(handler.renew), issueMeshCertificates: judged(handler.issueMeshCertificates), sync: judged(handler.sync) };
}

export interface RevocationParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'records'>;
  readonly fleet: Fleet;
  readonly publishers: Publishers;
  readonly gateway: Pick<Gateway, 'expel'>;
  readonly clusters: Cache<ClusterObject>;
}

export function createRevocations({ ports, fleet, publishers, gateway, clusters }: RevocationParts): Revocations {
  const { clock, log, metrics, records } = ports;
  const entries = new Map<string, HeldRevocation>();
  const listeners: ((cluster: string) => void)[] = [];
  /** What the records hold. */
  let saved = '';
  let loaded = false;
  const count = metrics.gauge('isthmus_hub_clusters_revoked', 'Clusters that are cut off.');
  const refused = metrics.counter('isthmus_hub_refused_certificates_total', 'Calls with a certificate that a revocation refuses.');

  const joinedAt = (cluster: string): Instant | undefined => fromRfc3339(clusters.get({ name: cluster })?.status?.identity?.joinedAt);
  const cutOff = (cluster: string): boolean => {
    const entry = entries.get(cluster);
    return entry !== undefined && isCutOff(entry.at, joinedAt(cluster));
  };
  const progress = createProgress({ fleet, clusters, isCutOff: cutOff, atOf: (cluster) => entries.get(cluster)?.at, changed: (cluster) => notify(cluster) });
  const notify = (cluster: string): void => { for (const listener of listeners) listener(cluster); };
  const text = (): string => JSON.stringify({ schema: 1, revocations: [...entries.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1)) });

  const loop = createLoop({
    ...ports, name: 'revocations',
    async reconcile() {
      forgetExpired();
      const next = text();
      if (next !== saved) {
        await records.putReport(REPORT, next);
        saved = next;
      }
      return {};
    },
  });

  /** Those of deleted clusters, or of such as nobody calls revoked any more. */
  function forgetExpired(): void {
    for (const [cluster, { at }] of entries) {
      if (clock.now() <= at + seconds(LONGEST_LIFE_SECONDS) || clusters.get({ name: cluster })?.spec?.revoked !== undefined) continue;
      entries.delete(cluster);
      publishers.untellAll('Revocation', cluster);
    }
  }

  function tell(entry: HeldRevocation): void {
    const { cluster, at, reason } = entry;
    publishers.tellAll('Revocation', cluster, { cluster, at, reason, rejoined: !cutOff(cluster) }, cluster);
    count.set({}, [...entries.keys()].filter(cutOff).length);
  }

  /** `known`: the records tell of every revocation before this one. */
  function consider(object: ClusterObject, known: boolean): void {
    const { name } = object.metadata;
    const declared = object.spec?.revoked;
    const declaredAt = revokedAt(declared);
    const entry = entries.get(name);
    if (declared !== undefined && declaredAt !== undefined && (entry === undefined || entry.declaredAt < declaredAt)) {
      if (entry === undefined && entries.size >= MAX_REVOCATIONS) {
        log.error({ cluster: name, most: MAX_REVOCATIONS }, 'one revocation too many: it is not carried out; delete Clusters that were revoked long ago');
        return;
      }
      const before = joinedAt(name);
      const shownAt = known ? undefined : fromRfc3339(object.status?.revocation?.at);
      // Of a revocation that the records have lost: when it was seen then; and who joined after it is in by right.
      const lostAt = shownAt !== undefined && shownAt >= declaredAt ? shownAt : !known && before !== undefined && before > declaredAt ? declaredAt : undefined;
      const at = lostAt ?? Math.max(declaredAt, clock.now());
      entries.set(name, { cluster: name, at, declaredAt, reason: declared.reason, streamsCutAt: null });
      cut(name);
    } else if (entry !== undefined && declared !== undefined && declared.reason !== entry.reason && entry.declaredAt === declaredAt) entries.set(name, { ...entry, reason: declared.reason });
    const held = entries.get(name);
    if (held === undefined) return;
    tell(held);
    notify(name);
    loop.add(REPORT);
  }

  function cut(cluster: string): void {
    const entry = entries.get(cluster);
    if (entry === undefined || !cutOff(cluster)) return;
    const wasConnected = fleet.connection(cluster)?.connected === true;
    gateway.expel(cluster, new TransportError('user', 'PermissionDenied', refusalText(entry)));
    if (wasConnected) entries.set(cluster, { ...entry, streamsCutAt: clock.now() });
    log.warn({ cluster, reason: entry.reason, hadStream: wasConnected }, 'cluster was revoked: its streams are cut, and all agents are told');
  }

  clusters.subscribe(({ type, object }) => { if (loaded && type !== 'deleted') consider(object, true); });

  return {
    async load() {
      const stored = await records.getReport(REPORT);
      if (stored !== undefined) for (const entry of documentSchema.parse(JSON.parse(stored)).revocations) entries.set(entry.cluster, entry);
      saved = stored ?? '';
      loaded = true;
      for (const object of clusters.list()) consider(object, stored !== undefined);
      for (const entry of entries.values()) tell(entry);
      forgetExpired();
    },
    start: loop.start,
    isCutOff: cutOff,
    admit(peer) {
      const entry = entries.get(peer.cluster);
      if (entry === undefined || !isRefused(entry, peer.notBefore)) return;
      refused.inc();
      throw new TransportError('user', 'PermissionDenied', refusalText(entry));
    },
    async admitJoin(cluster, madeAt) {
      const entry = entries.get(cluster);
      if (entry === undefined || !cutOff(cluster)) return;
      const at = toRfc3339(entry.at);
      // Not by what was declared: people write the time of the theft there, and what was made until the hub heard of it is a thief's as well.
      if (madeAt === undefined || madeAt <= entry.at) {
        throw new TransportError('user', 'PermissionDenied', `cluster "${cluster}": was revoked at ${at} (${entry.reason}), and this permission to join is older: make a new token with "isthmus join ${cluster}"`);
      }
      // Certificates count whole seconds: one of the same second would be refused.
      if (Math.floor(clock.now() / 1000) * 1000 <= entry.at) throw new TransportError('retry', 'Overloaded', `cluster "${cluster}": was revoked at ${at}, and can join after that time; the hub's clock says ${toRfc3339(clock.now())}`);
      if (text() !== saved) throw new TransportError('retry', 'Overloaded', `cluster "${cluster}": the hub cannot store its revocation yet; try again`);
    },
    progress(cluster, shown) {
      const entry = entries.get(cluster);
      return entry === undefined || !cutOff(cluster) ? undefined : progress.of(entry, shown);
    },
    subscribe(listener) { listeners.push(listener); },
  };
}
