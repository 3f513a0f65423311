/** Gives clusters their identity: the part of the gateway that answers `Join`, `Renew` and `IssueMeshCertificates`. */
import { type Authority, CertificateRequestRejected, type IssuedAgent, keyFingerprint } from '../../../certs/index.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { ClusterAdmissionObject } from '../../../mesh/api/resources/cluster-admission.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import { clusterNameProblem } from '../../../mesh/model/names.ts';
import { Cluster, type ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf } from '../../../mesh/api/resources/define.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError, KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { type GatewayHandler, type IssuedIdentity, type JoinRequest, TransportError } from '../../../mesh/ports/transport.ts';
import { lineAfter, type LineOfKeys } from './line-of-keys.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Acceptance } from './acceptance.ts';
import type { JoinProof } from './proof.ts';
import { joinTokenProof } from './redeem.ts';
import { serviceAccountProof } from './service-account.ts';

/** Cilium's namespace until the cluster's agent has said which. */
const CILIUM_NAMESPACE = 'kube-system';

/** What `Cluster.status.identity` holds. */
export interface ClusterIdentity extends LineOfKeys {
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
  readonly acceptance: Acceptance;
  /** As they are now. */
  readonly admissions: () => readonly ClusterAdmissionObject[];
}

export type IdentityService = Pick<GatewayHandler, 'join' | 'renew' | 'issueMeshCertificates'>;

export function createIdentityService({ kubernetes, authority, clock, digest, log, onIdentity, admitJoin, acceptance, admissions }: IdentityServicePorts): IdentityService {
  async function memberOf(cluster: string, signal: CancelSignal): Promise<ClusterObject> {
    const object = await kubernetes.get<ClusterObject>(Cluster, { name: cluster }, signal);
    if (object === undefined) {
      throw new TransportError('user', 'PermissionDenied', `cluster "${cluster}": was removed from this hub; to add it again, make a token with "isthmus join ${cluster}"`);
    }
    return object;
  }

  async function ensureCluster(name: string, signal: CancelSignal): Promise<ClusterObject> {
    const object: ClusterObject = { apiVersion: apiVersionOf(Cluster), kind: Cluster.kind, metadata: { name }, spec: {} };
    const read = (): Promise<ClusterObject | undefined> => kubernetes.get<ClusterObject>(Cluster, { name }, signal);
    const before = await read();
    if (before !== undefined) return before;
    try {
      return await kubernetes.create<ClusterObject>(Cluster, object, { fieldManager: HUB_FIELD_MANAGER }, signal);
    } catch (error) {
      if (!(error instanceof KubernetesError) || error.reason !== 'AlreadyExists') throw error;
      return await read() ?? object;
    }
  }

  function proofOf({ cluster, secret, serviceAccountToken: token }: JoinRequest, publicKeySha256: string, signal: CancelSignal): Promise<JoinProof> {
    if (token === undefined) return joinTokenProof({ kubernetes, digest, clock }, { cluster, secret, publicKeySha256 }, signal);
    return serviceAccountProof({ kubernetes, clock, trustDomain: authority.trust().trustDomain, admissions }, { cluster, token, publicKeySha256 }, signal);
  }

  async function hand(cluster: string, issued: IssuedAgent, joinedAt: Instant, line: LineOfKeys): Promise<IssuedIdentity> {
    const { chainPem, bundlePem, trustDomain, notAfter, spiffeId, serial, issuer, issuingCaGeneration } = issued;
    await onIdentity(cluster, { spiffeId, certificateSerial: serial, issuer, trustDomain, issuingCaGeneration, notAfter, joinedAt, ...line });
    return { chainPem, bundlePem, trustDomain, notAfter };
  }

  return {
    join: (request, signal) => answering(async () => {
      const { cluster, csrDer } = request;
      const problem = clusterNameProblem('cluster', cluster);
      if (problem !== undefined) throw new TransportError('user', 'InvalidRequest', problem);
      // Before the token is spent: a request that is refused must not cost it.
      const publicKeyDer = authority.keyOfRequest(csrDer);
      const proof = await proofOf(request, digest(Buffer.from(publicKeyDer).toString('base64')), signal);
      await admitJoin(cluster, proof.madeAt);
      const object = acceptance.byHand ? await ensureCluster(cluster, signal) : await kubernetes.get<ClusterObject>(Cluster, { name: cluster }, signal);
      if (object !== undefined) await acceptance.demand(object, { keySha256: keyFingerprint(publicKeyDer), proof }, signal);
      const issued = authority.issueAgent(cluster, csrDer);
      const joinedAt = await proof.spend(issued.serial, signal);
      // A revocation may have come in between: what it refuses must not count as joined after it.
      await admitJoin(cluster, proof.madeAt);
      await ensureCluster(cluster, signal);
      acceptance.joined(cluster);
      const identity = await hand(cluster, issued, joinedAt, { keyFingerprint: keyFingerprint(publicKeyDer) });
      log.info({ cluster, serial: issued.serial, by: proof.name }, 'cluster joined');
      return identity;
    }),
    renew: (peer, csrDer, signal) => answering(async () => {
      const member = await memberOf(peer.cluster, signal);
      const issued = authority.issueAgent(peer.cluster, csrDer);
      const known = member.status?.identity;
      const identity = await hand(peer.cluster, issued, fromRfc3339(known?.joinedAt) ?? clock.now(), lineAfter(peer, known, keyFingerprint(issued.publicKeyDer)));
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
