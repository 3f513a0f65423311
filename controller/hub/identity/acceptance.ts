/** Where clusters are accepted by hand: which key asks to join as which cluster, and what somebody has decided of it (`Cluster.spec.admission`). */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import type { ClusterStatusValue, StatusPending } from '../../../mesh/model/cluster-status.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import type { JoinProof } from './proof.ts';

export type AcceptClusters = 'Automatically' | 'Manually';

interface Asking {
  /** `keyFingerprint`. */
  readonly keySha256: string;
  readonly proof: JoinProof;
}

export interface Acceptance {
  /** Somebody decides, so a cluster must be seen before it joins. */
  readonly byHand: boolean;
  /** Resolves where the key may have its certificate now; throws `TransportError`: `Pending`, or `PermissionDenied` where somebody has rejected it or another key waits already. */
  demand(object: ClusterObject, asking: Asking, signal: CancelSignal): Promise<void>;
  /** It has its certificate. */
  joined(cluster: string): void;
  forget(cluster: string): void;
  /** For `Cluster.status`. */
  of(object: Pick<ClusterObject, 'metadata' | 'spec'>, status: ClusterStatusValue | undefined): StatusPending | undefined;
  /** Called with a cluster after what `of` says of it may have changed. */
  subscribe(listener: (cluster: string) => void): void;
}

const rejected = (object: Pick<ClusterObject, 'spec'>, keySha256: string): boolean => object.spec?.admission?.decision === 'Rejected' && object.spec.admission.keySha256 === keySha256;

export function createAcceptance({ ports: { clock, log, metrics }, accept }: { readonly ports: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics }; readonly accept: AcceptClusters }): Acceptance {
  /** Ahead of the status; null: over. */
  const asking = new Map<string, StatusPending | null>();
  const listeners: ((cluster: string) => void)[] = [];
  const gauge = metrics.gauge('isthmus_hub_clusters_pending', 'Clusters that ask to join and wait until somebody accepts them.');

  function set(cluster: string, value: StatusPending | null): void {
    asking.set(cluster, value);
    gauge.set({}, [...asking.values()].filter((one) => one !== null).length);
    for (const listener of listeners) listener(cluster);
  }

  function of(object: Pick<ClusterObject, 'metadata' | 'spec'>, status: ClusterStatusValue | undefined): StatusPending | undefined {
    const held = asking.get(object.metadata.name);
    const pending = held === undefined ? status?.pending : held ?? undefined;
    return pending === undefined || rejected(object, pending.keySha256) ? undefined : pending;
  }

  return {
    byHand: accept === 'Manually',
    async demand(object, { keySha256, proof }, signal) {
      const { name } = object.metadata;
      const decision = object.spec?.admission;
      if (rejected(object, keySha256)) {
        if (asking.get(name)?.keySha256 === keySha256) set(name, null);
        await proof.reject(signal);
        log.warn({ cluster: name, key: keySha256, rejectedBy: object.metadata.annotations?.[CHANGED_BY] ?? 'unknown' }, 'a key that asked to join was rejected');
        const why = decision?.reason === undefined || decision.reason === '' ? '' : ` (${decision.reason})`;
        throw new TransportError('user', 'PermissionDenied', `cluster "${name}": the hub's people have rejected the key with fingerprint ${keySha256}${why}; talk to them, and make a new token with "isthmus join ${name}" then`);
      }
      if (accept === 'Automatically') return;
      if (decision?.decision === 'Accepted' && decision.keySha256 === keySha256) {
        await proof.claim(signal);
        log.info({ cluster: name, key: keySha256, acceptedBy: object.metadata.annotations?.[CHANGED_BY] ?? 'unknown' }, 'a key that asked to join was accepted');
        return;
      }
      const first = of(object, object.status as ClusterStatusValue | undefined);
      if (first !== undefined && first.keySha256 !== keySha256) {
        throw new TransportError('user', 'PermissionDenied', `cluster "${name}": another key, with fingerprint ${first.keySha256}, asks to join since ${first.since} by ${first.by}, and waits; this one has ${keySha256}. If the other is not yours, reject it: isthmus cluster reject ${name}`);
      }
      // Before anything is waited for: of two keys at once one comes first.
      if (first === undefined) set(name, { keySha256, since: toRfc3339(clock.now()), by: proof.name });
      try {
        await proof.claim(signal);
      } catch (error) {
        if (first === undefined) set(name, null);
        throw error;
      }
      if (first === undefined) log.warn({ cluster: name, key: keySha256, by: proof.name }, 'a cluster asks to join and waits until somebody accepts it');
      throw new TransportError('retry', 'Pending', `cluster "${name}": asks to join with the key of fingerprint ${keySha256}, and waits until somebody accepts that on the hub: isthmus cluster accept ${name}`);
    },
    joined(cluster) {
      if (asking.get(cluster) !== null) set(cluster, null);
    },
    forget(cluster) { asking.delete(cluster); },
    of,
    subscribe(listener) { listeners.push(listener); },
  };
}
