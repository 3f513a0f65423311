/** One exported service as the zone needs it. */
import type { FailoverState } from '../model/failover.ts';
import type { Instant } from '../model/instant.ts';
import type { FailoverPolicyValue } from '../model/policy.ts';
import type { ExportFact, ServicePort, ServiceType } from '../model/service.ts';

export const CLUSTERSET = 'clusterset.local';
/** Of everything below `clusterset.local` but the version; KEP-1645's examples say 4, CoreDNS and Lighthouse 5. */
export const CLUSTERSET_TTL_SECONDS = 5;

export interface ZoneExport {
  readonly fact: ExportFact;
  /** When this agent last got the fact, or heard from its source that it still holds. */
  readonly heardAt: Instant;
  /** `hub`, or the cluster whose agent told it. */
  readonly heardFrom: string;
}

/** One service that is exported somewhere. Type and ports are the merged ones. */
export interface ZoneService {
  readonly namespace: string;
  readonly name: string;
  readonly type: ServiceType;
  readonly ports: readonly ServicePort[];
  /** Cluster IPs of this cluster's derived Service, empty while it has none; null: no ServiceImport here (its namespace is missing), so no name below `clusterset.local`. */
  readonly clusterSetIps: readonly string[] | null;
  /** Authorised exports, sorted by cluster. */
  readonly exports: readonly ZoneExport[];
  readonly policy: FailoverPolicyValue | null;
  readonly failover: FailoverState;
}
