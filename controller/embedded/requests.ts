/** What callers ask of the API, and the pages that come back. */
import type { Propagation } from './metadata.ts';
import type { JsonObject } from './json.ts';
import type { ServedKind } from './kinds.ts';

export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListRequest extends Selection {
  readonly limit?: number;
  readonly continueToken?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  /** Refused: it is for watches. */
  readonly sendInitialEvents?: boolean;
}

export interface WatchRequest extends Selection {
  /** Absent, empty or `0`: begins with everything there is. */
  readonly resourceVersion?: string;
  /** `NotOlderThan` together with `sendInitialEvents`, and not without. */
  readonly resourceVersionMatch?: string;
  /** Refused: it is for lists. */
  readonly continueToken?: string;
  /** Begins with everything there is, then a bookmark that says so. */
  readonly sendInitialEvents?: boolean;
}

type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** How a body is read. */
export interface Decoding {
  readonly fieldValidation?: FieldValidation;
  readonly warnings?: string[];
  /** What the text of the body said twice, in the words of the decoder; the last one counts. */
  readonly duplicates?: readonly string[];
  /** An applied configuration: what it says counts, also where it is empty; what is no value of this schema makes it void. */
  readonly asWritten?: ServedKind['schema'];
}

export interface WriteRequest extends Decoding {
  readonly fieldManager: string;
  readonly dryRun?: boolean;
  readonly subresource?: 'status';
  readonly admit?: Admit;
  readonly stamp?: Stamp;
}

/** Writes into what will be stored what the server knows better than the caller; both in the request's version, `live` undefined: it is new. Not asked of status. */
export type Stamp = (kind: ServedKind, next: JsonObject, live: JsonObject | undefined) => void;

/** Has the last word on what would be stored, and throws to refuse: `next` in the request's version, undefined: it would go; `live` as it is stored, undefined: it would be new. */
export type Admit = (kind: ServedKind, next: JsonObject | undefined, live: JsonObject | undefined) => void;

export interface PatchRequest extends WriteRequest {
  readonly type: 'json' | 'merge' | 'strategic' | 'apply';
  readonly force?: boolean;
}

export interface DeleteRequest {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: Propagation;
  readonly dryRun?: boolean;
  readonly admit?: Admit;
}

export interface Page {
  readonly resourceVersion: string;
  readonly items: readonly JsonObject[];
  readonly continueToken: string | undefined;
  readonly remaining: number | undefined;
}
