/** A cluster's mesh etcd as one of its readers sees it. Implementations: gRPC over TLS with client certificates, and in memory for the simulator. */
import type { Instant } from '../model/instant.ts';
import type { CancelSignal } from './cancel.ts';

/** PEM as it stands in the files that Cilium would use; never logged. */
export interface EtcdCredentials {
  /** Roots that the server's certificate must come from. */
  readonly caPem: string;
  /** Leaf first. */
  readonly certPem: string;
  readonly keyPem: string;
}

export interface EtcdTarget extends EtcdCredentials {
  /** `https://HOST:PORT`. The server's certificate must name HOST. */
  readonly endpoint: string;
  /** Where HOST is found, as hosts aliases say; absent or empty: by DNS. */
  readonly addresses?: readonly string[];
}

export interface EtcdRange {
  readonly key: string;
  /** First key that is not meant any more; absent: `key` alone. `prefixEnd` makes it of a prefix. */
  readonly rangeEnd?: string;
  /** Most entries to hear, at least 1; the server may hold more (`count`). */
  readonly limit?: number;
  /** No entries, only how many there are. */
  readonly countOnly?: boolean;
  readonly keysOnly?: boolean;
}

export interface EtcdEntry {
  readonly key: string;
  readonly value: string;
  readonly modRevision: number;
}

export interface EtcdAnswer {
  readonly entries: readonly EtcdEntry[];
  /** Of all in the range, whatever `limit` is. */
  readonly count: number;
  readonly revision: number;
}

/** Life of the leaf that the server presented. */
interface EtcdServerCertificate {
  readonly notBefore: Instant;
  readonly notAfter: Instant;
}

/** One connection that was made for this. */
export interface EtcdConnection {
  readonly server: EtcdServerCertificate;
  range(request: EtcdRange): Promise<EtcdAnswer>;
  /** Whether the server would let us write `key`, which must be one that we may read: asked by a transaction whose condition never holds, so nothing is ever written. */
  mayWrite(key: string): Promise<boolean>;
  close(): void;
}

export interface EtcdConnector {
  /**
   * Always a new TCP connection and a whole TLS handshake: no session is resumed. Resolves once the server has spoken after it, which proves that it took our certificate.
   * Rejects with `EtcdError`, and so does every question; after any of them but `PermissionDenied` the connection is over.
   */
  open(target: EtcdTarget, signal: CancelSignal): Promise<EtcdConnection>;
}

export type EtcdProblem =
  | 'InvalidTarget' | 'NameUnresolved' | 'Unreachable' | 'NotTls' | 'UntrustedServer' | 'ServerNameMismatch' | 'ServerCertificateExpired' | 'ServerCertificateNotYetValid' | 'ClientCertificateRefused'
  | 'PermissionDenied' | 'Unavailable' | 'Timeout' | 'TooLarge' | 'Malformed' | 'Cancelled';

/** `user`: a person (or a change of what is written) must act; `retry`: later, by itself. */
const ADVICE: Readonly<Record<EtcdProblem, 'user' | 'retry'>> = {
  InvalidTarget: 'user', NameUnresolved: 'retry', Unreachable: 'retry', NotTls: 'user', UntrustedServer: 'user', ServerNameMismatch: 'user', ServerCertificateExpired: 'user',
  ServerCertificateNotYetValid: 'retry', ClientCertificateRefused: 'user', PermissionDenied: 'user', Unavailable: 'retry', Timeout: 'retry', TooLarge: 'user', Malformed: 'user', Cancelled: 'retry',
};

export class EtcdError extends Error {
  readonly reason: EtcdProblem;
  readonly advice: 'user' | 'retry';
  constructor(reason: EtcdProblem, message: string) {
    super(message);
    this.name = 'EtcdError';
    this.reason = reason;
    this.advice = ADVICE[reason];
  }
}

/** First key behind all that begin with `prefix`, which ends in an ASCII character, as every prefix of Cilium does. */
export const prefixEnd = (prefix: string): string => prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
