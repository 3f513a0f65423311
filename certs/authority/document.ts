/** The authority's keys and certificates as one document of text: what a KeyStore keeps. Secret. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { RotationPhase } from '../../mesh/model/trust.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';

/** `prepared`: trusted or ready, and signs nothing yet. `active`: signs. `old`: signs nothing any more, what it signed may still be in use. */
export type AuthorityStanding = 'prepared' | 'active' | 'old';

export interface StoredAuthority {
  readonly certificatePem: string;
  /** PKCS#8. Absent: the key is elsewhere (a root in a file, a key service, a safe), or is not needed any more and was forgotten. */
  readonly keyPem?: string;
  /** 1 for the first of its kind, one more with each successor: of two issuing CAs, the greater one came to sign later. */
  readonly generation: number;
  readonly state: AuthorityStanding;
  /** Somebody else may hold its key since then. */
  readonly taintedAt?: Instant;
}

export interface StoredIssuer extends StoredAuthority {
  /** Generation of the root that it chains to. */
  readonly root: number;
  /** Between it and the root, the one that the root signed last; empty or absent: the root signed it itself. */
  readonly intermediatesPem?: string;
}

/** An issuing CA that waits for the signature of a root whose key the hub does not have. */
interface StoredRequest {
  /** PKCS#10, PEM. */
  readonly requestPem: string;
  readonly keyPem: string;
  /** Generation of the root that is to sign. */
  readonly root: number;
  readonly since: Instant;
}

/** Of the issuing CA below the same root, or of the root and with it the issuing CA. */
type RotationOf = 'Issuing' | 'Root';

export interface RotationOrder {
  readonly id: string;
  readonly of: RotationOf;
  readonly reason: string;
  /** Who asked for it. */
  readonly by: string;
}

export interface Rotation extends RotationOrder {
  readonly phase: RotationPhase;
  /** When it came into this phase. */
  readonly since: Instant;
  /** On its way back: what was new is given up, what was old stays. */
  readonly back?: true;
}

export interface FinishedRotation {
  readonly id: string;
  readonly of: RotationOf;
  readonly at: Instant;
  readonly back?: true;
}

/** Generations. */
export interface Line {
  readonly root: number;
  /** Absent: not made or not signed yet. */
  readonly issuer?: number;
}

export interface StoredRotation extends Rotation {
  readonly from: Line;
  readonly to: Line;
}

export interface AuthorityDocument {
  readonly schema: 2;
  readonly trustDomain: string;
  /** Grows with every change of the bundle. */
  readonly sequence: number;
  /** Oldest first; at most one is active. */
  readonly roots: readonly StoredAuthority[];
  /** Sorted by generation. May be empty: the first one waits for its signature. */
  readonly issuers: readonly StoredIssuer[];
  readonly request?: StoredRequest;
  readonly rotation?: StoredRotation;
  /** Fingerprints of certificates that came from elsewhere, the newest last: whoever keeps offering one is told that it is done. Absent: none ever came. */
  readonly installed?: readonly string[];
  /** The rotation that ended last. */
  readonly finished?: FinishedRotation;
  /** By which agents reach the hubs: what the next issuing CA may sign for. Absent: none was ever said. */
  readonly hosts?: readonly string[];
  /** How many there ever were: numbers of generations are never given twice. */
  readonly made: { readonly roots: number; readonly issuers: number };
  /** Least generation of the issuing CA that client and server leaves must have; those of older ones are to be replaced now. */
  readonly clientsFrom: number;
  readonly serversFrom: number;
}

/** Keeps one document. Of several writers at once exactly one succeeds: the others load again. */
export interface KeyStore {
  load(signal: CancelSignal): Promise<{ readonly content: string; readonly version: string } | undefined>;
  /** `version` as loaded, undefined: create. False, and nothing written: somebody else wrote in between. */
  save(content: string, version: string | undefined, signal: CancelSignal): Promise<boolean>;
  /** Asked before the first document is made: the sequence of its bundle. Throws where there was a document before, which is lost. Absent: 1. */
  firstSequence?(signal: CancelSignal): Promise<number>;
}

/** A person must act. The text never quotes the document. */
export class AuthorityUnusable extends Error {
  readonly advice = 'user';
  constructor(message: string) {
    super(message);
    this.name = 'AuthorityUnusable';
  }
}

/** What was asked for is not done, because the authority's state forbids it. */
export class AuthorityRefusal extends Error {
  readonly advice = 'user';
  constructor(message: string) {
    super(message);
    this.name = 'AuthorityRefusal';
  }
}
