/** How hub, agents and peers reach each other. Implementations: gRPC with mTLS, and in memory for the simulator. */
import type { Revocation } from '../model/revocation.ts';
import type { ExportFact } from '../model/service.ts';
import type { SyncMessage } from '../model/sync.ts';
import type { CancelSignal } from './cancel.ts';

/** Who is at the other end, proven by its certificate: never taken from a message. */
export interface PeerIdentity {
  readonly cluster: string;
  readonly spiffeId: string;
  readonly certificateSerial: string;
  /** Of the certificate; absent: not known, which counts as before any revocation. */
  readonly notBefore?: number;
  /** SHA-256 of its public key, hex; absent: not known, which counts as nobody's. */
  readonly keyFingerprint?: string;
}

/** PEM; `chainPem` is leaf first, then issuing CA. `bundlePem` holds the roots to trust. */
export interface IdentityMaterial {
  readonly cluster: string;
  readonly trustDomain: string;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly bundlePem: string;
}

export interface IssuedIdentity {
  readonly chainPem: string;
  readonly bundlePem: string;
  readonly trustDomain: string;
  readonly notAfter: number;
}

export type MeshCertificateRole = 'server' | 'admin' | 'remote' | 'local';

export interface MeshCertificateRequest {
  readonly role: MeshCertificateRole;
  /** PKCS#10, DER. Only its public key is used; names come from the caller's identity. */
  readonly csrDer: Uint8Array;
}

/** With one proof: either a join token's secret, or a service-account token of the cluster. */
export interface JoinRequest {
  readonly cluster: string;
  /** Of a join token; empty: none. */
  readonly secret: Uint8Array;
  /** A JSON Web Token; absent: none. */
  readonly serviceAccountToken?: string;
  /** PKCS#10, DER. Only its public key is used. */
  readonly csrDer: Uint8Array;
}

export interface MeshCertificate {
  readonly role: MeshCertificateRole;
  readonly chainPem: string;
  readonly bundlePem: string;
  readonly notAfter: number;
}

/**
 * Closed set of refusals. `user`: a person must act; `retry`: later, by itself; `never`: the same call will never succeed.
 * Carried over gRPC as status code plus this text.
 */
export class TransportError extends Error {
  readonly advice: 'user' | 'retry' | 'never';
  readonly reason: 'Unreachable' | 'Unauthenticated' | 'PermissionDenied' | 'TokenInvalid' | 'TokenExpired' | 'TokenUsed' | 'Pending' | 'InvalidRequest' | 'Cancelled' | 'Overloaded';
  /** The other side, proven by its certificate, was reached and gave an answer, if only this refusal. false: not known. */
  readonly answered: boolean;
  constructor(advice: 'user' | 'retry' | 'never', reason: TransportError['reason'], message: string, answered = false) {
    super(message);
    this.name = 'TransportError';
    this.answered = answered;
    this.advice = advice;
    this.reason = reason;
  }
}

/** A transport ends a stream whose other side has been silent for that long, unasked and asked (keepalive): an open one was heard of since. */
export const LONGEST_SILENCE = { askedAfterSeconds: 30, answeredWithinSeconds: 10 } as const;

/** One open bidirectional stream. */
export interface SyncStream {
  /** Resolves when the transport can take another message (back-pressure); rejects with `TransportError` once the stream is gone. */
  send(message: SyncMessage): Promise<void>;
  /** Ends when the other side or `close` ends the stream; throws `TransportError` when it breaks. */
  readonly messages: AsyncIterable<SyncMessage>;
  /**
   * The types that the other side says it publishes, said before its first message; none where it says nothing, as versions before `LATER_TYPES` do. Never rejects, and
   * stays open where nothing comes. Absent: as none.
   */
  readonly offered?: Promise<readonly string[]>;
  close(reason: string): void;
}

/** What the hub answers to agents. */
export interface GatewayHandler {
  join(request: JoinRequest, signal: CancelSignal): Promise<IssuedIdentity>;
  renew(peer: PeerIdentity, csrDer: Uint8Array, signal: CancelSignal): Promise<IssuedIdentity>;
  issueMeshCertificates(peer: PeerIdentity, requests: readonly MeshCertificateRequest[], signal: CancelSignal): Promise<readonly MeshCertificate[]>;
  /** Lives as long as the stream; `signal` aborts when the stream is gone or the hub stops. */
  sync(peer: PeerIdentity, stream: SyncStream, signal: CancelSignal): Promise<void>;
}

/** What a server presents and trusts. Read again at every handshake, so that a renewed certificate or a new root needs no restart. */
export interface ServerMaterial {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly bundlePem: string;
  readonly trustDomain: string;
}

export interface GatewayServer {
  /** Resolves once listening, with the address agents can dial (`host:port`); serves until `signal` aborts. */
  serve(handler: GatewayHandler, material: () => ServerMaterial, signal: CancelSignal): Promise<{ readonly address: string }>;
}

/** An agent's authenticated connection to the hub. */
export interface HubConnection {
  renew(csrDer: Uint8Array, signal: CancelSignal): Promise<IssuedIdentity>;
  issueMeshCertificates(requests: readonly MeshCertificateRequest[], signal: CancelSignal): Promise<readonly MeshCertificate[]>;
  sync(signal: CancelSignal): SyncStream;
  close(): void;
}

export interface HubConnector {
  /** TLS pinned to `caPem`; no client certificate. */
  join(
    target: { readonly address: string; readonly trustDomain: string; readonly caPem: string },
    request: JoinRequest,
    signal: CancelSignal,
  ): Promise<IssuedIdentity>;
  /** Does not wait for the network: failures show in the calls. */
  connect(address: string, identity: IdentityMaterial): HubConnection;
}

/** What agents tell each other directly, so that a failover needs no hub. */
export interface PeerFacts {
  readonly cluster: string;
  /** The answering cluster's own exports. */
  readonly exports: readonly ExportFact[];
  /** How the answering agent sees the other clusters, as evidence for a quorum. */
  readonly reachability: readonly { readonly cluster: string; readonly reachable: boolean; readonly since: number }[];
}

export interface PeerHandler {
  facts(peer: PeerIdentity): Promise<PeerFacts>;
}

export interface PeerServer {
  serve(handler: PeerHandler, identity: () => IdentityMaterial, signal: CancelSignal): Promise<{ readonly address: string }>;
}

export interface PeerConnector {
  /** Refuses an answer whose certificate is not `cluster`'s, or is among those that a revocation refuses. */
  facts(target: { readonly cluster: string; readonly address: string; readonly refused?: Pick<Revocation, 'at'> }, identity: IdentityMaterial, signal: CancelSignal): Promise<PeerFacts>;
}

