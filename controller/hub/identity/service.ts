/** Gives clusters their identity: the part of the gateway that answers `Join`, `Renew` and `IssueMeshCertificates`. */
import { type Authority, CertificateRequestRejected, type IssuedAgent } from '../../../certs/index.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import { Cluster, type ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf } from '../../../mesh/api/resources/define.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError, KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { type GatewayHandler, type IssuedIdentity, TransportError } from '../../../mesh/ports/transport.ts';
import { messageOf } from '../../runtime/errors.ts';
import { findJoinToken, spendJoinToken } from './redeem.ts';

/** Cilium's namespace until the cluster's agent has said which. */
const CILIUM_NAMESPACE = 'kube-system';

/** What `Cluster.status.identity` holds. */
export interface ClusterIdentity {
  readonly spiffeId: string;
  readonly certificateSerial: string;
  readonly issuer: string;
  readonly trustDomain?: string;
  readonly issuingCaGeneration?: number;
  readonly notAfter: Instant;
  readonly joinedAt: Instant;
}

export interface IdentityServicePorts {
  readonly kubernetes: KubernetesClient;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly log: Log;
  /** Called after a join and every renewal, before the answer leaves: an identity counts as given once this has stored it. A lost answer is asked for again. */
  readonly onIdentity: (cluster: string, identity: ClusterIdentity) => void | Promise<void>;
  /** Throws where a cluster that was revoked may not join by a permission that was made then; undefined: one without a time. */
  readonly admitJoin: (cluster: string, madeAt: Instant | undefined) => Promise<void>;
}

export type IdentityService = Pick<GatewayHandler, 'join' | 'renew' | 'issueMeshCertificates'>;

export function createIdentityService({ kubernetes, authority, clock, digest, log, onIdentity, admitJoin }: IdentityServicePorts): IdentityService {
  async function memberOf(cluster: string, signal: CancelSignal): Promise<ClusterObject> {
    const object = await kubernetes.get<ClusterObject>(Cluster, { name: cluster }, signal);
    if (object === undefined) {
      throw new TransportError('user', 'PermissionDenied', `cluster "${cluster}": was removed from this hub; to add it again, make a token with "isthmus join ${cluster}"`);
    }
    return object;
  }

  async function ensureCluster(name: string, signal: CancelSignal): Promise<void> {
    if (await kubernetes.get<ClusterObject>(Cluster, { name }, signal) !== undefined) return;
    const object: ClusterObject = { apiVersion: apiVersionOf(Cluster), kind: Cluster.kind, metadata: { name }, spec: {} };
    try {
      await kubernetes.create(Cluster, object, { fieldManager: HUB_FIELD_MANAGER }, signal);
    } catch (error) {
      if (!(error instanceof KubernetesError) || error.reason !== 'AlreadyExists') throw error;
    }
  }

  async function hand(cluster: string, issued: IssuedAgent, joinedAt: Instant): Promise<IssuedIdentity> {
    const { chainPem, bundlePem, trustDomain, notAfter, spiffeId, serial, issuer, issuingCaGeneration } = issued;
    await onIdentity(cluster, { spiffeId, certificateSerial: serial, issuer, trustDomain, issuingCaGeneration, notAfter, joinedAt });
    return { chainPem, bundlePem, trustDomain, notAfter };
  }

  return {
    join: (request, signal) => answering(async () => {
      const token = await findJoinToken(kubernetes, digest, clock.now(), request, signal);
      await admitJoin(request.cluster, fromRfc3339(token.metadata.creationTimestamp));
      // Before the token is spent: a request that is refused must not cost it.
      const issued = authority.issueAgent(request.cluster, request.csrDer);
      const redeemer = { publicKeySha256: digest(Buffer.from(issued.publicKeyDer).toString('base64')), certificateSerial: issued.serial };
      const joinedAt = await spendJoinToken(kubernetes, token, redeemer, clock.now(), signal);
      // A revocation may have come in between: what it refuses must not count as joined after it.
      await admitJoin(request.cluster, fromRfc3339(token.metadata.creationTimestamp));
      await ensureCluster(request.cluster, signal);
      const identity = await hand(request.cluster, issued, joinedAt);
      log.info({ cluster: request.cluster, serial: issued.serial, token: token.metadata.name }, 'cluster joined');
      return identity;
    }),
    renew: (peer, csrDer, signal) => answering(async () => {
      const member = await memberOf(peer.cluster, signal);
      const issued = authority.issueAgent(peer.cluster, csrDer);
      const identity = await hand(peer.cluster, issued, fromRfc3339(member.status?.identity?.joinedAt) ?? clock.now());
      log.info({ cluster: peer.cluster, serial: issued.serial, replaces: peer.certificateSerial }, 'renewed an identity');
      return identity;
    }),
    issueMeshCertificates: (peer, requests, signal) => answering(async () => {
      const member = await memberOf(peer.cluster, signal);
      const certificates = authority.issueMesh(peer.cluster, requests, member.status?.cilium?.namespace ?? CILIUM_NAMESPACE);
      log.info({ cluster: peer.cluster, roles: certificates.map((certificate) => certificate.role) }, 'issued mesh certificates');
      return certificates;
    }),
  };
}

/** Every failure as the closed set that agents understand. */
async function answering<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TransportError) throw error;
    if (error instanceof CertificateRequestRejected) throw new TransportError('never', 'InvalidRequest', error.message);
    if (error instanceof KubernetesError || error instanceof KubernetesUnreachable) {
      throw new TransportError('retry', 'Overloaded', `the hub cannot reach its own Kubernetes API: ${error.message}`);
    }
    throw new TransportError('retry', 'Overloaded', `the hub cannot issue certificates now: ${messageOf(error)}`);
  }
}
