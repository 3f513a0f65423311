/** Which clusters belong to which mesh, and which of them can be planned already. */
import { parseCiliumVersion } from '../model/cilium-version.ts';
import type { CiliumFacts, ClusterView } from '../model/cluster.ts';
import { compareText } from '../model/order.ts';
import type { Conflict } from './conflict.ts';
import type { Selection, Selections } from './selection.ts';

/** A member with a Cilium to peer. */
export interface Member {
  readonly name: string;
  readonly cilium: CiliumFacts;
  readonly view: ClusterView;
}

export interface Membership extends Selection {
  readonly members: readonly Member[];
  /** Selected, but not joined or not heard of yet: no part of the plan until they report. Sorted. */
  readonly waiting: readonly string[];
  readonly conflicts: readonly Conflict[];
}

export function membershipOf({ mesh, reach, selected }: Selection, contested: Selections['contested']): Membership {
  const conflicts: Conflict[] = [];
  if (reach.problem !== undefined) {
    conflicts.push({ reason: 'InvalidSelector', message: `Mesh ${mesh.name}: spec.clusters: ${reach.problem}. Until then no cluster's mesh is changed.`, clusters: [] });
  }
  for (const { name } of contested.size === 0 ? [] : selected) {
    const names = contested.get(name);
    if (names !== undefined) {
      conflicts.push({ reason: 'ClusterInTwoMeshes', message: `cluster ${name}: is selected by the meshes ${names.join(', ')}; a cluster can be in one only: narrow spec.clusters of the others (exclude_labels)`, clusters: [name] });
    }
  }
  if (selected.length > mesh.maxConnectedClusters) {
    conflicts.push({
      reason: 'TooManyClusters',
      message: `Mesh ${mesh.name}: selects ${selected.length} clusters, but maxConnectedClusters is ${mesh.maxConnectedClusters}; narrow spec.clusters, or have it divided into cells (spec.cells)`,
      clusters: [],
    });
  }
  const waiting: string[] = [];
  const members: Member[] = [];
  for (const cluster of selected) {
    if (!cluster.joined || cluster.report === null) {
      waiting.push(cluster.name);
      if (cluster.joined && cluster.assignedId !== null) conflicts.push(reportMissing(cluster));
    } else if (cluster.report.cilium === null || cluster.report.cilium.version === '') {
      conflicts.push({ reason: 'CiliumMissing', message: `cluster ${cluster.name}: its agent found no Cilium (${describeCilium(cluster.report.cilium)}); install Cilium there, set the agent's ciliumNamespace, or take the cluster out of Mesh ${mesh.name}`, clusters: [cluster.name] });
    } else if (isTooOld(cluster.report.cilium.version)) {
      conflicts.push({ reason: 'CiliumTooOld', message: `cluster ${cluster.name}: Cilium is ${cluster.report.cilium.version}, and what is written for peers is read by 1.${OLDEST_MINOR} and newer; upgrade Cilium there, or take the cluster out of Mesh ${mesh.name}`, clusters: [cluster.name] });
    } else {
      members.push({ name: cluster.name, cilium: cluster.report.cilium, view: cluster });
    }
  }
  return { mesh, reach, selected, members, waiting: waiting.sort(compareText), conflicts };
}

/** Whether it can be a member of a mesh now; `membershipOf` says why not. */
export const isPlannable = ({ joined, report }: ClusterView): boolean => joined && report !== null && report.cilium !== null && report.cilium.version !== '' && !isTooOld(report.cilium.version);

/** The oldest whose chart was compared with what is written. */
const OLDEST_MINOR = 16;
function isTooOld(version: string): boolean {
  const read = parseCiliumVersion(version);
  return read !== undefined && (read.major < 1 || (read.major === 1 && read.minor < OLDEST_MINOR));
}

const describeCilium = (cilium: CiliumFacts | null): string => (cilium === null ? 'no ConfigMap cilium-config' : `ConfigMap cilium-config in ${cilium.namespace}, but no running version`);

/** Its peers have it already. Planning without it would cut it off only because nobody remembers its report. */
const reportMissing = (cluster: ClusterView): Conflict => ({
  reason: 'ReportMissing',
  message: `cluster ${cluster.name}: has the assigned state ${cluster.assignedId ?? ''}, but no report of its agent is known; the mesh stays as it is until the agent reports, or until Cluster ${cluster.name} is taken out of the mesh`,
  clusters: [cluster.name],
});
