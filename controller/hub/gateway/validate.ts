/** What an agent may say: about itself only, and within bounds. The certificate names the cluster; no message does. */
import { dnsLabelProblem } from '../../../mesh/model/names.ts';
import { MAX_ENDPOINTS, serviceKey, type ExportFact } from '../../../mesh/model/service.ts';
import type { SyncResource, SyncValues } from '../../../mesh/model/sync.ts';
import type { AgentType } from './fleet.ts';

const MAX_PROPERTIES = 128;
const MAX_PROPERTY_NAME = 128;
const MAX_PROPERTY_VALUE = 1024;
const MAX_DRIFT_ENTRIES = 1000;
const MAX_PORTS = 100;

function exportProblem(cluster: string, name: string, fact: ExportFact): string | undefined {
  if (fact.cluster !== cluster) return `cluster: "${fact.cluster}" is not the cluster of the certificate, "${cluster}"`;
  if (name !== serviceKey(fact)) return `name: is not "${serviceKey(fact)}"`;
  if (fact.endpoints.length > MAX_ENDPOINTS) return `endpoints: ${fact.endpoints.length} given, at most ${MAX_ENDPOINTS} allowed; count the rest in endpointsOmitted`;
  if (fact.ports.length > MAX_PORTS) return `ports: ${fact.ports.length} given, at most ${MAX_PORTS} allowed`;
  return dnsLabelProblem('namespace', fact.namespace) ?? dnsLabelProblem('name', fact.name);
}

function reportProblem(report: SyncValues['ClusterReport']): string | undefined {
  const properties = Object.entries(report.properties);
  if (properties.length > MAX_PROPERTIES) return `properties: ${properties.length} given, at most ${MAX_PROPERTIES} allowed`;
  for (const [name, value] of properties) {
    if (name === '' || name.length > MAX_PROPERTY_NAME) return `properties: name ${JSON.stringify(name.slice(0, 40))} has ${name.length} characters; 1 to ${MAX_PROPERTY_NAME} are allowed`;
    if (value.length > MAX_PROPERTY_VALUE) return `properties.${name}: has ${value.length} characters; at most ${MAX_PROPERTY_VALUE} are allowed`;
  }
  return undefined;
}

/** A sentence that says what is wrong, or undefined. */
export function resourceProblem(cluster: string, type: AgentType, resource: SyncResource): string | undefined {
  const { name, value } = resource;
  switch (type) {
    case 'ExportFact': return exportProblem(cluster, name, value as SyncValues['ExportFact']);
    case 'DnsSample': {
      const sample = value as SyncValues['DnsSample'];
      return sample.cluster === cluster ? undefined : `cluster: "${sample.cluster}" is not the cluster of the certificate, "${cluster}"`;
    }
    case 'Answer': return (value as SyncValues['Answer']).id === name ? undefined : 'id: is not the name of the resource';
    case 'ClusterReport': return name === cluster ? reportProblem(value as SyncValues['ClusterReport']) : `name: must be "${cluster}"`;
    case 'AppliedReport': {
      if (name !== cluster) return `name: must be "${cluster}"`;
      const { drift } = value as SyncValues['AppliedReport'];
      return drift.length > MAX_DRIFT_ENTRIES ? `drift: ${drift.length} entries given, at most ${MAX_DRIFT_ENTRIES} allowed` : undefined;
    }
  }
}
