/** Every custom resource that Isthmus defines or serves. */
import { AccessPolicy } from './access-policy.ts';
import { Approval } from './approval.ts';
import { CertificateAuthority } from './authority.ts';
import { Bundle, Channel } from './bundle.ts';
import { Cluster } from './cluster.ts';
import { ClusterAdmission } from './cluster-admission.ts';
import type { ResourceDefinition } from './define.ts';
import { Drill } from './drill.ts';
import { DriftDecision, DriftPolicy } from './drift-policy.ts';
import { FleetQuery } from './fleet-query.ts';
import { Inquiry } from './inquiry.ts';
import { JoinToken } from './join-token.ts';
import { Mesh } from './mesh.ts';
import { ServiceExport, ServiceImport } from './multicluster.ts';
import { ExportPolicy, FailoverPolicy, GlobalService } from './policies.ts';
import { UpdateRun, UpdateStrategy } from './updates.ts';
import { ChangeWindow, WindowOverride } from './windows.ts';

export { AccessPolicy, Approval, Bundle, CertificateAuthority, ChangeWindow, Channel, Cluster, ClusterAdmission, DriftDecision, DriftPolicy, Drill, ExportPolicy, FailoverPolicy, FleetQuery, GlobalService, Inquiry, JoinToken, Mesh, ServiceExport, ServiceImport, UpdateRun, UpdateStrategy, WindowOverride };
export { apiVersionOf, type ResourceDefinition } from './define.ts';

/** Served by the hub's Kubernetes API. */
export const HUB_RESOURCES: readonly ResourceDefinition[] = [
  AccessPolicy, Approval, Bundle, CertificateAuthority, ChangeWindow, Channel, Cluster, ClusterAdmission, DriftDecision, DriftPolicy, Drill, ExportPolicy, FailoverPolicy, FleetQuery, GlobalService, Inquiry, JoinToken, Mesh, UpdateRun, UpdateStrategy, WindowOverride,
];

/** Served by every member cluster's Kubernetes API. */
export const MEMBER_RESOURCES: readonly ResourceDefinition[] = [ServiceExport, ServiceImport];
