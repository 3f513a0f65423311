/** Checks before a mesh is written that people can skip, and their word for it. */

/** Those where a person can know better than the hub: of networks, and of what other programs do. Ids, names and membership are none. Sorted. */
export const SKIPPABLE_CHECKS = [
  'CidrOverlap', 'EncryptionMismatch', 'EndpointUncertified', 'EndpointUnreachable', 'IdentityModeMismatch', 'RemoteUsersNotRead', 'RoutingModeMismatch', 'ServiceCidrOverlap', 'TrustMismatch', 'TunnelProtocolMismatch', 'VersionSkew',
] as const;
type SkippableCheck = (typeof SKIPPABLE_CHECKS)[number];

export interface CheckSkip {
  readonly check: SkippableCheck;
  /** A finding is skipped where all of its clusters are here; absent: every finding of the check is. */
  readonly clusters?: readonly string[];
  readonly reason: string;
}

export const MAX_SKIPS = 32;
export const MAX_SKIP_CLUSTERS = 64;
