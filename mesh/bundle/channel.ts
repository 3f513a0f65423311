/** What channels are decided from, as values. */
import type { BundleReference } from '../model/bundle.ts';
import type { Instant } from '../model/instant.ts';
import type { RunPhase } from '../model/rollout.ts';

export interface ChannelValue {
  readonly name: string;
  readonly package: string;
  /** The Bundle that a person has set; absent: none. */
  readonly bundle?: string;
  /** `from`: `Bundles`, or the name of a channel. */
  readonly autoUpdate?: { readonly range: string; readonly from: string };
  readonly minimumAgeSeconds: number;
  /** That its selector selects, sorted by name. */
  readonly clusters: readonly ChannelCluster[];
}

export interface ChannelCluster {
  readonly name: string;
  /** Of the channel's package, as assigned; null: none. */
  readonly bundle: BundleReference | null;
  /** The agent is connected and said of the very state that is assigned that it is in place. */
  readonly healthy: boolean;
  /** Why runs leave it alone now; null: they do not. */
  readonly held: string | null;
}

export interface BundleCandidate extends BundleReference {
  /** Of the Bundle object. */
  readonly name: string;
  readonly createdAt: Instant;
  /** Why no run may bring it; absent: any may. */
  readonly problem?: string;
}

/** A run that a channel made, or that a person made to repeat it or to take it back. */
export interface ChannelRun {
  readonly name: string;
  readonly channel: string;
  /** Of the Bundle. */
  readonly bundle: string;
  readonly digest: string;
  readonly phase: RunPhase;
  readonly finishedAt: Instant | null;
  /** Clusters on which it, or a run of the same digest before it, did not come to a good end: it is not tried again there by itself. */
  readonly spent?: ReadonlySet<string>;
  /** It takes the bundle back. */
  readonly undoes?: boolean;
}

export interface ChannelReason {
  readonly reason: 'Invalid' | 'Circle' | 'NoSuchChannel' | 'OtherPackage' | 'Overlap' | 'NoSuchBundle' | 'NotUsable' | 'NothingYet' | 'NoClusters' | 'NotPassed' | 'TooYoung' | 'Lower' | 'RunFailed' | 'TakenBack' | 'Held';
  readonly message: string;
}

/** A Bundle that a channel is to be on. */
export interface Wanted extends BundleReference {
  /** Of the Bundle object, which may be gone by now. */
  readonly name: string;
}

export interface ChannelDecision {
  readonly channel: string;
  /** What all of its clusters have; null: they differ, or have none. */
  readonly current: BundleReference | null;
  readonly wanted: Wanted | null;
  /** Why the channel does not make sense as it stands; null: it does. */
  readonly invalid: ChannelReason | null;
  /** Why it does not go on by itself; null: it does, or is where it wants to be. */
  readonly blocked: ChannelReason | null;
  /** Clusters that are not on `wanted`, sorted. */
  readonly behind: readonly string[];
  /** Its open run; null: none. */
  readonly openRun: string | null;
  /** A run for `wanted` is to be made now. */
  readonly makeRun: boolean;
  /** Of the run that is to be made: these alone, sorted; null: all that the channel selects. */
  readonly only: readonly string[] | null;
  /** When time alone changes this; null: it does not. */
  readonly wakeAt: Instant | null;
}
