/**
 * What a hub that has just started does not know, and must therefore not take away. A cluster's own agent is the only source of its exports, its address and
 * of whether its exports are fine; until it has spoken, what other agents hold of it stays, however long that takes: a hub's restart is no evidence against
 * a service. It ends earlier only by a person's act: the Cluster object is deleted, or no ExportPolicy allows the export any more.
 */
import type { ExportFact } from '../../../mesh/model/service.ts';
import type { HubType } from '../gateway/publishers.ts';

export interface Known {
  /** Clusters whose exports have been heard, judged and told since this hub started. */
  exportsOf(cluster: string): boolean;
  /** Clusters that were told what became of their exports since this hub started. */
  verdictsOf(cluster: string): boolean;
  /** Clusters whose report has been heard. */
  reportOf(cluster: string): boolean;
  joined(cluster: string): boolean;
  allowed(fact: ExportFact): boolean;
}

function named(name: string): ExportFact | undefined {
  const [cluster, namespace, service, ...rest] = name.split('/');
  if (cluster === undefined || namespace === undefined || service === undefined || rest.length > 0) return undefined;
  return {
    cluster, namespace, name: service, version: { epoch: 0, sequence: 0 }, exportedAt: 0, type: 'ClusterSetIP', ports: [], ipFamilies: [], sessionAffinity: 'None',
    endpoints: [], endpointsOmitted: 0, loadBalancerAddresses: [],
  };
}

export function isUnknown(known: Known, recipient: string, type: HubType, name: string): boolean {
  switch (type) {
    case 'ImportedFact': {
      const fact = named(name);
      return fact !== undefined && known.joined(fact.cluster) && !known.exportsOf(fact.cluster) && known.allowed(fact);
    }
    case 'Bundle': return false;
    // Who has not said again whom it reads is not known to read nobody.
    case 'Reader': return false;
    // The records tell of every one.
    case 'Revocation': return false;
    case 'ExportVerdict': return !known.verdictsOf(recipient);
    case 'PeerAddress': return known.joined(name) && !known.reportOf(name);
    // An assignment is replaced, never withdrawn: records that lost it do not undo a cluster's peering.
    case 'DesiredRevision': return true;
    case 'Evacuation': case 'Question': return false;
  }
}
