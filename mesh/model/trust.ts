/** Whom a cluster believes and by whose signature it is believed: as it is there, not as it was asked to be. */
import type { Instant } from './instant.ts';

/** In their order; without a rotation the authority stands by. */
export const ROTATION_PHASES = ['Init', 'UpdateClients', 'UpdateServers', 'Cleanup'] as const;
export type RotationPhase = typeof ROTATION_PHASES[number];
export type RotationTarget = RotationPhase | 'Standby';

export const phaseAfter = (phase: RotationPhase): RotationTarget => ROTATION_PHASES[ROTATION_PHASES.indexOf(phase) + 1] ?? 'Standby';

/** Told by an agent once everything of it is so: Secrets are written, pods that read them at their start alone have been replaced. */
export interface TrustUse {
  /** Of the bundle that all programs of the cluster believe. */
  readonly sequence: number;
  /** Common names of the issuing CAs of the leaves in use: the agent's own and those of the mesh's clients. Sorted. */
  readonly clientIssuers: readonly string[];
  /** Of the mesh's server. Sorted; empty: the cluster has none. */
  readonly serverIssuers: readonly string[];
}

/** Sequence of the bundle that everybody believes by joining, until there is another one. */
export const FIRST_BUNDLE = 1;

/** One cluster while a rotation waits for the fleet. */
export interface ClusterTrust {
  readonly name: string;
  /** Cut off: nobody waits for it. */
  readonly revoked: boolean;
  readonly connected: boolean;
  /** Since when `connected` is as it is; undefined: not seen since the hub started. */
  readonly since?: Instant;
  /** undefined: its agent has not said, or is of a version that does not say. */
  readonly use?: TrustUse;
  /** What its agent says that there is still to come, for people; absent: nothing. */
  readonly said?: string;
}

export interface WaitedCluster {
  readonly cluster: string;
  /** A sentence without the name. */
  readonly why: string;
}

/** Of one issuing CA and its leaves, at most; of waiting clusters in a status. */
export const MAX_TRUST_ISSUERS = 8;
export const MAX_SHOWN_WAITING = 10;
