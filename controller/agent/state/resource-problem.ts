/** What the hub sends is checked once, where it comes in: the rest of the agent may rely on it. */
import { dnsLabelProblem } from '../../../mesh/model/names.ts';
import { exportKey, MAX_ENDPOINTS, serviceKey } from '../../../mesh/model/service.ts';
import type { SyncResource, SyncType, SyncValues } from '../../../mesh/model/sync.ts';

/** undefined: fine. Otherwise a sentence for the hub's log. */
export function resourceProblem(type: SyncType, resource: SyncResource): string | undefined {
  const wrongName = (expected: string): string | undefined =>
    (resource.name === expected ? undefined : `${type} ${JSON.stringify(resource.name)}: holds ${JSON.stringify(expected)}`);
  switch (type) {
    case 'ImportedFact': {
      const fact = resource.value as SyncValues['ImportedFact'];
      if (fact.endpoints.length > MAX_ENDPOINTS) return `${type} ${resource.name}: has ${fact.endpoints.length} endpoints; at most ${MAX_ENDPOINTS} are taken`;
      return wrongName(exportKey(fact)) ?? dnsLabelProblem(`${type} ${resource.name} namespace`, fact.namespace) ?? dnsLabelProblem(`${type} ${resource.name} name`, fact.name);
    }
    case 'ExportVerdict': return wrongName(serviceKey(resource.value as SyncValues['ExportVerdict']));
    case 'Evacuation': return wrongName((resource.value as SyncValues['Evacuation']).id);
    case 'PeerAddress': return wrongName((resource.value as SyncValues['PeerAddress']).cluster);
    case 'Bundle': return wrongName((resource.value as SyncValues['Bundle']).digest);
    case 'Reader': return wrongName((resource.value as SyncValues['Reader']).cluster);
    case 'Revocation': return wrongName((resource.value as SyncValues['Revocation']).cluster);
    case 'Question': return wrongName((resource.value as SyncValues['Question']).id);
    default: return undefined;
  }
}
