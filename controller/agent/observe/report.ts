/** The cluster's own view of itself → the report for the hub. Pure. */
import type { NodeObject } from '../../../mesh/api/resources/core.ts';
import type { CiliumFacts, ClusterReport } from '../../../mesh/model/cluster.ts';
import { isReady } from './cilium.ts';

/** Well-known node labels that become properties where every node agrees and the configuration says nothing else. */
const FROM_NODES = { region: 'topology.kubernetes.io/region' } as const;

export function composeReport(parts: {
  readonly properties: Readonly<Record<string, string>>;
  readonly version: string;
  readonly cilium: CiliumFacts | null;
  readonly nodes: readonly NodeObject[];
  readonly peerAddress: string;
  readonly inventory?: Pick<ClusterReport, 'uid' | 'capabilities' | 'resources' | 'requestedBy'>;
}): ClusterReport {
  const { nodes } = parts;
  const common = Object.entries(FROM_NODES).flatMap(([property, label]) => {
    const values = [...new Set(nodes.map((node) => node.metadata.labels?.[label]))];
    return values.length === 1 && values[0] !== undefined ? [[property, values[0]]] : [];
  });
  const versions = nodes.flatMap((node) => node.status?.nodeInfo?.kubeletVersion ?? []).sort(byNumbers);
  return {
    properties: { ...Object.fromEntries(common), ...parts.properties },
    // The newest kubelet: never ahead of the API server (Kubernetes' version skew policy), and equal to it but during an upgrade.
    kubernetesVersion: versions.at(-1) ?? '',
    agentVersion: parts.version,
    cilium: parts.cilium,
    nodes: { total: nodes.length, ready: nodes.filter(isReady).length },
    peerAddress: parts.peerAddress,
    ...parts.inventory,
  };
}

const byNumbers = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
