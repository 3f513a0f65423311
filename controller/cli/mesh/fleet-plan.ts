/** The hub's own plan, made on the command line: from objects in files, or as they are in the hub's API. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { viewCluster } from '../../../mesh/inventory/view.ts';
import type { ClusterStatusValue } from '../../../mesh/model/cluster-status.ts';
import type { CiliumFacts, ClusterView } from '../../../mesh/model/cluster.ts';
import type { DesiredState, PeeringState } from '../../../mesh/model/desired.ts';
import { planMesh, type Plan } from '../../../mesh/plan/plan.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { shownLedgers } from '../../hub/mesh/shown-ids.ts';
import { meshEndpoint, meshValues } from '../../hub/views.ts';
import { CommandFailure } from '../environment.ts';
import { listAll } from '../list.ts';
import type { ObjectFiles } from './object-files.ts';

export interface PlannedPeering {
  readonly mesh: string;
  readonly peering: PeeringState;
  /** What the cluster's Cilium is now. */
  readonly cilium: CiliumFacts;
}

export interface FleetPlan {
  readonly plan: Plan;
  /** Sorted by cluster. */
  readonly peerings: ReadonlyMap<string, PlannedPeering>;
}

export async function readMeshes(client: KubernetesClient, signal: AbortSignal): Promise<ObjectFiles> {
  const [meshes, clusters] = await Promise.all([listAll<MeshObject>(client, Mesh, signal), listAll<ClusterObject>(client, Cluster, signal)]);
  return { meshes, clusters };
}

/** What a file need not say of a cluster whose agent has never reported: Cilium's own defaults, and the authMode that we need. */
const assumed = (name: string): Omit<CiliumFacts, 'version'> => ({ clusterName: name, clusterId: 0, maxConnectedClusters: 255, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster' });

/** As if each cluster had joined and reported what stands in the file. */
function offlineView(object: ClusterObject, ciliumVersion: string | undefined): ClusterView {
  const view = viewOf(object);
  const { name } = object.metadata;
  const given = object.status?.cilium as Partial<CiliumFacts> | undefined;
  const version = ciliumVersion ?? given?.version;
  const declared = Object.entries(object.spec?.properties ?? {}).filter(([property]) => !view.properties.some((known) => known.name === property));
  return {
    ...view, joined: true, properties: [...view.properties, ...declared.map(([property, value]) => ({ name: property, value, source: 'declared' as const, observedAt: 0 }))],
    report: {
      properties: {}, kubernetesVersion: '', agentVersion: '', nodes: { total: 0, ready: 0 }, peerAddress: '',
      cilium: version === undefined ? null : { ...assumed(name), ...given, version: version.replace(/^v/, '') },
    },
  };
}

const viewOf = ({ metadata, status }: ClusterObject): ClusterView => viewCluster(metadata.name, metadata.labels ?? {}, status as ClusterStatusValue | undefined);

/** `offline`: the objects are those of files, and no agent need have reported. `ciliumVersion`: of all clusters, whatever they say. */
export function planFleet({ meshes, clusters }: ObjectFiles, { offline, ciliumVersion }: { readonly offline: boolean; readonly ciliumVersion?: string }): FleetPlan {
  const views = clusters.map((object) => (offline ? offlineView(object, ciliumVersion) : viewOf(object)));
  const plan = planMesh({
    meshes: meshValues(meshes), clusters: views, failover: [], globalServices: [],
    // No part of what is looked at.
    trust: { trustDomain: '', sequence: 0, bundlePem: '' },
    endpointOverrides: Object.fromEntries(clusters.flatMap(({ metadata, spec }) => (spec?.meshEndpoint === undefined ? [] : [[metadata.name, meshEndpoint(spec.meshEndpoint)]]))),
    ledgers: shownLedgers(meshes),
  }, sha256Hex);
  const facts = new Map(views.map(({ name, report }) => [name, report?.cilium]));
  const peerings = plan.desired.flatMap(({ cluster, content }) => {
    const { mesh, peering } = JSON.parse(content) as DesiredState;
    const cilium = facts.get(cluster);
    return mesh === null || peering === null || cilium == null ? [] : [[cluster, { mesh, peering, cilium }] as const];
  });
  return { plan, peerings: new Map(peerings) };
}

/** Nothing is done with half a plan: what keeps one mesh from being planned is said, all of it. */
export function refuseConflicts({ plan }: FleetPlan, undone: string): void {
  const found = plan.meshes.flatMap(({ conflicts }) => conflicts);
  if (found.length > 0) throw new CommandFailure(`${undone}:\n${found.map(({ reason, message }) => `  ${reason}: ${message}`).join('\n')}`);
}
