/**
 * Whether a certificate is one that this hub gave. Each key of a cluster was certified for who held the one before, back to the one that joined. Who holds an authority's
 * key makes certificates for any cluster, but none of that line: once the authority is tainted, the line alone is answered.
 */
import type { Authority, AuthorityState } from '../../../certs/index.ts';
import { Cluster, type ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { ClusterStatusValue } from '../../../mesh/model/cluster-status.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type GatewayHandler, type PeerIdentity, TransportError } from '../../../mesh/ports/transport.ts';
import type { Cache } from '../../runtime/cache.ts';
import { cancelled } from '../../runtime/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { HubPorts } from '../ports.ts';

type Identity = ClusterStatusValue['identity'];
export interface LineOfKeys { readonly keyFingerprint?: string; readonly previousKeyFingerprint?: string }

/** Hubs of before wrote no keys down: until the next renewal the serial stands for the key. */
export function isOfLine({ keyFingerprint, certificateSerial }: PeerIdentity, identity: Identity): boolean {
  if (identity === undefined) return false;
  if (identity.keyFingerprint === undefined) return certificateSerial === identity.certificateSerial;
  return keyFingerprint !== undefined && (keyFingerprint === identity.keyFingerprint || keyFingerprint === identity.previousKeyFingerprint);
}

/** Who is not of the line may be answered, but does not become part of it. */
export function lineAfter(peer: PeerIdentity, identity: Identity, keyFingerprint: string): LineOfKeys {
  const { keyFingerprint: last, previousKeyFingerprint: before } = identity ?? {};
  if (last !== undefined && !isOfLine(peer, identity)) return { keyFingerprint: last, ...(before === undefined ? {} : { previousKeyFingerprint: before }) };
  return { keyFingerprint, ...(peer.keyFingerprint === undefined ? {} : { previousKeyFingerprint: peer.keyFingerprint }) };
}

interface Parts {
  readonly ports: Pick<HubPorts, 'kubernetes' | 'log' | 'metrics'>;
  readonly authority: Pick<Authority, 'state' | 'onChange'>;
  readonly clusters: Cache<ClusterObject>;
  readonly gateway: Pick<Gateway, 'expel'>;
}

export interface LinesOfKeys {
  refusingOthers(handler: GatewayHandler): GatewayHandler;
  /** Ends open streams of others as soon as an authority is tainted, until `signal` aborts. */
  start(signal: CancelSignal): Promise<void>;
}

const isTainted = ({ roots, issuers }: AuthorityState): boolean => [...roots, ...issuers].some(({ taintedAt }) => taintedAt !== undefined);

const refusal = (cluster: string): TransportError => new TransportError('user', 'PermissionDenied',
  `cluster "${cluster}": an authority's key may be in other hands, and this certificate is none that the hub gave; if it is the cluster's own, let it join anew: "isthmus join ${cluster}"`);

export function createLinesOfKeys({ ports: { kubernetes, log, metrics }, authority, clusters, gateway }: Parts): LinesOfKeys {
  const others = metrics.counter('isthmus_hub_unknown_keys_total', 'Calls with a valid certificate of a key that this hub has no record of giving one to.');
  const streams = new Set<PeerIdentity>();
  let tainted: boolean | undefined;

  /** Status first shows in the cache, then in a new certificate's first call, or the other way round: only what the server says is final. */
  async function known(peer: PeerIdentity, signal: CancelSignal): Promise<boolean> {
    if (isOfLine(peer, clusters.get({ name: peer.cluster })?.status?.identity)) return true;
    return isOfLine(peer, (await kubernetes.get<ClusterObject>(Cluster, { name: peer.cluster }, signal))?.status?.identity);
  }

  async function admit(peer: PeerIdentity, signal: CancelSignal): Promise<void> {
    tainted ??= isTainted(authority.state());
    let good = false;
    try {
      good = await known(peer, signal);
    } catch (error) {
      if (tainted) throw new TransportError('retry', 'Overloaded', `the hub cannot look up whose certificate this is: ${messageOf(error)}`);
      return;
    }
    if (good) return;
    others.inc();
    log.warn({ cluster: peer.cluster, serial: peer.certificateSerial, refused: tainted }, 'somebody calls as this cluster with a key that this hub has no record of');
    if (tainted) throw refusal(peer.cluster);
  }

  async function judgeStreams(signal: CancelSignal): Promise<void> {
    for (const peer of [...streams]) {
      const refused = await admit(peer, signal).then(() => undefined, (error: unknown) => error as TransportError);
      if (refused !== undefined && streams.has(peer)) gateway.expel(peer.cluster, refused);
    }
  }

  const last = (rest: readonly unknown[]): CancelSignal => rest.at(-1) as CancelSignal;
  const judged = <Rest extends readonly unknown[], Answer>(work: (peer: PeerIdentity, ...rest: Rest) => Promise<Answer>) => async (peer: PeerIdentity, ...rest: Rest): Promise<Answer> => {
    await admit(peer, last(rest));
    return work(peer, ...rest);
  };

  return {
    refusingOthers: (handler) => ({
      join: handler.join, renew: judged(handler.renew), issueMeshCertificates: judged(handler.issueMeshCertificates),
      async sync(peer, stream, signal) {
        // Before it is judged: a taint in between judges it again.
        streams.add(peer);
        try {
          await admit(peer, signal);
          await handler.sync(peer, stream, signal);
        } finally {
          streams.delete(peer);
        }
      },
    }),
    async start(signal) {
      const stop = authority.onChange((state) => {
        tainted = isTainted(state);
        if (tainted) void judgeStreams(signal);
      });
      await cancelled(signal);
      stop();
    },
  };
}
