/** What people and other parts of the hub see of the authority: everything but keys. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { RotationTarget } from '../../mesh/model/trust.ts';
import type { AuthorityStanding, FinishedRotation, Rotation, RotationOrder } from './document.ts';

/** Of a root or an issuing CA. */
interface CertificateState {
  readonly generation: number;
  readonly subject: string;
  /** What leaves name as their issuer. */
  readonly commonName: string;
  /** Upper-case hex. */
  readonly serial: string;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly state: AuthorityStanding;
  readonly taintedAt?: Instant;
  readonly certificatePem: string;
}

export interface RootState extends CertificateState {
  /** In the bundle. */
  readonly trusted: boolean;
  /** Where its key is. `Held`: in the hub's key store; `Nowhere`: forgotten. */
  readonly key: 'Held' | 'File' | 'Command' | 'Offline' | 'Nowhere';
}

export interface IssuerState extends CertificateState {
  /** Generation of its root. */
  readonly root: number;
  readonly signs: readonly ('client' | 'server')[];
}

interface RequestState {
  /** PKCS#10, PEM: what `isthmus identity root sign --request` takes. Its key stays in the hub. */
  readonly requestPem: string;
  readonly root: number;
  readonly since: Instant;
  /** Host names and addresses of the hub that the signed certificate must permit. */
  readonly hosts: readonly string[];
}

/** Closed set, worst first. None of them stops what still works. */
type AuthorityProblemReason =
  /** Nothing can be issued. */
  | 'NoIssuer'
  /** A key that others may hold signs, because there is no other. */
  | 'TaintedSigns'
  /** A tainted one is still believed: only a rotation of the root ends that. */
  | 'TaintedTrusted'
  /** An issuing CA waits for the root's signature. */
  | 'SignatureNeeded'
  /** The root's file or command does not work; it is tried again. */
  | 'RootKeyFails'
  /** Agents reach the hub by a name that the issuing CA may not sign for. */
  | 'HostNotPermitted'
  /** The root ends within a year. */
  | 'RootEnds';

export interface AuthorityProblem {
  readonly reason: AuthorityProblemReason;
  /** A sentence with the way out; no secret. */
  readonly message: string;
}

export interface AuthorityState {
  readonly trustDomain: string;
  readonly sequence: number;
  readonly roots: readonly RootState[];
  readonly issuers: readonly IssuerState[];
  readonly request?: RequestState;
  /** Absent: Standby. `blocked`: why it cannot take its next step, whatever the fleet believes. */
  readonly rotation?: Rotation & { readonly blocked?: string };
  /** The rotation that ended last; `begin` of the same id does nothing. */
  readonly finished?: FinishedRotation;
  /** Least generation of the issuing CA that leaves must have. */
  readonly renewClientsFrom: number;
  readonly renewServersFrom: number;
  readonly problems: readonly AuthorityProblem[];
}

/** Exactly one of them: the serial of a root or an issuing CA, or a generation. */
export type Taintable = { readonly serial: string } | { readonly of: 'Root' | 'Issuing'; readonly generation: number };

/**
 * Every change is one conditional write of the document: of two hubs one wins, the other sees what it did. All resolve with the state after it, do nothing
 * where it is so already, and throw `AuthorityRefusal` where the state forbids it.
 */
export interface AuthorityControl {
  state(): AuthorityState;
  /** Standby → Init. */
  begin(order: RotationOrder, signal: CancelSignal): Promise<AuthorityState>;
  /** `id` of the rotation that is meant. Init → UpdateClients → UpdateServers → Cleanup → Standby, no step left out. */
  move(id: string, to: RotationTarget, signal: CancelSignal): Promise<AuthorityState>;
  /** From any phase before the old one is dropped: from Init to Cleanup, else to UpdateClients, from where it goes on by `move`. */
  rollBack(id: string, signal: CancelSignal): Promise<AuthorityState>;
  /** A tainted issuing CA signs nothing more as soon as another one can: at once where the hub reaches the root's key. */
  taint(which: Taintable, at: Instant, signal: CancelSignal): Promise<AuthorityState>;
  /** A certificate for the open request, signed by its root; intermediates may follow it. */
  install(issuingCertificatePem: string, signal: CancelSignal): Promise<AuthorityState>;
  /** Called after every change that this hub makes or sees. Returns how to end it. */
  onChange(listener: (state: AuthorityState) => void): () => void;
}
