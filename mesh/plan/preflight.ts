/** Everything that would break the mesh, looked for before anything is written. */
import type { MeshEndpoint } from '../model/cluster.ts';
import { cidrConflicts } from './cidrs.ts';
import type { Conflict } from './conflict.ts';
import { planEndpoints } from './endpoints.ts';
import { planIds } from './ids.ts';
import type { Membership } from './members.ts';
import { settingConflicts } from './settings.ts';
import { planTopology, type TopologyPlan } from './topology.ts';
import { versionConflicts } from './versions.ts';
import type { Topology } from '../model/topology.ts';

export interface PreflightInput {
  /** Ids of earlier plans, by cluster. */
  readonly previousIds: Readonly<Record<string, number>>;
  /** `Cluster.spec.meshEndpoint`, by cluster. */
  readonly endpointOverrides: Readonly<Record<string, MeshEndpoint>>;
}

export interface Preflight {
  /** Members without an entry got none; a conflict says why. */
  readonly ids: ReadonlyMap<string, number>;
  readonly endpoints: ReadonlyMap<string, MeshEndpoint>;
  readonly reads: TopologyPlan['reads'];
  /** Empty: the mesh can be planned. */
  readonly conflicts: readonly Conflict[];
}

const FULL_MESH: Topology = { type: 'FullMesh' };

export function preflight({ mesh, selected, members, waiting, conflicts: membershipConflicts }: Membership, { previousIds, endpointOverrides }: PreflightInput): Preflight {
  const { ids, conflicts: idConflicts } = planIds(members, waiting, previousIds, mesh.maxConnectedClusters);
  const { endpoints, conflicts: endpointConflicts } = planEndpoints(members, endpointOverrides);
  const { reads, conflicts: topologyConflicts } = planTopology(mesh.name, mesh.topology ?? FULL_MESH, members.map(({ view }) => view), selected.map(({ name }) => name));
  return {
    ids, endpoints, reads,
    conflicts: [
      ...membershipConflicts, ...topologyConflicts, ...settingConflicts(mesh, members), ...idConflicts,
      ...cidrConflicts(members), ...versionConflicts(members, mesh.allowVersionSkewMinors), ...endpointConflicts,
    ],
  };
}
