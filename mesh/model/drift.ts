/** Drift as the hub judges it: how serious a change by others is, what follows from that, and what people decided. */
import type { DriftEntry } from './desired.ts';
import type { Instant } from './instant.ts';
import type { ClusterSelector } from './selector.ts';

export const DRIFT_CLASSES = ['acceptable', 'transient', 'suspicious', 'dangerous'] as const;
export type DriftClass = (typeof DRIFT_CLASSES)[number];

/** Each does all that the one before it does. `ignore`: shown only. `wait`: nothing yet. `hold`: the cluster stays out of runs. `alert`: besides, people are told. */
export const DRIFT_ACTIONS = ['ignore', 'wait', 'hold', 'alert'] as const;
type DriftAction = (typeof DRIFT_ACTIONS)[number];

interface DriftRule {
  /** CEL over `drift`, `cluster`, `labels` and `properties`, true or false. */
  readonly match: string;
  readonly class: DriftClass;
}

/** A DriftPolicy whose schema is right; its expressions may still be wrong. */
export interface DriftPolicyValue {
  readonly name: string;
  readonly clusters: ClusterSelector;
  /** In order: the first that matches. None: suspicious. */
  readonly rules: readonly DriftRule[];
  /** Transient drift that is older than this is suspicious. */
  readonly transientSeconds: number;
  /** How long a person's change holds before it is asked about aloud. */
  readonly holdSeconds: number;
  readonly actions: Readonly<Record<DriftClass, DriftAction>>;
}

/** One change by others, judged. */
export interface ClassifiedDrift extends DriftEntry {
  readonly class: DriftClass;
  readonly action: DriftAction;
  /** null: holds nothing. Past: the hold has expired, and is an alert. */
  readonly heldUntil: Instant | null;
  readonly holdExpired: boolean;
  /** Name of the DriftPolicy that chose the class; null: no policy did. */
  readonly policy: string | null;
  /** Name of the DriftDecision that says what becomes of exactly this change; null: none does. */
  readonly decision: string | null;
}

/** What the hub believes of one cluster's drift. */
export interface DriftVerdict {
  /** Sorted by object, then path. */
  readonly entries: readonly ClassifiedDrift[];
  /** Changes that the agent found beyond those. */
  readonly omitted: number;
  /** Why the cluster stays out of runs, for people; null: it does not. */
  readonly held: string | null;
  /** What people are told aloud; null: nothing. */
  readonly alert: { readonly reason: 'DangerousDrift' | 'HoldExpired' | 'Contended'; readonly message: string } | null;
  /** Rules that could not be evaluated, by policy: sentences for its condition. What they would have judged is suspicious. */
  readonly problems: readonly { readonly policy: string; readonly message: string }[];
  /** When time alone changes any of this; null: never. */
  readonly wakeAt: Instant | null;
}

/** One change, by the digest of what stands there. A newer change has another digest and is not meant. */
export interface DecidedChange {
  readonly object: string;
  readonly path: string;
  /** As `DriftEntry.actual`: `sha256:` and hex, `absent`, or a short value. */
  readonly actual: string;
}

/** A DriftDecision: what a person wants to become of changes by others. It reaches the cluster through a run, as part of its desired state. */
export interface DriftDecisionValue {
  readonly name: string;
  readonly cluster: string;
  readonly action: 'accept' | 'revert';
  readonly changes: readonly DecidedChange[];
  readonly reason: string;
  readonly requestedBy: string;
  /** Of several on the same change the newest counts. */
  readonly createdAt: Instant;
}
