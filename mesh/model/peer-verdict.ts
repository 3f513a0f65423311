/** What an agent finds when it opens a peer's etcd as its own cluster's Cilium does. */
import type { Instant } from './instant.ts';

export const COLOURS = ['green', 'yellow', 'red'] as const;
export type Colour = typeof COLOURS[number];

export const MAX_VERDICT_REASONS = 8;
export const LONGEST_VERDICT_TEXT = 200;
export const MAX_FIGURES = 16;

export interface VerdictReason {
  /** One of `REASONS` (mesh/verify); an agent of a newer version may know more. */
  readonly code: string;
  /** What was seen, in a sentence. */
  readonly text: string;
}

/** Of one ordered pair. Sent when colour, codes or texts change, and when it was asked for: times and figures are of then. */
export interface PeerVerdict {
  /** Who reads: the agent's cluster. */
  readonly cluster: string;
  readonly peer: string;
  readonly colour: Colour;
  /** Worst first; empty where it is green. */
  readonly reasons: readonly VerdictReason[];
  /** Colour and codes are as they are since then. */
  readonly since: Instant;
  /** End of the look that it rests on. */
  readonly at: Instant;
  /** Id of the question that the look was made for; absent: for none. */
  readonly question?: string;
  /** Whole numbers by name: ages and lives in seconds, counts of what the peer shares. */
  readonly figures: Readonly<Record<string, number>>;
}
