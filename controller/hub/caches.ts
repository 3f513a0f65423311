/** The hub's live copies of what people want and what has become of it, one of each kind. */
import type { AccessPolicyObject } from '../../mesh/api/resources/access-policy.ts';
import type { ApprovalObject } from '../../mesh/api/resources/approval.ts';
import type { CertificateAuthorityObject } from '../../mesh/api/resources/authority.ts';
import type { BundleObject, ChannelObject } from '../../mesh/api/resources/bundle.ts';
import type { ClusterAdmissionObject } from '../../mesh/api/resources/cluster-admission.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import type { DriftDecisionObject, DriftPolicyObject } from '../../mesh/api/resources/drift-policy.ts';
import type { DrillObject } from '../../mesh/api/resources/drill.ts';
import type { FleetQueryObject } from '../../mesh/api/resources/fleet-query.ts';
import { AccessPolicy, Approval, Bundle, CertificateAuthority, ChangeWindow, Channel, Cluster, ClusterAdmission, DriftDecision, DriftPolicy, Drill, ExportPolicy, FailoverPolicy, FleetQuery, GlobalService, Inquiry, Mesh, UpdateRun, UpdateStrategy, WindowOverride } from '../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../mesh/api/resources/inquiry.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import type { ExportPolicyObject, FailoverPolicyObject, GlobalServiceObject } from '../../mesh/api/resources/policies.ts';
import type { UpdateRunObject, UpdateStrategyObject } from '../../mesh/api/resources/updates.ts';
import type { ChangeWindowObject, WindowOverrideObject } from '../../mesh/api/resources/windows.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { type Cache, type CacheOptions, createCache } from '../runtime/cache.ts';
import type { Part } from '../runtime/lifecycle.ts';
import { BUNDLE_INDEXES } from './bundles/judge.ts';
import { APPROVAL_INDEXES } from './gates/approvals.ts';
import { CLUSTER_INDEXES } from './inventory/claims.ts';
import type { HubPorts } from './ports.ts';
import { DRILL_INDEXES, RUN_INDEXES } from './views.ts';

/** What goes into runs, and whose editors have no word in them. */
const EDITED: readonly ResourceKind[] = [AccessPolicy, Mesh, FailoverPolicy, GlobalService, UpdateStrategy, Bundle, Channel];

export function createCaches(ports: Pick<HubPorts, 'clock' | 'kubernetes' | 'log' | 'metrics' | 'random'>) {
  const all: { readonly kind: ResourceKind; readonly cache: Cache<KubernetesObject> }[] = [];
  const cached = <T extends KubernetesObject>(kind: ResourceKind, indexes: NonNullable<CacheOptions<T>['indexes']> = {}): Cache<T> => {
    const cache = createCache<T>(ports.kubernetes, kind, { indexes }, ports);
    all.push({ kind, cache: cache as unknown as Cache<KubernetesObject> });
    return cache;
  };
  const clusters = cached<ClusterObject>(Cluster, CLUSTER_INDEXES);
  const meshes = cached<MeshObject>(Mesh);
  const policies = cached<ExportPolicyObject>(ExportPolicy);
  const accessPolicies = cached<AccessPolicyObject>(AccessPolicy);
  const failover = cached<FailoverPolicyObject>(FailoverPolicy);
  const globalServices = cached<GlobalServiceObject>(GlobalService);
  const strategies = cached<UpdateStrategyObject>(UpdateStrategy);
  const runs = cached<UpdateRunObject>(UpdateRun, RUN_INDEXES);
  const approvalObjects = cached<ApprovalObject>(Approval, APPROVAL_INDEXES);
  const drillObjects = cached<DrillObject>(Drill, DRILL_INDEXES);
  const driftPolicies = cached<DriftPolicyObject>(DriftPolicy);
  const driftDecisions = cached<DriftDecisionObject>(DriftDecision);
  const savedQueries = cached<FleetQueryObject>(FleetQuery);
  const inquiryObjects = cached<InquiryObject>(Inquiry);
  const bundleObjects = cached<BundleObject>(Bundle, BUNDLE_INDEXES);
  const channelObjects = cached<ChannelObject>(Channel);
  const changeWindows = cached<ChangeWindowObject>(ChangeWindow);
  const windowOverrides = cached<WindowOverrideObject>(WindowOverride);
  const admissions = cached<ClusterAdmissionObject>(ClusterAdmission);
  const authorityObjects = cached<CertificateAuthorityObject>(CertificateAuthority);
  return {
    clusters, meshes, policies, accessPolicies, failover, globalServices, strategies, runs, approvalObjects, drillObjects, driftPolicies, driftDecisions, savedQueries, inquiryObjects, bundleObjects, channelObjects, changeWindows, windowOverrides, admissions, authorityObjects,
    edited: all.filter(({ kind }) => EDITED.includes(kind)),
    parts: all.map(({ kind, cache }): Part => ({ name: `cache of ${kind.plural}`, start: cache.start })),
    /** Of all. */
    async waitForSync(signal: CancelSignal): Promise<void> {
      for (const { cache } of all) await cache.waitForSync(signal);
    },
  };
}
