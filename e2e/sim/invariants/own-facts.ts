/** What is believed of a cluster comes from that cluster: its identity, its observed history, and the endpoints that others hold in its name. */
import { EndpointSlice, type EndpointSliceObject, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import type { Invariant } from './invariant.ts';

interface Seen {
  readonly identities: readonly { readonly cluster: string; readonly spiffeId: string | undefined; readonly ciliumName: string | undefined }[];
  readonly imported: readonly { readonly holder: string; readonly source: string; readonly address: string }[];
  /** Endpoint addresses that each cluster has itself, and those of its load balancers. */
  readonly own: Readonly<Record<string, readonly string[]>>;
}

const SOURCE = 'multicluster.kubernetes.io/source-cluster';

export const ownFacts: Invariant<Seen> = {
  name: 'facts of a cluster are its own',
  capture: (fleet) => ({
    identities: fleet.hub.readAll<ClusterObject>(Cluster).map(({ metadata, status }) => ({ cluster: metadata.name, spiffeId: status?.identity?.spiffeId, ciliumName: status?.cilium?.clusterName })),
    imported: fleet.members.flatMap((holder) => holder.readAll<EndpointSliceObject>(EndpointSlice).flatMap(({ metadata, endpoints }) => {
      const source = metadata.labels?.[SOURCE];
      return source === undefined ? [] : (endpoints ?? []).flatMap(({ addresses }) => addresses.map((address) => ({ holder: holder.name, source, address })));
    })),
    own: Object.fromEntries(fleet.members.map((member) => [member.name, [...member.definition.endpoints, ...member.readAll<ServiceObject>(Service).flatMap(({ status }) => (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []))]])),
  }),
  assert({ identities, imported, own }) {
    for (const { cluster, spiffeId, ciliumName } of identities) {
      if (spiffeId !== undefined && !spiffeId.endsWith(`/cluster/${cluster}`)) return `Cluster ${cluster} has the identity ${spiffeId}`;
      // One that no cluster has is a name that somebody gave it anew.
      if (ciliumName !== undefined && ciliumName !== cluster && own[ciliumName] !== undefined) return `Cluster ${cluster} has the Cilium facts of ${ciliumName}`;
    }
    const foreign = imported.find(({ source, address }) => own[source]?.includes(address) !== true);
    return foreign === undefined ? undefined : `${foreign.holder} holds ${foreign.address} as ${foreign.source}'s`;
  },
  print: (seen) => JSON.stringify(seen, null, 1),
};
