/** All that the hub knows of one cluster at one moment. null: nothing heard (since this hub started), so what was believed before stays. */
import type { ClusterReport } from '../model/cluster.ts';
import type { StatusPending, StatusRevocation } from '../model/cluster-status.ts';
import type { AppliedReport } from '../model/desired.ts';
import type { DriftVerdict } from '../model/drift.ts';
import type { Assignment } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import type { ClusterClaims } from './claims.ts';

export interface ClusterFacts {
  readonly name: string;
  /** Absent: nothing speaks against what it says. */
  readonly claims?: ClusterClaims;
  /** `Cluster.spec.properties`. */
  readonly declared: Readonly<Record<string, string>>;
  readonly report: ClusterReport | null;
  readonly reportedAt: Instant | null;
  /** SPIFFE id of the reporting agent; null: none has spoken. */
  readonly reportedBy: string | null;
  readonly applied: AppliedReport | null;
  /** What the hub makes of the drift that is reported or, where nothing is heard, was; absent: nobody judges, and what is reported is shown as it is. */
  readonly drift?: DriftVerdict;
  readonly assignment: Assignment | null;
  readonly identity: { readonly spiffeId: string; readonly certificateSerial: string; readonly issuer: string; readonly notAfter: Instant; readonly trustDomain?: string | undefined; readonly issuingCaGeneration?: number | undefined; readonly keyFingerprint?: string | undefined; readonly previousKeyFingerprint?: string | undefined } | null;
  readonly joinedAt: Instant | null;
  readonly connected: boolean;
  /** When `connected` last changed; null: never connected to this hub. */
  readonly connectedSince: Instant | null;
  /** `namespace/name` of the services that the cluster exports. */
  readonly exports: readonly string[] | null;
  /** Absent: the cluster is not cut off. */
  readonly revocation?: StatusRevocation;
  /** Absent: no key asks to join. */
  readonly pending?: StatusPending;
}
