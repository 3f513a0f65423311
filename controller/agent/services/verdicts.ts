/** Writes the verdict on each export of this cluster into its ServiceExport. */
import { ServiceExport, type ServiceExportObject } from '../../../mesh/api/resources/multicluster.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { applyObject } from '../../runtime/apply.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Exports } from '../observe/exports.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { exportConditions } from './export-status.ts';

export function createVerdicts(cluster: string, ports: AgentPorts, state: AgentState, exports: Exports): Pick<Loop, 'start'> {
  const loop = createLoop({
    ...ports,
    name: 'verdicts',
    async reconcile(service, signal) {
      const object = exports.object(service);
      if (object === undefined || exports.facts === undefined) return {};
      const shared = state.get('ImportedFact', `${cluster}/${service}`) !== undefined;
      const conditions = exportConditions(object, exports.problem(service), state.get('ExportVerdict', service), shared, ports.clock.now());
      if (canonicalJson(conditions) === canonicalJson(object.status?.conditions ?? [])) return {};
      const { apiVersion, kind, metadata: { namespace = '', name } } = object;
      const status = { apiVersion, kind, metadata: { namespace, name }, status: { conditions: [...conditions] } } as ServiceExportObject;
      await applyObject(ports.kubernetes, ServiceExport, status, { fieldManager: 'isthmus-agent', force: true, subresource: 'status' }, signal);
      return {};
    },
  });
  return {
    async start(signal) {
      const everything = (): void => { for (const service of exports.services()) loop.add(service); };
      exports.subscribe((service) => { if (service === undefined) everything(); else loop.add(service); });
      state.subscribe((type, name) => {
        if (type === 'ExportVerdict') loop.add(name);
        else if (type === 'ImportedFact' && name.startsWith(`${cluster}/`)) loop.add(name.slice(cluster.length + 1));
      });
      everything();
      await loop.start(signal);
    },
  };
}
