/** The authority's keys and certificates as one document of text: what a KeyStore keeps. Secret. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';

export interface StoredAuthority {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Of issuing CAs: 1 for the first, one more with each renewal. Absent in documents of versions that did not count: see `generationOf`. */
  readonly generation?: number;
}

export interface AuthorityDocument {
  readonly schema: 1;
  readonly trustDomain: string;
  /** Grows with every change of the set of roots. */
  readonly sequence: number;
  /** All are trusted; the last one signs issuing CAs. */
  readonly roots: readonly StoredAuthority[];
  /** Oldest first. */
  readonly issuers: readonly StoredAuthority[];
}

/** Where nothing was counted yet, the oldest that is still there counts as the first. */
export const generationOf = ({ issuers }: Pick<AuthorityDocument, 'issuers'>, index: number): number => issuers[index]?.generation ?? index + 1;

/** Keeps one document. Of several writers at once exactly one succeeds: the others load again. */
export interface KeyStore {
  load(signal: CancelSignal): Promise<{ readonly content: string; readonly version: string } | undefined>;
  /** `version` as loaded, undefined: create. False, and nothing written: somebody else wrote in between. */
  save(content: string, version: string | undefined, signal: CancelSignal): Promise<boolean>;
}

/** A person must act. The text never quotes the document. */
export class AuthorityUnusable extends Error {
  readonly advice = 'user';
  constructor(message: string) {
    super(message);
    this.name = 'AuthorityUnusable';
  }
}

export function parseDocument(content: string, trustDomain: string): AuthorityDocument {
  let parsed: Partial<AuthorityDocument> | null;
  try {
    parsed = JSON.parse(content) as Partial<AuthorityDocument> | null;
  } catch {
    parsed = null;
  }
  if (parsed?.schema !== 1 || typeof parsed.sequence !== 'number' || !isStoredList(parsed.roots) || !isStoredList(parsed.issuers)) {
    throw new AuthorityUnusable('certificate authority: its stored document is damaged or of a newer version; restore it from a backup, or delete it to start anew, after which every cluster must join again');
  }
  if (parsed.trustDomain !== trustDomain) {
    throw new AuthorityUnusable(`certificate authority: was made for trust domain ${JSON.stringify(parsed.trustDomain)}, the hub is set to ${JSON.stringify(trustDomain)}; set the hub's trust domain back`);
  }
  return parsed as AuthorityDocument;
}

function isStoredList(value: unknown): value is readonly StoredAuthority[] {
  return Array.isArray(value) && value.length > 0
    && value.every((item: Partial<StoredAuthority> | null) => typeof item?.certificatePem === 'string' && typeof item.keyPem === 'string');
}
