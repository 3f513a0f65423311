/** A cluster as planners and queries see it, read back from its status: a restarted hub plans from what it believed, before any agent has called. */
import type { ClusterReport, ClusterView } from '../model/cluster.ts';
import { fieldsOf } from '../model/cluster-fields.ts';
import type { ClusterStatusValue } from '../model/cluster-status.ts';
import { fromRfc3339 } from '../model/instant.ts';
import { rowOf } from './row.ts';

export function viewCluster(name: string, labels: Readonly<Record<string, string>>, status: ClusterStatusValue | undefined): ClusterView {
  return {
    name, labels,
    properties: (status?.properties ?? []).map((property) => ({ ...property, observedAt: fromRfc3339(property.observedAt) ?? 0 })),
    facts: rowOf(name, fieldsOf({ metadata: { name }, status })).facts,
    joined: status?.identity !== undefined && status.revocation === undefined,
    ...(status?.revocation === undefined ? {} : { revoked: true as const }),
    report: reportOf(status),
    assignedId: status?.desired?.id ?? null,
  };
}

/** null: the agent has never reported. The address for peers is not kept in the status: the agent says it again when it connects. */
function reportOf(status: ClusterStatusValue | undefined): ClusterReport | null {
  if (status?.agentVersion === undefined) return null;
  const { cilium, kubernetesVersion = '', agentVersion, nodes = { total: 0, ready: 0 }, properties = [] } = status;
  return {
    properties: Object.fromEntries(properties.filter(({ source }) => source === 'observed').map(({ name, value }) => [name, value])),
    kubernetesVersion, agentVersion, nodes, peerAddress: '',
    cilium: cilium === undefined ? null : ciliumOf(cilium),
  };
}

/** zod's optional members may be `undefined`; the model's are absent. */
const present = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } => Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };

function ciliumOf({ endpoint, maxConnectedClusters, release, ...rest }: NonNullable<ClusterStatusValue['cilium']>): ClusterReport['cilium'] {
  return {
    ...present(rest),
    maxConnectedClusters: maxConnectedClusters === 511 ? 511 : 255,
    ...(release === undefined ? {} : { release: present(release) }),
    ...(endpoint === undefined ? {} : { endpoint: { port: endpoint.port, ...(endpoint.address === undefined ? {} : { address: endpoint.address }), ...(endpoint.ips === undefined ? {} : { ips: endpoint.ips }) } }),
  };
}
