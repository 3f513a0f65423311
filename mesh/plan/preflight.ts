/** Everything that would break the mesh, looked for before anything is written. */
import type { MeshEndpoint } from '../model/cluster.ts';
import { type IdLedger, NO_IDS } from '../model/mesh-ids.ts';
import { cidrConflicts } from './cidrs.ts';
import { planEndpoints } from './endpoints.ts';
import { planIds } from './ids.ts';
import type { Member, Membership } from './members.ts';
import { meshServerConflicts } from './mesh-server.ts';
import { settingConflicts } from './settings.ts';
import { type Findings, isMeant, sortOut } from './skips.ts';
import { planTopology, type TopologyPlan } from './topology.ts';
import { versionConflicts } from './versions.ts';
import type { Topology } from '../model/topology.ts';

export interface PreflightInput {
  /** What is kept of ids, by mesh; absent: nothing. */
  readonly ledgers?: ReadonlyMap<string, IdLedger>;
  /** `Cluster.spec.meshEndpoint`, by cluster. */
  readonly endpointOverrides: Readonly<Record<string, MeshEndpoint>>;
}

export interface Preflight extends Findings {
  /** Without those that are postponed. Sorted. */
  readonly members: readonly Member[];
  /** Selected and no members: not heard of yet, or postponed. Sorted. */
  readonly waiting: readonly string[];
  /** Members without an entry got none; a conflict says why. */
  readonly ids: ReadonlyMap<string, number>;
  readonly endpoints: ReadonlyMap<string, MeshEndpoint>;
  readonly topology: TopologyPlan;
}

const FULL_MESH: Topology = { type: 'FullMesh' };

export function preflight({ mesh, selected, members: all, waiting, conflicts: membershipConflicts }: Membership, { ledgers = new Map(), endpointOverrides }: PreflightInput): Preflight {
  const { ids, conflicts: idConflicts } = planIds(all, ledgers.get(mesh.name) ?? NO_IDS, mesh.maxConnectedClusters);
  const skips = mesh.skips ?? [];
  const first = sortOut(idConflicts, [], mesh.name);
  const postponed = new Set(first.postponed.flatMap(({ clusters }) => clusters));
  const members = postponed.size === 0 ? all : all.filter(({ name }) => !postponed.has(name));
  const { endpoints, conflicts: endpointConflicts } = planEndpoints(members, endpointOverrides);
  const topology = planTopology(mesh.name, mesh.topology ?? FULL_MESH, members.map(({ view }) => view), selected.map(({ name }) => name));
  const excused = skips.filter(({ check }) => check === 'CidrOverlap' || check === 'ServiceCidrOverlap');
  return {
    members, ids, endpoints, topology, waiting: postponed.size === 0 ? waiting : [...waiting, ...postponed].sort(),
    ...sortOut([
      ...membershipConflicts, ...topology.conflicts, ...settingConflicts(mesh, members), ...idConflicts,
      ...cidrConflicts(members, excused.length === 0 ? undefined : (reason, clusters) => excused.some((skip) => isMeant(skip, { reason, clusters }))),
      ...versionConflicts(members, mesh.allowVersionSkewMinors), ...endpointConflicts, ...meshServerConflicts(mesh, members, endpoints, topology.reads),
    ], skips, mesh.name),
  };
}
