/** What keeps a mesh from being planned, as data. */

type ConflictReason =
  | 'InvalidSelector' | 'ClusterInTwoMeshes' | 'TooManyClusters' | 'ReportMissing' | 'CiliumMissing' | 'ClusterNameMismatch' | 'ClusterNameInvalid' | 'RoutingModeMismatch' | 'TunnelProtocolMismatch' | 'EncryptionMismatch' | 'IPFamilyMismatch' | 'MaxConnectedClustersMismatch' | 'AuthModeLegacy'
  | 'InvalidTopology' | 'GroupUnknown' | 'GroupWithoutGateway'
  | 'ClusterIdConflict' | 'CidrOverlap' | 'VersionSkew' | 'MissingEndpoint';

export interface Conflict {
  readonly reason: ConflictReason;
  /** Names the clusters, the field, the values and the way out. */
  readonly message: string;
  /** Sorted. */
  readonly clusters: readonly string[];
}
